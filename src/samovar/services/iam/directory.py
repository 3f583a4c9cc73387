"""Principals with what they may do: the compiled policies of users, roles and sessions, as the gateway asks for them.

Owns: Directory and its caches, which every change empties. Rule: a principal that isn't there (any more), or whose name
was given to another since, is None, whatever credentials say.
"""

import re

import msgspec

from samovar.core.session import Session
from samovar.policy import grammar
from samovar.policy.decision import Caller
from samovar.policy.grammar import Kind
from samovar.policy.principals import Who
from samovar.policy.rules import Rules
from samovar.services.iam import holders
from samovar.services.iam.state import GROUP, ROLE, Holder, State

_REMEMBERED = 4096


class Role(msgspec.Struct, frozen=True):
    """What STS needs to know of a role."""

    arn: str
    account: str
    name: str
    id: str
    trust: Rules
    max_session_s: int
    tags: dict[str, str]


class Directory:
    def __init__(self, state: State) -> None:
        self._state = state
        self._callers: dict[str, tuple[Caller, str] | None] = {}
        """ARN of a user or role -> (what it may do, its unique id)."""
        self._sessions: dict[str, Caller | None] = {}
        state.changed += [self._callers.clear, self._sessions.clear]

    def caller(self, principal: str, session: Session | None) -> Caller | None:
        """`principal`: an ARN, or a service that calls by itself (`events.amazonaws.com`)."""
        if session is not None:
            return self._in_session(principal, session)
        if principal not in self._callers:
            if len(self._callers) >= _REMEMBERED:
                self._callers.clear()
            self._callers[principal] = self._compiled(principal)
        found = self._callers[principal]
        return found[0] if found else None

    def role(self, arn: str) -> Role | None:
        holder = holders.by_arn(self._state, arn)
        if holder is None or holder.kind != ROLE:
            return None
        trust = Rules([("trust", holders.trust(self._state, holder))])
        return Role(holder.arn, holder.account, holder.name, holder.id, trust, holder.max_session_s, holder.tags)

    def tags(self, principal: str) -> dict[str, str]:
        """The tags of a user or role (aws:PrincipalTag)."""
        holder = holders.by_arn(self._state, principal)
        return holder.tags if holder else {}

    def id(self, principal: str) -> str:
        """The unique id of a user or role; empty when it isn't there."""
        holder = holders.by_arn(self._state, principal)
        return holder.id if holder else ""

    def provider(self, account: str, url: str) -> tuple[str, tuple[str, ...]] | None:
        """(ARN, client ids) of the OpenID Connect provider that an account has registered for an issuer."""
        found = self._state.providers.get((account, f"arn:aws:iam::{account}:oidc-provider/{url}"))
        return (found.arn, found.clients) if found else None

    def _in_session(self, principal: str, session: Session) -> Caller | None:
        found = self._sessions.get(session.access_key)
        if found is None:
            if len(self._sessions) >= _REMEMBERED:
                self._sessions.clear()
            found = self._sessions[session.access_key] = self._limited(principal, session)
        return found

    def _limited(self, principal: str, session: Session) -> Caller | None:
        issuer = self.caller(session.issuer, None)
        if issuer is None or (session.issuer_id and self.id(session.issuer) != session.issuer_id):
            return None
        rules: Rules | None = None
        if session.policies is not None:
            texts = [("session", text) for text in session.policies]
            texts += [(arn, document) for arn in session.policy_arns if (document := self._document(arn))]
            rules = Rules([(source, grammar.parse(text, Kind.IDENTITY)) for source, text in texts])
        role = issuer.who.role if session.role else ""
        who = Who(principal, session.account, role, issuer.who.id)
        return Caller(who, issuer.identity, issuer.boundary, rules)

    def _compiled(self, principal: str) -> tuple[Caller, str] | None:
        if not principal.startswith("arn:"):
            return Caller(Who(principal, service=principal)), ""
        if principal.endswith(":root"):
            return Caller(Who(principal, principal.split(":")[4])), ""
        holder = self._acting(principal)
        if holder is None or holder.kind == GROUP:
            return None
        arn, role = holder.arn, ""
        if holder.kind == ROLE:  # the platform itself, on behalf of the role
            taken = f"arn:aws:sts::{holder.account}:assumed-role/{holder.name}/samovar"
            arn, role = principal if principal.startswith("arn:aws:sts:") else taken, holder.arn
        boundary = self._rules([("boundary", self._document(holder.boundary) or "")]) if holder.boundary else None
        who = Who(arn, holder.account, role, holder.id)
        return Caller(who, self._rules(holders.sources(self._state, holder)), boundary), holder.id

    def _acting(self, principal: str) -> Holder | None:
        """The user or role of an ARN; that of a session means its role, where the platform took it on."""
        session = re.fullmatch(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/.+", principal)
        if session:
            return self._state.holder(session[1], ROLE, session[2])
        return holders.by_arn(self._state, principal)

    def _document(self, arn: str) -> str | None:
        return holders.document(self._state, arn)

    def _rules(self, sources: list[tuple[str, str]]) -> Rules:
        return Rules([(source, grammar.parse(text, Kind.IDENTITY)) for source, text in sources if text])
