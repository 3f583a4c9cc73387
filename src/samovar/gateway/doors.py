"""The doors that aren't AWS's: `/_samovar/health` and `/_samovar/reset`, also under LocalStack's names for its tools,
`/_samovar/clock`, the links through which services hand out files, and the web sites that services run under host names
of their own.

Owns: their paths, their JSON, who may open them. Refuses: names that aren't ours (DNS rebinding), resets from inside a
function or without --allow-reset, and moving the clock likewise (--allow-clock). A site is open to every page and
browser, as it is on AWS: who may enter is its own matter.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec

from samovar.core.clock import SystemClock, iso_z
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.core.services import Services
from samovar.gateway import admission, origin, welcome
from samovar.net.message import Admit, Reply, Request, Response, Streamed

_HEALTH = ("/_samovar/health", "/_localstack/health")
_RESET = ("/_samovar/reset", "/_localstack/state/reset")
_CLOCK = "/_samovar/clock"
_REMEMBERED, _LONGEST = 1024, 512
"""So many places, no longer than that, are remembered with the site whose they are."""
_CENTURY_S = 100 * 365 * 86_400
"""The farthest that the clock moves at once."""


Download = Callable[[str, str], Awaitable[bytes | None]]
"""(path, query) of a link that a service handed out -> the bytes, or None for a link that isn't valid (any more)."""


View = Callable[[Mapping[str, str]], Awaitable[object]]
"""The parameters of a query string -> what is shown as JSON; BadView for parameters that can't be."""


class BadView(Exception):
    """The message says which parameter, and what is allowed."""


Room = Callable[[Request], Coroutine[Any, Any, Response]]
"""Answers every request to a path."""


class Site(msgspec.Struct, frozen=True):
    """What a service answers to browsers and the like, not to AWS's SDKs: function URLs, APIs."""

    claims: Callable[[str, str], bool]
    """Whether a request is for it, by its host (in lower case) and path. The same question has the same answer."""
    serve: Callable[[Request, Context, Reply], Coroutine[Any, Any, Response] | None]
    """Answers once, now or later; what it gives back is its answer, for the gateway to wait for."""
    streams: bool = False
    """Whether it takes bodies as they arrive."""
    private: bool = False
    """Whether it is closed to pages of other sites."""
    services: tuple[str, ...] = ()
    """Those that answer, and have to be there."""
    owns: Callable[[str, str], bool] | None = None
    """Whether a request is for it since its host is one that users have made: asked anew for every request, and before
    anybody else's claims."""
    admit: Admit = admission.admit
    """How much of a body it takes."""


class Aside(msgspec.Struct, frozen=True):
    """What a service of AWS's answers beside its operations: preflights, forms. Asked when the service is there."""

    service: str
    operation: str
    """In whose form errors are told."""
    claims: Callable[[Request], bool]
    answer: Callable[[Request, Context, AsyncIterator[bytes]], Awaitable[Response]]
    shared: Callable[[Request], list[tuple[str, str]] | None]
    """The headers that let a page of another site read the answer to its request; None: it may not."""


