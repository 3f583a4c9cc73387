"""Documents compiled: which statement says what about a request.

Owns: Request, Rules. Rules are kept as long as the policies that they were made of don't change; they remember which
statements are about an action, so that a warm question looks at these only.
"""

from collections.abc import Iterable, Mapping

import msgspec

from samovar.policy.conditions import Condition
from samovar.policy.grammar import Document
from samovar.policy.grammar import Statement as Written
from samovar.policy.pattern import ArnMatcher, Facts, Unresolved, Values, matcher
from samovar.policy.principals import Fit, Who, fit, spared

_REMEMBERED = 512
"""Actions per set of rules; the names that a simulation asks for are its caller's."""


class Request:
    """What somebody wants to do: one action on one resource."""

    __slots__ = ("action", "facts", "fields", "folded", "resource")

    def __init__(self, action: str, resource: str, facts: Facts) -> None:
        self.action = action
        """`sqs:SendMessage`."""
        self.resource = resource
        """An ARN; `*` for an action that isn't about one."""
        self.facts = facts
        self.folded = action.lower()
        self.fields = resource.split(":", 5)


def facts(given: Mapping[str, str | Values]) -> Facts:
    """Facts that are all known beforehand."""
    folded = {key.lower(): (value,) if isinstance(value, str) else value for key, value in given.items()}
    return folded.get


class Said(msgspec.Struct, frozen=True):
    """What a set of rules says about a request."""

    denied: "Statement | None" = None
    allowed: "Statement | None" = None
    fit: Fit = Fit.NOT
    """How closely the allowing statement named the caller (resource policies)."""


_NOTHING = Said()


class Statement:
    """One statement, ready to be asked."""

    __slots__ = (
        "_actions", "_any_resource", "_but_actions", "_but_principals", "_but_resources", "_conditions", "_principals",
        "_resources", "allow", "number", "sid", "source",
    )  # fmt: skip

    def __init__(self, written: Written, variables: bool, source: str, number: int) -> None:
        self.allow = written.allow
        self.sid = written.sid
        self.source = source
        """Which policy it stands in: an ARN or a name."""
        self.number = number
        """Its place there, from 1."""
        self._actions = [matcher(action, variables=False, fold=True) for action in written.actions]
        self._but_actions = written.but_actions
        named = written.resources
        self._any_resource = named is None or ("*" in named and not written.but_resources)
        self._resources = [None if each == "*" else ArnMatcher(each, variables=variables) for each in named or ()]
        self._but_resources = written.but_resources
        self._principals = written.principals
        self._but_principals = written.but_principals
        self._conditions = [Condition(*each, variables) for each in written.conditions]

    def is_about(self, action: str) -> bool:
        return any(each.matches(action, _unknown) for each in self._actions) is not self._but_actions

    def fits(self, who: Who) -> Fit:
        if self._principals is None:
            return Fit.SELF
        if not self._but_principals:
            return fit(self._principals, who)
        if self.allow:
            return Fit.NOT if fit(self._principals, who) else Fit.SELF
        return Fit.NOT if spared(self._principals, who) else Fit.SELF

    def applies(self, request: Request) -> bool:
        """Whether resource and conditions hold; its action is known to."""
        try:
            return (self._any_resource or self._concerns(request)) and all(
                condition.holds(request.facts) for condition in self._conditions
            )
        except Unresolved:
            return False

    def _concerns(self, request: Request) -> bool:
        for each in self._resources:
            try:
                if each is None or each.matches_fields(request.fields, request.facts):
                    return not self._but_resources
            except Unresolved:
                if self._but_resources:
                    raise
        return self._but_resources

    @property
    def fixed(self) -> bool:
        """Whether action and resource alone decide if it applies."""
        return not self._conditions and all(each is None or each.fixed for each in self._resources)

    @property
    def keys(self) -> set[str]:
        """The condition keys that it asks for."""
        return {condition.key for condition in self._conditions}


def _unknown(key: str) -> None:
    return None


def _first(statements: list[Statement], request: Request) -> Said:
    """By the first that applies; denying ones come first."""
    for statement in statements:
        if statement.applies(request):
            return Said(allowed=statement) if statement.allow else Said(denied=statement)
    return _NOTHING


class Rules:
    """Policies of one kind, together: a request is allowed when one statement allows and none denies."""

    def __init__(self, policies: Iterable[tuple[str, Document]]) -> None:
        """`policies`: (source, document)."""
        self.statements = [
            Statement(written, document.variables, source, number)
            for source, document in policies
            for number, written in enumerate(document.statements, 1)
        ]
        self._about: dict[str, list[Statement]] = {}
        self._settled: dict[tuple[str, str], Said] = {}
        """(action, resource) -> what is said of it, where nothing else of a request is asked for."""

    def about(self, action: str) -> list[Statement]:
        """The statements about an action in lower case, denying ones first."""
        found = self._about.get(action)
        if found is None:
            found = [each for each in self.statements if each.is_about(action)]
            found.sort(key=lambda each: each.allow)
            if len(self._about) >= _REMEMBERED:
                self._about.clear()
            self._about[action] = found
        return found

    def say(self, request: Request) -> Said:
        """For policies without principals."""
        asked = (request.folded, request.resource)
        found = self._settled.get(asked)
        if found is None:
            statements = self.about(request.folded)
            found = _first(statements, request)
            if all(statement.fixed for statement in statements):
                if len(self._settled) >= _REMEMBERED:
                    self._settled.clear()
                self._settled[asked] = found
        return found

    def say_of(self, who: Who, request: Request) -> Said:
        """For policies with principals: the closest fit that allows."""
        best = _NOTHING
        for statement in self.about(request.folded):
            close = statement.fits(who)
            if close > best.fit and statement.applies(request):
                if not statement.allow:
                    return Said(denied=statement, fit=close)
                best = Said(allowed=statement, fit=close)
        return best
