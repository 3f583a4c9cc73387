"""The condition keys of a request: what policies may ask (facts/iam.md §5).

Owns: the global keys. Rule: nothing is computed before a policy asks for it.
"""

import time
from collections.abc import Callable, Mapping

from samovar.core.access import Access, Need
from samovar.core.context import Context, Params
from samovar.net.message import Request
from samovar.policy.decision import Caller
from samovar.policy.pattern import Values


class Facts:
    """What is known of one request; called with a key in lower case."""

    __slots__ = (
        "_access", "_caller", "_ctx", "_given", "_need", "_now", "_operation", "_owner", "_params", "_request", "_tags",
    )  # fmt: skip

    def __init__(
        self,
        ctx: Context,
        caller: Caller,
        access: Access | None,
        operation: str,
        params: Params,
        need: Need,
        now: Callable[[], float],
        tags: Callable[[str], Mapping[str, str]],
        owner: Callable[[str], str],
        request: Request | None,
    ) -> None:
        """`tags`: of a user or role. `owner`: the account of a resource, by its ARN."""
        self._ctx = ctx
        self._caller = caller
        self._access = access
        self._operation = operation
        self._params = params
        self._need = need
        self._now = now
        self._tags = tags
        self._owner = owner
        self._request = request
        self._given: dict[str, Values] | None = None

    def __call__(self, key: str) -> Values | None:
        if key in _GLOBAL:
            value = _GLOBAL[key](self)
            return (value,) if value else None
        name, slash, tag = key.partition("/")
        if slash and name == "aws:principaltag":
            return _one(self._principal_tags(), tag)
        if slash and name in ("aws:resourcetag", f"{_service(self._need)}:resourcetag"):
            return _one((self._access.tags(self._need.resource) if self._access else None) or {}, tag)
        if self._given is None:
            self._given = self._collect()
        return self._given.get(key)

    def _collect(self) -> dict[str, Values]:
        found = dict(self._access.facts(self._ctx, self._operation, self._params)) if self._access else {}
        found |= self._need.facts
        if self._ctx.session is not None:
            found |= self._ctx.session.facts
        return {key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in found.items()}

    def _principal_tags(self) -> dict[str, str]:
        who = self._caller.who
        own = dict(self._tags(who.role or who.arn))
        return own | self._ctx.session.tags if self._ctx.session else own

    # --- the global keys; an empty value is a missing key

    def current_time(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))

    def epoch_time(self) -> str:
        return str(int(self._now()))

    def token_issue_time(self) -> str:
        session = self._ctx.session
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.issued_at)) if session else ""

    def multi_factor(self) -> str:
        return "false" if self._ctx.session else ""

    def principal_account(self) -> str:
        return self._caller.who.account

    def principal_arn(self) -> str:
        who = self._caller.who
        return "" if who.service else who.role or who.arn

    def is_service(self) -> str:
        return "true" if self._caller.who.service else "false"

    def service_name(self) -> str:
        return self._caller.who.service

    def principal_type(self) -> str:
        who, session = self._caller.who, self._ctx.session
        if who.service:
            return "Service"
        if who.role:
            return "AssumedRole"
        if session and ":federated-user/" in who.arn:
            return "FederatedUser"
        if not who.account:
            return "Anonymous"
        return "Account" if who.arn == who.root else "User"

    def user_id(self) -> str:
        session, who = self._ctx.session, self._caller.who
        return session.user_id if session else who.id or who.account

    def user_name(self) -> str:
        arn = self._caller.who.arn
        return arn.rpartition("/")[2] if ":user/" in arn else ""

    def federated_provider(self) -> str:
        return self._ctx.session.provider if self._ctx.session else ""

    def source_identity(self) -> str:
        return self._ctx.session.source_identity if self._ctx.session else ""

    def source_function(self) -> str:
        return self._ctx.session.function_arn if self._ctx.session else ""

    def source_ip(self) -> str:
        return self._request.peer if self._request else ""

    def source_arn(self) -> str:
        return self._ctx.source_arn

    def source_account(self) -> str:
        """Of what the service calls for."""
        return self._owner(self._ctx.source_arn) if self._ctx.source_arn else ""

    def requested_region(self) -> str:
        return self._ctx.region

    def resource_account(self) -> str:
        account = (self._need.resource.split(":", 5) + [""] * 5)[4]
        return account if account.isdecimal() else self._ctx.account

    def secure(self) -> str:
        return ("true" if self._request.tls else "false") if self._request else ""

    def header(self, name: str) -> str:
        return self._request.headers.get(name, "") if self._request else ""

    def via_service(self) -> str:
        return "false" if self._request else "true"


_GLOBAL: Mapping[str, Callable[[Facts], str]] = {
    "aws:currenttime": Facts.current_time,
    "aws:epochtime": Facts.epoch_time,
    "aws:federatedprovider": Facts.federated_provider,
    "aws:multifactorauthpresent": Facts.multi_factor,
    "aws:principalaccount": Facts.principal_account,
    "aws:principalarn": Facts.principal_arn,
    "aws:principalisawsservice": Facts.is_service,
    "aws:principalservicename": Facts.service_name,
    "aws:principaltype": Facts.principal_type,
    "aws:referer": lambda facts: facts.header("referer"),
    "aws:requestedregion": Facts.requested_region,
    "aws:resourceaccount": Facts.resource_account,
    "aws:securetransport": Facts.secure,
    "aws:sourceaccount": Facts.source_account,
    "aws:sourcearn": Facts.source_arn,
    "aws:sourceidentity": Facts.source_identity,
    "aws:sourceip": Facts.source_ip,
    "aws:tokenissuetime": Facts.token_issue_time,
    "aws:useragent": lambda facts: facts.header("user-agent"),
    "aws:userid": Facts.user_id,
    "aws:username": Facts.user_name,
    "aws:viaawsservice": Facts.via_service,
    "lambda:sourcefunctionarn": Facts.source_function,
}


def _one(tags: Mapping[str, str], key: str) -> Values | None:
    """The value of a tag; keys of tags are the same in any case."""
    for name, value in tags.items():
        if name.lower() == key:
            return (value,)
    return None


def _service(need: Need) -> str:
    return need.action.partition(":")[0]
