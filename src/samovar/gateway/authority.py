"""Who is let in, and what they may do: signatures asked for, permissions decided (facts/iam.md §6, §7).

Owns: the three modes, and AWS's codes for refusals. Refuses: how signatures are verified (`signatures`), what policies
mean (`policy`), who there is (IAM).

    off    nobody is asked: credentials only say whose resources are meant
    soft   everything is checked, and what would be refused is logged and done
    on     what isn't signed rightly or isn't allowed is refused

Rule: a resource of another account is reached through the owner's context once both sides allow; nobody gets there
otherwise.
"""

import logging
from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from samovar.core.access import Access, Need
from samovar.core.clock import Clock
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.service import Service
from samovar.core.session import Session
from samovar.gateway import identity
from samovar.gateway.facts import Facts
from samovar.gateway.identity import Identities, Identity
from samovar.gateway.signatures import UNKNOWN_KEY, Signatures, as_s3, is_signed
from samovar.net.message import Request
from samovar.policy import grammar
from samovar.policy.decision import Caller, Decision, decide, refusal
from samovar.policy.grammar import Kind
from samovar.policy.principals import Who
from samovar.policy.rules import Request as Asked
from samovar.policy.rules import Rules
from samovar.policy.rules import facts as facts_of
from samovar.wire import chunked, sigv4

Mode = Literal["off", "soft", "on"]

_REMEMBERED = 2048
_ANONYMOUS = Caller(Who("anonymous"))

log = logging.getLogger("samovar.auth")


class Role(Protocol):
    @property
    def trust(self) -> Rules: ...


class Directory(Protocol):
    """Principals and what they may do (`services/iam`)."""

    def caller(self, principal: str, session: Session | None) -> Caller | None: ...
    def tags(self, principal: str) -> Mapping[str, str]: ...
    def role(self, arn: str) -> Role | None: ...
    def id(self, principal: str) -> str: ...


