"""Response heads as bytes.

Owns: the status line, Date, Connection and framing headers. Refuses: headers that would break the framing.
Rule: everything that many responses share is rendered once (status lines) or once a second (Date).
"""

import time
from typing import TYPE_CHECKING

from samovar.core.clock import Clock
from samovar.core.later import later

if TYPE_CHECKING:
    import http
else:
    http = later("http")


class HeadWriter:
    """Renders heads for one server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._status = {200: "HTTP/1.1 200 OK\r\n"}
        self._date = ""
        self.tick()

    def tick(self) -> None:
        """Render the Date header anew; called by the server's sweep."""
        now = time.gmtime(self._clock.now())
        self._date = time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", now)

    def render(self, status: int, headers: list[tuple[str, str]], framing: str) -> bytes:
        """The head up to the empty line. `framing` is whole header lines; ValueError when a header would break it."""
        line = self._status.get(status) or self._line(status)
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
        breaks = len(headers)
        if fields.count("\n") != breaks or fields.count("\r") != breaks or "\0" in fields:
            raise ValueError(f"a response header holds a line break: {headers!r}")
        return f"{line}{fields}{self._date}{framing}\r\n".encode("latin-1")

    def _line(self, status: int) -> str:
        if len(self._status) == 1:
            self._status |= {int(each): f"HTTP/1.1 {each.value} {each.phrase}\r\n" for each in http.HTTPStatus}
        return self._status.get(status) or f"HTTP/1.1 {status} \r\n"