class _Move(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /_samovar/clock."""

    advance_s: Annotated[float, msgspec.Meta(ge=0, le=_CENTURY_S)]


class Doors:
    def __init__(
        self,
        services: Services,
        *,
        facts: Callable[[], dict[str, object]],
        reset: Callable[[], Awaitable[None]],
        allow_reset: bool,
        clock: SystemClock,
        allow_clock: bool,
        listen_host: str,
        downloads: Mapping[str, Download] | None = None,
        views: Mapping[str, View] | None = None,
        sites: Iterable[Site] = (),
        asides: Iterable[Aside] = (),
        rooms: Mapping[str, Room] | None = None,
        guard: Callable[[Request], None] | None = None,
    ) -> None:
        """`facts` are further members of the health answer (version, isolation); `reset` runs after the services'.

        `rooms` are doors that see to everything themselves, by path; `guard` raises AwsError for who may not change or
        look into the platform, where that is asked. `downloads` are services' links, by the prefix of their paths;
        `views` what rooms show of themselves, by path.
        """
        self._services = services
        self._facts = facts
        self._reset = reset
        self._allow_reset = allow_reset
        self._clock = clock
        self._allow_clock = allow_clock
        self._listen_host = listen_host
        self._downloads = downloads or {}
        self._views = views or {}
        self._sites = tuple(sites)
        self._owned = tuple((site.owns, site) for site in self._sites if site.owns is not None)
        self._known: dict[tuple[str, str], Site | None] = {}
        """Host and path -> whose claim it is."""
        self._last: tuple[Mapping[str, str], Site | None] = ({}, None)
        """Each request is looked up twice: when its head is there, and when all of it is."""
        self._asides = tuple(asides)
        self._rooms = rooms or {}
        self._guard = guard

    def site(self, headers: Mapping[str, str], path: str) -> Site | None:
        """The site that a request is for."""
        asked, found = self._last
        if asked is not headers:
            found = self._find(headers, path)
            self._last = headers, found
        return found

    def _find(self, headers: Mapping[str, str], path: str) -> Site | None:
        host = headers.get("host", "").lower()
        for owns, site in self._owned:
            if owns(host, path):
                return site
        place = (host, path)
        if place in self._known:
            return self._known[place]
        found = next((site for site in self._sites if site.claims(host, path)), None)
        if len(host) + len(path) <= _LONGEST:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[place] = found
        return found

    def admit(self, method: str, path: str, headers: Mapping[str, str]) -> int | Streamed | Response:
        """How much of a request's body is taken: the server's `Admit`."""
        site = self.site(headers, path)
        return site.admit(method, path, headers) if site is not None else admission.admit(method, path, headers)

    def aside(self, request: Request) -> Aside | None:
        """Whose a request is that no operation means."""
        return next((aside for aside in self._present() if aside.claims(request)), None)

    def awaited(self, request: Request) -> list[str]:
        """The services that have to be there before anybody knows whether a request that may be an aside is theirs."""
        return self._services.missing(aside.service for aside in self._asides)

    def shared(self, request: Request) -> list[tuple[str, str]] | None:
        """What the answer to a page of another site must say for it to be read; None: it may not be."""
        return next((found for aside in self._present() if (found := aside.shared(request)) is not None), None)

    def _present(self) -> Iterator[Aside]:
        return (aside for aside in self._asides if self._services.here(aside.service) is not None)

    def open(self, request: Request) -> Response | Coroutine[Any, Any, Response] | None:
        """The answer of an internal door, now or to be awaited; None when the path isn't one."""
        path = request.path
        if not path.startswith(("/_samovar/", "/_localstack/")):
            if path == "/" and welcome.is_for(request) and origin.names_us(request.headers, self._listen_host):
                return welcome.page(request, self._facts(), self._services)
            return None
        if not origin.names_us(request.headers, self._listen_host):
            return answer(403, {"message": "This door opens to localhost and to IP addresses only."})
        if path in _HEALTH:
            return self._health() if request.method in ("GET", "HEAD") else _wrong_method("GET")
        if path in self._rooms:
            return self._rooms[path](request)
        if self._guard is not None and (path in _RESET or path == _CLOCK or path in self._views):
            try:
                self._guard(request)
            except AwsError as refused:
                return answer(403, {"message": refused.message})
        if path in _RESET:
            return self._open_reset(request) if request.method == "POST" else _wrong_method("POST")
        if path == _CLOCK:
            return self._open_clock(request)
        if path in self._views:
            return _show(self._views[path], request) if request.method == "GET" else _wrong_method("GET")
        for prefix, download in self._downloads.items():
            if path.startswith(prefix):
                return _fetch(download, request) if request.method == "GET" else _wrong_method("GET")
        doors = ", ".join((*_HEALTH, *_RESET, _CLOCK, *self._views))
        return answer(404, {"message": f"No such door: {path}. There are: {doors}"})

    def _health(self) -> Response:
        return answer(200, {**self._facts(), "services": dict.fromkeys(self._services, "running")})

    def _open_reset(self, request: Request) -> Response | Coroutine[Any, Any, Response]:
        if request.source is not None:
            return answer(403, {"message": "A function can't reset the platform that runs it."})
        if not self._allow_reset:
            text = "Resetting is off. Start the server with --allow-reset (or SAMOVAR_ALLOW_RESET=true) to allow it."
            return answer(403, {"message": text})
        return self._empty_everything()

    def _open_clock(self, request: Request) -> Response:
        if request.method == "POST":
            refusal = self._move_clock(request)
            if refusal is not None:
                return refusal
        elif request.method not in ("GET", "HEAD"):
            return _wrong_method("GET, POST")
        now = self._clock.now()
        return answer(200, {"now": iso_z(now), "epoch_s": now, "advanced_s": self._clock.advanced_s})

    def _move_clock(self, request: Request) -> Response | None:
        if request.source is not None:
            return answer(403, {"message": "A function can't move the clock of the platform that runs it."})
        if not self._allow_clock:
            text = "The clock is fixed. Start the server with --allow-clock (or SAMOVAR_ALLOW_CLOCK=true) to move it."
            return answer(403, {"message": text})
        try:
            move = msgspec.json.decode(request.body, type=_Move)
        except msgspec.DecodeError as error:
            text = f'Say how far to move the clock, in seconds: {{"advance_s": 120}}. {error}'
            return answer(400, {"message": text})
        self._clock.advance(move.advance_s)
        return None

    async def _empty_everything(self) -> Response:
        for service in self._services.built:
            if service.reset is not None:
                await service.reset()
        await self._reset()
        return answer(200, {"reset": True})


def may_be_aside(request: Request) -> bool:
    """Whether the services are to be asked: for a preflight, and for a form."""
    if request.method == "POST":
        return request.headers.get("content-type", "").startswith("multipart/form-data")
    return request.method == "OPTIONS"


async def _fetch(download: Download, request: Request) -> Response:
    content = await download(request.path, request.query)
    if content is None:
        return answer(403, {"message": "This link isn't valid, or has expired. Ask for a new one."})
    return Response(200, [("Content-Type", "application/octet-stream")], content)


async def _show(view: View, request: Request) -> Response:
    if request.source is not None:
        return answer(403, {"message": "A function can't look into the platform that runs it."})
    try:
        return answer(200, await view(dict(parse_qsl(request.query, keep_blank_values=True))))
    except BadView as error:
        return answer(400, {"message": str(error)})


def answer(status: int, content: object) -> Response:
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode(content))


def _wrong_method(allowed: str) -> Response:
    return Response(405, [("Allow", allowed)])