class Authority:
    def __init__(
        self,
        mode: Mode,
        identities: Identities,
        directory: Directory,
        clock: Clock,
        operator: str = "",
    ) -> None:
        """`operator`: as `Signatures` takes it."""
        self.enforces = mode != "off"
        self._soft = mode == "soft"
        self._identities = identities
        self.identify = identities.identify
        self._directory = directory
        self._cards: dict[str, Access | None] = {}
        self._clock = clock
        self._signatures = Signatures(identities, clock, operator)
        self._compiled: dict[object, Rules] = {}
        self._said: set[str] = set()

    def attach(self, service: Service) -> None:
        """A service whose operations are to be allowed; before anybody calls it."""
        self._cards[service.name] = service.access

    # --- who

    def authenticate(self, request: Request, service: str, signing_name: str, operation: str) -> Identity:
        """Whoever signed this request; AwsError for what isn't signed rightly."""
        card = self._cards.get(service)
        if card is not None and operation in card.unsigned and not is_signed(request):
            return NOBODY
        try:
            return self._signatures.signer(request, signing_name)
        except AwsError as refused:
            if not self._soft:
                raise (as_s3(refused) if service == "s3" else refused) from None
            self._say(f"would be refused: {refused.message} ({service} {operation})")
            scope = sigv4.scope(request.headers, request.query)
            return self.identify(scope, request.headers, request.query)

    def authenticate_operator(self, request: Request) -> None:
        """AwsError unless whoever runs the server has signed."""
        self._signatures.check_operator(request)

    def chunks(self, request: Request) -> chunked.Chunks:
        """What takes the body of an authenticated request apart while it arrives."""
        signed = self._signatures.chunks(request) if self.enforces and not self._soft else None
        return signed or chunked.unsigned(request.headers)

    # --- what

    def admit(
        self, ctx: Context, service: str, operation: str, params: Params, request: Request | None = None
    ) -> Context:
        """The context to run an operation in: the owner's of what it is about; AwsError where it isn't allowed."""
        card = self._cards.get(service)
        needs = card.needs(operation, ctx, params) if card else [Need(f"{service}:{operation}")]
        if not needs:
            return ctx
        try:
            return self._admit(ctx, card, operation, params, needs, request)
        except AwsError as refused:
            if not self._soft:
                raise
            self._say(f"would be refused: {refused.message}")
            return ctx

    def _admit(
        self,
        ctx: Context,
        card: Access | None,
        operation: str,
        params: Params,
        needs: list[Need],
        request: Request | None,
    ) -> Context:
        caller = self._caller(ctx)
        if ctx.session is not None and not ctx.session.role and needs[0].action.startswith("iam:"):
            raise AwsError("UnrecognizedClientException", UNKNOWN_KEY)  # facts/iam.md §3, GetSessionToken
        account = ctx.account
        linked = _LINKED.get(caller.who.service, frozenset())
        for number, need in enumerate(needs):
            if need.action in linked:
                continue
            owner = self._owner(card, need) or ctx.account
            facts = Facts(
                ctx,
                caller,
                card,
                operation,
                params,
                need,
                self._clock.now,
                self._directory.tags,
                self._owner_of,
                request,
            )
            asked = Asked(need.action, need.resource, facts)
            closed = card is not None and card.closed and need.action.startswith(f"{card.prefix}:")
            admitting = self._rules(card, need.resource) if card and need.action.startswith(card.prefix) else None
            closed = closed and need.resource != "*"
            decision = decide(caller, asked, admitting, account=owner, both=closed)
            if not decision.allowed:
                raise self._denied(caller, asked, decision, terse=closed)
            if number == 0 and not (card is not None and operation in card.stays):
                account = owner
        return ctx if account == ctx.account else msgspec.structs.replace(ctx, account=account)

    def visit(
        self, ctx: Context, request: Request, action: str, arn: str, policy: object, given: Mapping[str, str]
    ) -> Context:
        """The context of a signed visit to a site (function URLs, APIs); AwsError where it isn't allowed."""
        who = self.authenticate(request, "", action.partition(":")[0], action)
        ctx = msgspec.structs.replace(ctx, account=who.account, principal=who.principal, session=who.session)
        card = Access(action.partition(":")[0], policy=lambda arn: policy)
        try:
            return self._admit(ctx, card, "", {}, [Need(action, arn, given)], request)
        except AwsError as refused:
            if not self._soft:
                raise
            self._say(f"would be refused: {refused.message}")
            return ctx

    def user_id(self, ctx: Context) -> str:
        """The unique id of who calls, as `aws:userid` has it: AIDA..., AROA...:SESSION, the account of its root."""
        return ctx.session.user_id if ctx.session else self._directory.id(ctx.principal) or ctx.account

    def trusts(self, role: str, service: str) -> bool:
        """Whether a role (its ARN) lets a service take it on."""
        if not self.enforces:
            return True
        found = self._directory.role(role)
        caller = Caller(Who(service, service=service))
        asked = Asked("sts:AssumeRole", role, facts_of({}))
        trusted = found is not None and decide(caller, asked, found.trust).allowed
        if not trusted and self._soft:
            self._say(f"would be refused: the role {role} can't be assumed by {service}")
        return trusted or self._soft

    def permits(self, role: str, action: str, arn: str) -> bool:
        """Whether a role (its ARN) may do something with a resource, as a function that runs under it would."""
        if not self.enforces:
            return True
        caller = self._directory.caller(role, None)
        card = self._cards.get(action.partition(":")[0])
        admitting = self._rules(card, arn) if card is not None else None
        owner = self._owner(card, Need(action, arn))
        asked = Asked(action, arn, facts_of({}))
        permitted = caller is not None and decide(caller, asked, admitting, account=owner, both=False).allowed
        if not permitted and self._soft:
            self._say(f"would be refused: the role {role} is not authorized to perform: {action} on resource: {arn}")
        return permitted or self._soft

    def admit_form(self, ctx: Context, fields: Mapping[str, str], wanted: Params) -> Context:
        """The context of whoever signed an HTML form for S3 and may put what it brings; AwsError for nobody's.

        Facts: s3.md §3.4.
        """
        claimed = sigv4.parse_credential(fields.get("x-amz-credential", ""))
        token = {"x-amz-security-token": fields["x-amz-security-token"]} if "x-amz-security-token" in fields else {}
        found = self._identities.find(claimed, token, "") if claimed is not None else None
        if self.enforces and not self._soft:
            self._signatures.check_form(fields, claimed, found)
        who = found or identity.assumed(claimed)
        ctx = msgspec.structs.replace(ctx, account=who.account, principal=who.principal, session=who.session)
        return self.admit(ctx, "s3", "PutObject", wanted) if self.enforces else ctx

    # --- pieces

    def _caller(self, ctx: Context) -> Caller:
        if not ctx.principal:
            return _ANONYMOUS
        caller = self._directory.caller(ctx.principal, ctx.session)
        if caller is None:
            raise AwsError("UnrecognizedClientException", UNKNOWN_KEY)
        return caller

    @staticmethod
    def _owner(card: Access | None, need: Need) -> str:
        """The account of a resource; empty for one that is nobody's."""
        account = (need.resource.split(":", 5) + [""] * 5)[4]
        if account.isdecimal() and len(account) == 12:
            return account
        return (card.owner(need.resource) or "") if card else ""

    def _owner_of(self, arn: str) -> str:
        """The account of a resource of any service; empty for one that nobody knows."""
        account = (arn.split(":", 5) + [""] * 5)[4]
        if account:
            return account
        return next((found for card in self._cards.values() if card and (found := card.owner(arn))), "")

    def _rules(self, card: Access, arn: str) -> Rules | None:
        policy = card.policy(arn)
        return self._compile(policy) if policy else None

    def _compile(self, policy: object) -> Rules:
        """A resource's policy compiled; one that can't be read admits nobody."""
        if isinstance(policy, Rules):
            return policy
        text = policy if isinstance(policy, str) else msgspec.json.encode(policy).decode()
        rules = self._compiled.get(text)
        if rules is None:
            if len(self._compiled) >= _REMEMBERED:
                self._compiled.clear()
            try:
                rules = Rules([("resource policy", grammar.parse(text, Kind.RESOURCE))])
            except grammar.Malformed as wrong:
                log.warning("a resource policy can't be read and admits nobody: %s", wrong)
                rules = Rules([])
            self._compiled[text] = rules
        return rules

    @staticmethod
    def _denied(caller: Caller, asked: Asked, decision: Decision, terse: bool) -> AwsError:
        if caller is _ANONYMOUS:
            text = "Access Denied"
        elif terse:
            text = f"User: {caller.who.arn} is not authorized to perform: {asked.action} on resource: {asked.resource}"
        else:
            text = refusal(caller.who.arn, asked, decision)
        return AwsError("AccessDeniedException", text)

    def _say(self, text: str) -> None:
        """Each thing once: a missing permission is asked for again and again."""
        if text not in self._said:
            if len(self._said) >= _REMEMBERED:
                self._said.clear()
            self._said.add(text)
            log.warning("%s", text)


_LINKED: Mapping[str, frozenset[str]] = {
    "apigateway.amazonaws.com": frozenset(
        {"elasticloadbalancing:DescribeListeners", "logs:CreateLogStream", "logs:PutLogEvents"}
    ),
    "lambda.application-autoscaling.amazonaws.com": frozenset(
        f"lambda:{verb}ProvisionedConcurrencyConfig" for verb in ("Get", "Put", "Delete")
    ),
}
"""What a service may do in every account that uses it, as by AWS's service-linked role."""

NOBODY = Identity(identity.DEFAULT_ACCOUNT, "")
"""A caller without a signature, where that is allowed."""
