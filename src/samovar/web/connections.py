"""The clients that are connected to WebSocket APIs now: found by their id, whoever looks for them.

Owns: `Connection`, what is known of one; `Connections`, all of them, and how long one may live (facts/apigateway.md
§10): ten minutes without a word, two hours in all. Refuses: what messages mean, and what a client's end leads to.

Rules: a connection lives in memory only, since it doesn't outlive the server either. One timer for all of them.
"""

from collections.abc import Callable

from samovar.core.clock import Clock, Timer
from samovar.core.ids import short_id
from samovar.net.frames import Code, is_utf8
from samovar.net.websocket import WebSocket

IDLE_S = 600.0
LIFE_S = 7200.0
GOING_AWAY = "Going away"
CLOSED = "Connection Closed Normally"
_STEP_S = 1.0
"""How exactly the end of an idle connection is kept."""

Key = tuple[str, str, str]
"""(account, region, id) of an API."""


class Connection:
    """One client of a stage of an API. Slotted: there may be thousands."""

    __slots__ = ("connected_at", "id", "key", "last_active", "on_sent", "socket", "source_ip", "stage", "user_agent")

    def __init__(self, key: Key, stage: str, source_ip: str, user_agent: str, now: float) -> None:
        self.id = short_id()
        self.key = key
        self.stage = stage
        self.source_ip = source_ip
        self.user_agent = user_agent
        self.connected_at = self.last_active = now
        self.socket: WebSocket | None = None
        """From the end of its handshake on."""
        self.on_sent: Callable[[], None] = _nobody
        """Told of each message to the client."""

    def send(self, data: bytes) -> bool:
        """As text where it is text; False when too much waits already for this client."""
        taken = self.socket is not None and self.socket.send(data, is_utf8(data))
        if taken:
            self.on_sent()
        return taken

    def close(self, code: int = Code.NORMAL, reason: str = CLOSED) -> None:
        if self.socket is not None:
            self.socket.close(code, reason)

    def due(self) -> float:
        """When its time is over, if nothing is heard of it until then."""
        return min(self.last_active + IDLE_S, self.connected_at + LIFE_S)


class Connections:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: dict[str, Connection] = {}
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Connection) -> None:
        self._all[connection.id] = connection
        self._look_at(connection.due())

    def find(self, id: str) -> Connection | None:
        return self._all.get(id)

    def remove(self, connection: Connection) -> None:
        self._all.pop(connection.id, None)

    def touch(self, connection: Connection) -> None:
        """Something went in or out."""
        connection.last_active = self._clock.now()

    def hang_up(self, key: Key | None = None, stage: str = "") -> None:
        """Close those of an API that goes, or of one of its stages; all of them without a key."""
        for each in list(self._all.values()):
            if key in (None, each.key) and stage in ("", each.stage):
                each.close(Code.GOING_AWAY, GOING_AWAY)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at(self, when: float) -> None:
        if self._timer is None or self._timer.when > when:
            self.close()
            self._timer = self._clock.at(when, self._sweep)

    def _sweep(self) -> None:
        """Close those whose time is over, and look again when the next one's may be."""
        self._timer = None
        now = self._clock.now()
        for each in list(self._all.values()):
            if each.due() <= now:
                each.close(Code.GOING_AWAY, GOING_AWAY)
        if self._all:
            soonest = min(each.due() for each in self._all.values())
            self._look_at(max(soonest, now + _STEP_S))


def _nobody() -> None:
    """Counts messages that nobody counts."""
