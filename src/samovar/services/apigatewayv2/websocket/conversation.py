"""One connection of a WebSocket API: its messages, each to its route, and its end (facts/apigateway.md §10).

Owns: what a client's words lead to, and what is sent back. The `net` listener of a client's socket.

Rules: messages run side by side, as on AWS, up to a bound; beyond it the client is read no more. What comes is routed
by the deployment that its stage has now. `$disconnect` is best effort: nobody waits for it.
"""

from functools import partial
from typing import Protocol

from samovar.core.ids import short_id
from samovar.net.frames import Code
from samovar.net.websocket import WebSocket
from samovar.services.apigatewayv2.state import ApiKey
from samovar.services.apigatewayv2.websocket import answer, event
from samovar.services.apigatewayv2.websocket.answer import FORBIDDEN, INVALID_BODY, THROTTLED, Answer, Done, failed
from samovar.services.apigatewayv2.websocket.event import DISCONNECT, MESSAGE, Handshake, Occurrence
from samovar.services.apigatewayv2.websocket.lookup import Lookup
from samovar.services.apigatewayv2.websocket.stage import DISCONNECT as DISCONNECT_ROUTE
from samovar.services.apigatewayv2.websocket.stage import Served, Way
from samovar.web.connections import CLOSED, GOING_AWAY, Connection, Connections

_AT_ONCE = 32
"""Messages of one connection whose targets may run."""

_REASONS = {
    Code.NORMAL: CLOSED,
    Code.GOING_AWAY: GOING_AWAY,
    Code.NO_STATUS: "Client-side close frame status not set",
    Code.ABNORMAL: "Connection Closed Abnormally",
}
"""What `$disconnect` is told where the client gave no reason."""


class Hall(Protocol):
    """What conversations share."""

    connections: Connections

    def served(self, connection: Connection) -> Served | None:
        """The stage of a connection as it is now; None where it has gone."""
        ...

    def admits(self, key: ApiKey, now: float) -> bool:
        """Whether the account's APIs take one more; `now` by the monotonic clock."""
        ...

    def now(self) -> float: ...
    def monotonic(self) -> float: ...


class Conversation:
    __slots__ = ("authorizer", "caller", "connection", "domain", "hall", "handshake", "running")

    def __init__(self, hall: Hall, connection: Connection, domain: str, handshake: Handshake) -> None:
        self.hall = hall
        self.connection = connection
        self.domain = domain
        self.handshake = handshake
        self.authorizer: event.Members | None = None
        """What the authorizer of `$connect` said, for every event from then on."""
        self.caller: event.Members = {}
        """Who signed the handshake."""
        self.running = 0

    def occurrence(self, kind: str, served: Served) -> Occurrence:
        """An event of this connection that happens now."""
        made = Occurrence(
            kind,
            self.connection,
            self.handshake,
            self.domain,
            served.stage.stage_variables,
            short_id(),
            self.hall.now(),
            self.hall.monotonic(),
        )
        made.authorizer, made.caller = self.authorizer, self.caller
        return made

    # --- called by the socket

    def opened(self, socket: WebSocket) -> None:
        self.connection.socket = socket
        self.connection.on_sent = self._sent
        self.hall.connections.add(self.connection)

    def heard(self) -> None:
        self.hall.connections.touch(self.connection)

    def message(self, data: bytes, text: bool) -> None:
        if not text:
            self.connection.close(Code.UNSUPPORTED_DATA, "Binary frames are not supported")
            return
        served = self.hall.served(self.connection)
        if served is None:
            self._say(FORBIDDEN, short_id())
            return
        happened = self.occurrence(MESSAGE, served)
        happened.message_id = short_id()
        happened.body = data.decode()
        way = served.way(Lookup(happened))
        if way is not None:
            happened.route_key = way.route.route_key
        refused = self._refusal(way, happened)
        self._began()
        if way is None or refused is not None:
            self._answered(served, way, happened, refused or failed())
        else:
            self.ask(way, happened, partial(self._answered, served, way, happened))

    def closed(self, code: int, reason: str) -> None:
        self.hall.connections.remove(self.connection)
        served = self.hall.served(self.connection)
        if served is None:
            return
        happened = self.occurrence(DISCONNECT, served)
        happened.route_key = DISCONNECT_ROUTE
        happened.end = (code, reason or _REASONS.get(code, ""))
        happened.shaken = event.farewell(self.domain, self.connection.source_ip)
        ended = partial(self.over, served, served.disconnect, happened)
        if served.disconnect is not None:
            self.ask(served.disconnect, happened, ended)
        else:
            ended(Answer())

    def ask(self, way: Way, happened: Occurrence, done: Done) -> None:
        """Take what happened to its target."""
        way.ask(happened, self.hall.monotonic(), done)

    def over(self, served: Served, way: Way | None, happened: Occurrence, answered: Answer) -> None:
        """What happened has come to its end."""
        now = self.hall.monotonic()
        served.meter.over(happened, answered, now, way is not None and way.mocked)
        if served.journal is not None:
            served.journal.write(happened, answered, now - happened.started, way is not None and way.of_function)
        if served.execution is not None:
            served.execution.write(happened, answered, now)

    # --- pieces

    def _refusal(self, way: Way | None, happened: Occurrence) -> Answer | None:
        """Why a message doesn't get to its target; None when it does."""
        if way is None:
            return failed(403, FORBIDDEN)
        if not self.hall.admits(self.connection.key, happened.started):
            return failed(429, THROTTLED)
        if way.bucket is not None and not way.bucket.take(happened.started):
            return failed(429, THROTTLED)
        wrong = way.validation.errors(happened) if way.validation is not None else None
        return failed(400, INVALID_BODY, wrong) if wrong is not None else None

    def _answered(self, served: Served, way: Way | None, happened: Occurrence, answered: Answer) -> None:
        self._ended()
        self.over(served, way, happened, answered)
        if answered.error:
            self._say(answered.error, happened.request_id)
        elif way is not None and way.responds and answered.body:
            self.connection.send(answered.body)

    def _say(self, error: str, request_id: str) -> None:
        self.connection.send(answer.frame(error, self.connection.id, request_id))

    def _sent(self) -> None:
        """Whoever it was that has sent the client something."""
        served = self.hall.served(self.connection)
        if served is not None:
            served.meter.sent(self.hall.now())

    def _began(self) -> None:
        self.running += 1
        if self.running == _AT_ONCE and self.connection.socket is not None:
            self.connection.socket.hold(True)

    def _ended(self) -> None:
        self.running -= 1
        if self.running == _AT_ONCE - 1 and self.connection.socket is not None:
            self.connection.socket.hold(False)
