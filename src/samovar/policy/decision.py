"""Who may do what: the order in which policies count, and AWS's words for a refusal (facts/iam.md §6).

Owns: `decide`. Rules:

1. A Deny that applies, in any policy, decides.
2. Services, and callers without a name, need a resource policy that admits them.
3. In the caller's own account, a resource policy that names the session or user itself admits it at once; one that
   names its role takes the place of the identity policies; one that names the account leaves it to these.
4. Between accounts both sides must allow.
5. Boundary and session policies only take away.
"""

import msgspec

from samovar.policy.principals import Fit, Who
from samovar.policy.rules import Request, Rules, Said, Statement


class Caller(msgspec.Struct, frozen=True):
    """Somebody, and what their own account lets them do."""

    who: Who
    identity: Rules | None = None
    """None: the root of an account, who may do everything there; services don't use it."""
    boundary: Rules | None = None
    """None: there is none."""
    session: Rules | None = None


class Decision(msgspec.Struct, frozen=True):
    allowed: bool
    by: str = ""
    """`identity`, `resource`, `boundary` or `session`: the policy that denies, or the one in which nothing allows."""
    statement: Statement | None = None
    """The one that decided; None where none applied, and for roots."""

    @property
    def explicit(self) -> bool:
        return not self.allowed and self.statement is not None


_ROOT = Said(fit=Fit.SELF)
_NOTHING = Said()


def decide(
    caller: Caller, request: Request, resource: Rules | None = None, *, account: str = "", both: bool = False
) -> Decision:
    """`resource`: the policy of what is asked for, which belongs to `account` (empty: to nobody else than the caller).

    `both`: the resource's policy must allow even in the caller's own account (the trust policies of roles).
    """
    who = caller.who
    admitted = resource.say_of(who, request) if resource else _NOTHING
    if who.service or not who.account:
        return _decided("resource", admitted)
    identity = caller.identity.say(request) if caller.identity else _ROOT
    boundary = caller.boundary.say(request) if caller.boundary else _ROOT
    session = caller.session.say(request) if caller.session else _ROOT
    sides = (("identity", identity), ("resource", admitted), ("boundary", boundary), ("session", session))
    for by, said in sides:
        if said.denied:
            return Decision(False, by, said.denied)
    foreign = account not in ("", who.account)
    if not foreign and admitted.allowed:
        if admitted.fit is Fit.SELF:
            return Decision(True, "resource", admitted.allowed)
        if admitted.fit is Fit.ROLE and not identity.allowed:
            identity = admitted
    for by, said in (("identity", identity), ("boundary", boundary), ("session", session)):
        if not said.allowed and said is not _ROOT:
            return Decision(False, by)
    if (foreign or both) and not admitted.allowed:
        return Decision(False, "resource")
    return Decision(True, "identity", identity.allowed)


def _decided(by: str, said: Said) -> Decision:
    return Decision(False, by, said.denied) if said.denied else Decision(said.allowed is not None, by, said.allowed)


_NO = {
    "identity": "no identity-based policy allows",
    "resource": "no resource-based policy allows",
    "boundary": "no permissions boundary allows",
    "session": "no session policy allows",
}
_DENY = {
    "identity": "an identity-based policy",
    "resource": "a resource-based policy",
    "boundary": "a permissions boundary",
    "session": "a session policy",
}


def refusal(caller: str, request: Request, decision: Decision) -> str:
    """AWS's text; `caller` is the ARN that it names."""
    on = f" on resource: {request.resource}" if request.resource != "*" else ""
    text = f"User: {caller} is not authorized to perform: {request.action}{on}"
    if decision.explicit:
        return f"{text} with an explicit deny in {_DENY[decision.by]}"
    return f"{text} because {_NO[decision.by]} the {request.action} action"
