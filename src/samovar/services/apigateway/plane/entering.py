"""Who may enter: authorizers, signatures, the API's resource policy, API keys (facts/apigateway.md §7).

Owns: the order in which these are asked, and what together lets a caller in. `then` hears None, or the Refusal. Rules:

1. What the resource policy denies is refused before anybody else is asked.
2. A signed caller of AWS_IAM, or one whom a Lambda authorizer lets in, needs nothing of the resource policy; it may
   let in whom these don't. Everybody else needs it to allow, where there is one. A private API always needs one.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from samovar.core.errors import AwsError
from samovar.policy import rules
from samovar.policy.principals import Who
from samovar.policy.rules import Said
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.keys import KeyRing
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.web.lambda_authorizer import ACTION, Verdict
from samovar.web.signers import Signatures, signer
from samovar.wire import sigv4

Then = Callable[[Refusal | None], None]
_NOBODY = Who("")
_LONGEST_ARN = 1600
_LONGEST_PATH = 1000
"""With less the ARN can't be too long: a stage's name has 128 characters."""
_INVALIDATE = "execute-api:InvalidateCache"
_REFUSED_AS: Mapping[str, str] = {
    "MissingAuthenticationTokenException": "MISSING_AUTHENTICATION_TOKEN",
    "ExpiredTokenException": "EXPIRED_TOKEN",
    "AccessDeniedException": "ACCESS_DENIED",
}


class Authority(Signatures, Protocol):
    def trusts(self, role: str, service: str) -> bool:
        """Whether a role (its ARN) can be taken on by a service."""
        ...


class Entrance:
    def __init__(self, authority: Authority, keys: KeyRing) -> None:
        self._authority = authority
        self._keys = keys

    def enter(self, exchange: Exchange, then: Then) -> None:
        """Raises Refusal as well."""
        method = exchange.settled
        if len(exchange.routed) > _LONGEST_PATH and len(exchange.execution_arn) > _LONGEST_ARN:
            raise Refusal("BAD_REQUEST_PARAMETERS", "Request-URI Too Large", status=414)
        said = self._policy_of(exchange)
        if method.authorization == "AWS_IAM":
            self._signed(exchange)
        elif method.authorizer is not None:
            method.authorizer.ask(exchange, partial(self._asked, exchange, said, then))
            return
        elif exchange.plan.needs_policy and not said.allowed:
            raise _denied(exchange, "")
        self._keys.admit(exchange)
        then(None)

    def _asked(self, exchange: Exchange, said: Said, then: Then, refusal: Refusal | None) -> None:
        """An authorizer has answered."""
        try:
            if refusal is not None:
                raise refusal
            self._judge(exchange, said)
            self._keys.admit(exchange)
        except Refusal as refused:
            then(refused)
            return
        then(None)

    @staticmethod
    def _judge(exchange: Exchange, said: Said) -> None:
        grant = exchange.grant
        if grant is None:  # a token's authorizer says who it is, not what they may do
            if exchange.plan.needs_policy and not said.allowed:
                raise _denied(exchange, "")
            return
        verdict = grant.verdict(exchange.execution_arn, rules.facts(_facts(exchange)))
        if verdict is Verdict.DENIED:
            raise Refusal("ACCESS_DENIED", "User is not authorized to access this resource with an explicit deny")
        if verdict is Verdict.NOT_ALLOWED and not said.allowed:
            raise Refusal("ACCESS_DENIED")

    @staticmethod
    def _policy_of(exchange: Exchange) -> Said:
        policy = exchange.plan.policy
        if policy is None:
            return Said()
        asked = rules.Request(ACTION, exchange.execution_arn, rules.facts(_facts(exchange)))
        said = policy.say_of(_NOBODY, asked)
        if said.denied:
            raise _denied(exchange, " with an explicit deny")
        return said

    def may_invalidate(self, exchange: Exchange) -> bool:
        """Whether a caller may have a new answer instead of a cached one: a signed one, with that permission."""
        request = exchange.request
        if sigv4.scope(request.headers, request.query) is None:
            return False
        if self._authority.enforces:
            try:
                self._authority.visit(exchange.ctx, request, _INVALIDATE, exchange.execution_arn, None, {})
            except AwsError:
                return False
        return True

    def _signed(self, exchange: Exchange) -> None:
        policy = exchange.plan.settings.get("policy")
        try:
            who = signer(self._authority, exchange.ctx, exchange.request, (ACTION,), exchange.execution_arn, policy)
        except AwsError as refused:
            raise Refusal(_REFUSED_AS.get(refused.code, "INVALID_SIGNATURE"), refused.message) from None
        if who is None:
            raise Refusal("MISSING_AUTHENTICATION_TOKEN")
        exchange.caller |= who.identity()


def _facts(exchange: Exchange) -> dict[str, str]:
    """The condition keys of a request to an API."""
    given = {
        "aws:SourceIp": exchange.peer,
        "aws:VpcSourceIp": exchange.peer if exchange.request.source is not None else "",
        "aws:SourceVpce": exchange.caller.get("vpceId", ""),
        "aws:UserAgent": exchange.request.headers.get("user-agent", ""),
        "aws:Referer": exchange.request.headers.get("referer", ""),
        "aws:SecureTransport": "true" if exchange.request.tls else "false",
        "aws:EpochTime": str(int(exchange.now)),
        "aws:CurrentTime": str(int(exchange.now)),
    }
    return {key: value for key, value in given.items() if value}


def _denied(exchange: Exchange, how: str) -> Refusal:
    """The text hides most of the account's number."""
    arn = exchange.execution_arn.replace(exchange.api.account, f"********{exchange.api.account[-4:]}", 1)
    text = f"User: anonymous is not authorized to perform: {ACTION} on resource: {arn}{how}"
    return Refusal("ACCESS_DENIED", text)
