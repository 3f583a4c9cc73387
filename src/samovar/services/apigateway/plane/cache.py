"""The cache of a stage: answers of integrations, for as long as the method's settings say (facts/apigateway.md §7).

Owns: keys, ages, the room that all stages together have. Rules:

1. A key is the method's cache namespace, and the values of its cacheKeyParameters: nothing else of a request counts.
2. Only answers of 2xx up to 1 MB are kept. What was used least recently goes first.
3. `Cache-Control: max-age=0` gets a new answer, for whoever may ask for that.
"""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from samovar.core.clock import Clock
from samovar.net.message import Response
from samovar.services.apigateway import expressions
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.plane.stages import Stage
from samovar.services.apigateway.state import Shape

LARGEST = 1_048_576
ROOM = 64 * 1_048_576
"""Bytes in all, whatever size a stage's cluster is said to have."""
_FORBIDDEN = "FAIL_WITH_403"
_SILENT = "SUCCEED_WITHOUT_RESPONSE_HEADER"
_WARNING = ("Warning", '199 - "Cache-Control max-age=0 was ignored: not authorized to invalidate the cache"')

Key = tuple[str, ...]
MayInvalidate = Callable[[Exchange], bool]


class Place(msgspec.Struct, frozen=True):
    """Where an answer goes."""

    key: Key
    ttl_s: int
    warns: bool = False
    """Whether the client is told that it mayn't have a new answer."""


class Cache:
    def __init__(self, clock: Clock, may_invalidate: MayInvalidate) -> None:
        self._clock = clock
        self._may_invalidate = may_invalidate
        self._kept: OrderedDict[Key, tuple[float, Response]] = OrderedDict()
        self._size = 0

    def place(self, exchange: Exchange, stage: Stage) -> Place | None:
        """Where the answer of a request has its place; None where nothing is cached. Raises Refusal."""
        settings = _settings(exchange, stage)
        if settings is None:
            return None
        values = []
        for name in exchange.settled.cache_keys:
            source = expressions.identity_source(name)
            values.append((exchange.value(source) if source else None) or "")
        canary = "canary" if exchange.staged.canary and not _shares(stage) else ""
        head = (exchange.api.id, exchange.staged.name, canary, exchange.settled.cache_namespace, exchange.http_method)
        key = (*head, *values)
        return Place(key, settings.get("cacheTtlInSeconds", 300), self._renews(exchange, settings, key))

    def _renews(self, exchange: Exchange, settings: Shape, key: Key) -> bool:
        """Forget what is kept if the client asks for it; True: it asked, mayn't, and is to be told."""
        wanted = exchange.request.headers.get("cache-control", "").replace(" ", "").lower()
        if "max-age=0" not in wanted.split(","):
            return False
        if not settings.get("requireAuthorizationForCacheControl", True) or self._may_invalidate(exchange):
            self._drop(key)
            return False
        strategy = settings.get("unauthorizedCacheControlHeaderStrategy")
        if strategy == _FORBIDDEN:
            raise Refusal("ACCESS_DENIED")
        return strategy != _SILENT

    def find(self, place: Place) -> Response | None:
        found = self._kept.get(place.key)
        if found is None:
            return None
        if found[0] <= self._clock.now():
            self._drop(place.key)
            return None
        self._kept.move_to_end(place.key)
        return found[1]

    def keep(self, place: Place, response: Response) -> None:
        body = response.body
        if not 200 <= response.status < 300 or not isinstance(body, bytes) or len(body) > LARGEST or not place.ttl_s:
            return
        if self._kept.get(place.key, (0.0, None))[1] is response:
            return
        self._drop(place.key)
        self._kept[place.key] = (self._clock.now() + place.ttl_s, response)
        self._size += _weight(response)
        while self._size > ROOM:
            self._drop(next(iter(self._kept)))

    def forget(self, *scope: str) -> None:
        """Everything of an API, a stage."""
        for key in [key for key in self._kept if key[: len(scope)] == scope]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._size -= _weight(found[1])


def warned(response: Response) -> Response:
    """With the header that says that the cache wasn't invalidated."""
    return Response(response.status, [*response.headers, _WARNING], response.body)


def _settings(exchange: Exchange, stage: Stage) -> Shape | None:
    """The settings by which a method is cached. Without own ones only GET is, once the stage has a cluster."""
    if not stage.shape.get("cacheClusterEnabled"):
        return None
    method = exchange.settled
    settings, own = exchange.settings, stage.has_own(method.resource, method.name)
    if not own and exchange.http_method != "GET":
        return None
    if settings is None:
        return {}
    return settings if settings["cachingEnabled"] else None


def _shares(stage: Stage) -> bool:
    return bool((stage.shape.get("canarySettings") or {}).get("useStageCache"))


def _weight(response: Response) -> int:
    body = response.body if isinstance(response.body, bytes) else b""
    return len(body) + sum(len(name) + len(value) for name, value in response.headers) + 200
