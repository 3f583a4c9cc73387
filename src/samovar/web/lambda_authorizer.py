"""Functions that say who may enter: what they answer, and how long that counts (facts/apigateway.md §7, §9).

Owns: the two forms of an answer (a policy, a simple one), the question to the function, the cache of answers. Used by
REST, HTTP and WebSocket APIs, each of which makes its own event and has its own words for a refusal. Rules:

1. Whatever a function answers is a Grant, or a Failure; an answer that can't be read lets nobody in.
2. A cached Grant is evaluated anew for each request: its policy may allow one route and not another.
3. No task and no await: whoever asks is called back, now or later. A question has a deadline.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.policy import grammar
from samovar.policy.grammar import Kind
from samovar.policy.rules import Request, Rules
from samovar.web.functions import Functions, Ran

ACTION = "execute-api:Invoke"
LARGEST = 8 * 1024
"""Bytes of an answer."""
TIMEOUT_S = 29.0
_REMEMBERED = 10_000


class Verdict(Enum):
    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    NOT_ALLOWED = "not allowed by anything"


class Grant(msgspec.Struct, frozen=True):
    """What a function answered."""

    rules: Rules | bool
    """A policy; or yes or no, in the simple form."""
    principal: str = ""
    context: Mapping[str, Any] = {}
    usage_key: str = ""
    """`usageIdentifierKey`: the API key that the caller goes by."""
    policy: str = ""
    """The policy's text."""

    def verdict(self, arn: str, facts: Callable[[str], tuple[str, ...] | None]) -> Verdict:
        """Of invoking `arn`; `facts` are the request's condition keys."""
        if isinstance(self.rules, bool):
            return Verdict.ALLOWED if self.rules else Verdict.NOT_ALLOWED
        said = self.rules.say(Request(ACTION, arn, facts))
        if said.denied:
            return Verdict.DENIED
        return Verdict.ALLOWED if said.allowed else Verdict.NOT_ALLOWED


class Failure(Enum):
    UNAUTHORIZED = "the function said Unauthorized"
    FAILED = "the function failed or wasn't run"
    MALFORMED = "the answer can't be read"


class Malformed(Exception):
    """The message says why, for a log."""


Read = Callable[[bytes], Grant]
"""An answer's bytes -> what it grants; Malformed."""


def read_policy(payload: bytes) -> Grant:
    """The answer of REST and WebSocket APIs, whose context has strings, numbers and booleans, and shows strings."""
    answer = _object(payload)
    principal = answer.get("principalId")
    if not isinstance(principal, str) or not principal:
        raise Malformed("principalId is missing")
    return _policy(answer, principal, {name: _text(value) for name, value in _context(answer).items()})


def read_policy_or_simple(payload: bytes, simple: bool) -> Grant:
    """The answer of HTTP APIs, whose context keeps its types."""
    answer = _object(payload)
    context = {name: value for name, value in _context(answer).items() if value is not None}
    if not simple:
        principal = answer.get("principalId")
        return _policy(answer, principal if isinstance(principal, str) else "", context)
    allowed = answer.get("isAuthorized")
    if not isinstance(allowed, bool):
        raise Malformed("isAuthorized is missing")
    return Grant(allowed, context=context)


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > LARGEST:
        raise Malformed(f"The answer is larger than {LARGEST} bytes")
    try:
        answer = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("The answer isn't JSON") from None
    if not isinstance(answer, dict):
        raise Malformed("The answer is no object")
    return answer


def _context(answer: dict[str, Any]) -> dict[str, Any]:
    context = answer.get("context") or {}
    if not isinstance(context, dict):
        raise Malformed("context is no object")
    return context


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise Malformed("context holds a nested value")
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _policy(answer: dict[str, Any], principal: str, context: Mapping[str, Any]) -> Grant:
    document, key = answer.get("policyDocument"), answer.get("usageIdentifierKey")
    try:
        rules = Rules([("authorizer", grammar.read(document, Kind.AUTHORIZER))])
    except grammar.Malformed as wrong:
        raise Malformed(f"policyDocument: {wrong}") from None
    text = msgspec.json.encode(document).decode()
    return Grant(rules, principal, context, key if isinstance(key, str) else "", text)


class Question(msgspec.Struct, frozen=True):
    ctx: Context
    """As whom, and for what, the function is run."""
    function: str
    """Its ARN."""
    event: Callable[[], bytes]
    """Made only when the function has to be asked."""
    read: Read
    cache: tuple[str, ...] | None = None
    """What the answer holds for (API, stage, authorizer, identity...); None: for this request alone."""
    ttl_s: int = 0


Then = Callable[[Grant | Failure], None]


class LambdaAuthorizers:
    """Asks functions, and remembers what they said."""

    def __init__(self, functions: Functions, clock: Clock) -> None:
        self._functions = functions
        self._clock = clock
        self._remembered: OrderedDict[tuple[str, ...], tuple[float, Grant]] = OrderedDict()

    def ask(self, question: Question, then: Then, say: Callable[[str], None] = lambda line: None) -> None:
        """`then` hears once; `say` gets what a log may tell of it."""
        found = self._recall(question.cache) if question.cache and question.ttl_s else None
        if found is not None:
            then(found)
            return
        waiting = _Once(then)
        timer = asyncio.get_running_loop().call_later(TIMEOUT_S, waiting.tell, Failure.FAILED)

        def ran(ran: Ran) -> None:
            timer.cancel()
            waiting.tell(self._heard(question, ran, say))

        self._functions.run(question.ctx, question.function, question.event(), ran)

    def forget(self, *scope: str) -> None:
        """What was said for keys that begin so: an API, a stage."""
        gone = [key for key in self._remembered if key[: len(scope)] == scope]
        for key in gone:
            del self._remembered[key]

    def _recall(self, key: tuple[str, ...]) -> Grant | None:
        found = self._remembered.get(key)
        if found is None:
            return None
        if found[0] <= self._clock.now():
            del self._remembered[key]
            return None
        self._remembered.move_to_end(key)
        return found[1]

    def _heard(self, question: Question, ran: Ran, say: Callable[[str], None]) -> Grant | Failure:
        if ran.error:
            say(f"Lambda execution failed: {ran.message or ran.payload[:1024].decode(errors='replace')}")
            return Failure.UNAUTHORIZED if not ran.refused and _is_unauthorized(ran.payload) else Failure.FAILED
        try:
            grant = question.read(ran.payload)
        except Malformed as wrong:
            say(f"Execution failed due to configuration error: Invalid JSON in response: {wrong}")
            return Failure.MALFORMED
        if question.cache and question.ttl_s:
            self._remembered[question.cache] = (self._clock.now() + question.ttl_s, grant)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return grant


def _is_unauthorized(payload: bytes) -> bool:
    try:
        failed = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(failed, dict) and failed.get("errorMessage") == "Unauthorized"


class _Once:
    """Hears several, tells the first."""

    __slots__ = ("_then",)

    def __init__(self, then: Then) -> None:
        self._then: Then | None = then

    def tell(self, what: Grant | Failure) -> None:
        then, self._then = self._then, None
        if then is not None:
            then(what)
