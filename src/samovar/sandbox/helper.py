"""The server's end of the links to its helpers (`inside/`): requests and answers with descriptors, on the event
loop."""

import asyncio
import json
import os
import select
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from samovar.sandbox.inside import link
from samovar.sandbox.port import SandboxDied

Answer = tuple[dict[str, Any], list[int]]
_ANSWER_WITHIN_S = 20.0
_NOBODY = (None, 0.0)


class Helper:
    """One helper process. When it goes, every open request fails with SandboxDied and `on_gone` is called once."""

    def __init__(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop,
        on_event: Callable[[dict[str, Any]], None],
        above: "Helper | None" = None,
    ) -> None:
        """`above`: the helper that it can't outlive."""
        self.name = name
        self.gone = False
        self.answered = False
        """Whether it has ever answered: one that hasn't can't be expected to do so at the next start."""
        self.on_gone: Callable[[], None] = lambda: None
        self._loop = loop
        self._on_event = on_event
        self._waiting: dict[int, tuple[asyncio.Future[Answer], float]] = {}
        """And until when, the oldest first."""
        self._watching = False
        self._last = 0
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._socket, self.far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        loop.add_reader(self._socket.fileno(), self._readable)
        self.process = -1
        """Its pidfd, once it is known and as long as it hasn't gone."""
        self._parent = -1
        self._above = above
        self._poll = select.poll()
        """Tells of its own end, and of those above it, in one system call."""
        self._poll.register(self._socket.fileno(), 0)
        if above is not None:
            self._poll.register(above._socket.fileno(), 0)
            if above._parent >= 0:
                self._poll.register(above._parent, select.POLLIN)

    def is_process(self, pidfd: int) -> None:
        """Which one it is; takes the pidfd over. The link alone doesn't tell of its end at once: a child that it has
        just forked holds the link for a moment as well."""
        if self.gone:
            os.close(pidfd)
            return
        self.process = pidfd
        self._poll.register(pidfd, select.POLLIN)

    def follows(self, parent: int) -> None:
        """A process (pid) whose end is its own, if a moment later."""
        self._parent = os.pidfd_open(parent)
        self._poll.register(self._parent, select.POLLIN)

    def there(self) -> bool:
        """Whether it hasn't gone, nor what is above it. An end that would be noticed only later is noticed now, by all
        whom it concerns: who tries again then meets what has come after it."""
        if self.gone:
            return False
        ended = self._poll.poll(0)
        if not ended:
            return True
        if self._above is None or not {self._socket.fileno(), self.process}.isdisjoint(dict(ended)):
            self.close()
        return not self.gone and self._above is not None and self._above.there()

    async def ask(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> Answer:
        """Send a request and wait for its answer. SandboxDied when it fails, comes too late, or the helper goes."""
        return await self.request(request, descriptors)

    def request(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> "asyncio.Future[Answer]":
        """Send a request at once; its answer comes as for `ask`."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        if self.gone:
            future.set_exception(SandboxDied(f"{self.name} has gone"))
            return future
        if any(descriptor < 0 for descriptor in descriptors):
            # Not the helper's fault, and nothing that sending it would tell from the helper's end.
            future.set_exception(SandboxDied(f"what {self.name} was asked about has gone"))
            return future
        self._last += 1
        self._waiting[self._last] = future, self._loop.time() + _ANSWER_WITHIN_S
        future.add_done_callback(_settled)
        if not self._watching:
            self._watch()
        self.tell({**request, "id": self._last}, descriptors)
        return future

    def tell(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send without waiting. Descriptors are duplicated when they can't go at once, so the caller may close its
        own."""
        if self.gone:
            return
        if not self._unsent and self._try_send(message, descriptors):
            return
        if not self._unsent:
            self._loop.add_writer(self._socket.fileno(), self._writable)
        self._unsent.append((_encoded(message), [os.dup(fd) for fd in descriptors]))

    def close(self) -> None:
        """End the link; the helper sees it and goes."""
        if self.gone:
            return
        self.gone = True
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self.far_end.close()
        for pidfd in (self.process, self._parent):
            if pidfd >= 0:
                os.close(pidfd)
        self.process = -1
        for _, descriptors in self._unsent:
            link.close_all(descriptors)
        self._unsent.clear()
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(SandboxDied(f"{self.name} has gone"))
        self._waiting.clear()
        self.on_gone()

    def _try_send(self, message: dict[str, Any], descriptors: Sequence[int]) -> bool:
        try:
            link.send(self._socket, message, list(descriptors), _encoded)
        except BlockingIOError:
            return False
        except OSError:
            self.close()
        return True

    def _writable(self) -> None:
        while self._unsent:
            data, descriptors = self._unsent[0]
            if not self._try_send(msgspec.json.decode(data), descriptors):
                return
            if self.gone:
                return
            self._unsent.popleft()
            link.close_all(descriptors)
        self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        try:
            message, descriptors = link.receive(self._socket, msgspec.json.decode)
        except BlockingIOError:
            return
        except (OSError, ValueError, RecursionError):
            message, descriptors = None, []
        number = message.pop("id", None) if isinstance(message, dict) else message
        if message is None or not isinstance(number, int | None):
            link.close_all(descriptors)
            self.close()
            return
        self.answered = True
        future, _ = self._waiting.pop(number, _NOBODY) if number is not None else _NOBODY
        if number is None:
            self._on_event(message)
        if future is None or future.done():
            link.close_all(descriptors)
        elif "error" in message:
            link.close_all(descriptors)
            future.set_exception(SandboxDied(f"{self.name}: {message['error']}"))
        else:
            future.set_result((message, descriptors))

    def _watch(self) -> None:
        """Fail the requests that have waited too long. One timer serves all: hardly any ever does."""
        now = self._loop.time()
        while self._waiting:
            number, (future, until) = next(iter(self._waiting.items()))
            if until > now:
                self._loop.call_at(until, self._watch)
                break
            del self._waiting[number]
            if not future.done():
                future.set_exception(SandboxDied(f"{self.name} did not answer within {_ANSWER_WITHIN_S:.0f} s"))
        self._watching = bool(self._waiting)


def _encoded(message: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(message)
    except UnicodeEncodeError:  # a file's name that isn't UTF-8
        return json.dumps(message).encode()


def _settled(future: "asyncio.Future[Answer]") -> None:
    if not future.cancelled():
        future.exception()  # whoever asked may have failed meanwhile, and not wait for it any more
