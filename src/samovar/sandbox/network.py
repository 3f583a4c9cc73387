"""What boxes can reach: nothing, the outside, or whatever the host can.

Owns: the plan (`Network`), what of it a box's files say, the server's end of the router (`inside/router`), addresses.
Refuses: packets, which are the router's.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

import msgspec

from samovar.core.expressions import expression
from samovar.sandbox.helper import Helper
from samovar.sandbox.port import SandboxDied

_RESOLVER: Final = "198.19.255.53"
"""Where boxes find DNS; the host's own resolver answers."""
_OWN_NAMES: Final = "127.0.0.1"
"""Where they ask first: the platform answers for its own names, and refuses all others, which leads to the next one."""
_FIRST_NAMED: Final = int(ipaddress.IPv4Address("198.19.254.1"))
_FIRST_BOX: Final = int(ipaddress.IPv4Address("198.18.0.2"))
_BOXES: Final = 65_000
_MOST_NAMED: Final = 250
_OPEN_WITHIN_S = 20.0
_RESOLV_CONF = Path("/etc/resolv.conf")
_NAME = expression(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


class Reach(Enum):
    PLATFORM = "isolated"
    """The platform only."""
    OUTSIDE = "outbound"
    """Also what isn't the host, and of the host what is admitted by name."""
    HOST = "host"
    """The host's own network, with all that listens there."""


class Admitted(msgspec.Struct, frozen=True):
    """A service that boxes may reach by a name, wherever it is."""

    name: str
    address: str
    port: int


_IN_WORDS = {
    Reach.PLATFORM: "; functions reach the platform only",
    Reach.OUTSIDE: "; functions reach the outside",
    Reach.HOST: " on the host's network",
}


class Network(msgspec.Struct, frozen=True):
    reach: Reach
    admitted: Sequence[Admitted] = ()

    @property
    def in_words(self) -> str:
        return _IN_WORDS[self.reach]

    def files(self) -> dict[str, str]:
        """Lines that a box's root needs, by the file that they are added to."""
        if self.reach is Reach.HOST:
            return {}
        lines = [f"{address} {name}\n" for name, address in self._addresses().items()]
        resolvers = [_OWN_NAMES, _RESOLVER] if self.reach is Reach.OUTSIDE else [_OWN_NAMES]
        return {
            "/etc/resolv.conf": "".join(f"nameserver {each}\n" for each in resolvers),
            "/etc/hosts": "".join(lines),
        }

    def redirects(self) -> list[list[Any]]:
        """Of the destinations that boxes may name, which is really meant: see `inside/router`."""
        addresses = self._addresses()
        return [[addresses[each.name], each.port, each.address, each.port] for each in self.admitted]

    def _addresses(self) -> dict[str, str]:
        names = dict.fromkeys(each.name for each in self.admitted)
        return {name: str(ipaddress.IPv4Address(_FIRST_NAMED + at)) for at, name in enumerate(names)}


def admitted(text: str) -> list[Admitted]:
    """`db=127.0.0.1:5432,cache=10.0.0.5:6379`. Raises ValueError, whose text names what is wrong."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, target = part.partition("=")
        address, _, port = target.rpartition(":")
        address = "127.0.0.1" if address == "localhost" else address
        if not _NAME.fullmatch(name) or name in ("localhost", "sandbox", "sandbox.localdomain"):
            raise ValueError(f"function_hosts: {part!r} has no name that can be given to a host")
        try:
            known = ipaddress.IPv4Address(address)
        except ValueError:
            known = ipaddress.IPv4Address(0)
        if known.is_unspecified or known.is_multicast or known == ipaddress.IPv4Address("255.255.255.255"):
            raise ValueError(f"function_hosts: {part!r} needs an IPv4 address (or localhost) and a port")
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"function_hosts: {part!r} needs a port from 1 to 65535")
        found.append(Admitted(name, address, int(port)))
    if len({each.name for each in found}) > _MOST_NAMED:
        raise ValueError(f"function_hosts: there are more than {_MOST_NAMED} names")
    return found


def plan(wanted: str, hosts: str, has_networks: bool) -> Network:
    """What two settings come to; `has_networks`: whether boxes can have networks of their own. ValueError says why they
    can't be followed."""
    reach = Reach.OUTSIDE if wanted == "auto" else Reach(wanted)
    if not has_networks:
        reach = Reach.HOST
    found = admitted(hosts)
    if found and reach is not Reach.OUTSIDE:
        raise ValueError("function_hosts needs function_network = 'outbound', and an isolation that has networks")
    return Network(reach, found)


def host_resolver(page: str) -> str:
    """The first IPv4 name server of a resolv.conf; empty for none."""
    for line in page.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                return str(ipaddress.IPv4Address(words[1]))
            except ValueError:
                continue
    return ""


class _HostResolver:
    """The host's, as it is now; empty for none."""

    def __init__(self) -> None:
        self._seen: tuple[int, ...] = ()
        self._address = ""

    def __call__(self) -> str:
        try:
            page = _RESOLV_CONF.stat()
            seen = (page.st_ino, page.st_size, page.st_mtime_ns)
            if seen != self._seen:
                self._address = host_resolver(_RESOLV_CONF.read_text())
                self._seen = seen
        except OSError:
            self._seen, self._address = (), ""
        return self._address


class Router:
    """The server's end of the router, which is a child of the keeper and goes with it."""

    def __init__(self, network: Network, loop: asyncio.AbstractEventLoop, on_gone: Callable[[], None]) -> None:
        """`on_gone`: called when it has gone after it was ready."""
        self.helper = Helper("the router", loop, self._event)
        self._on_gone = on_gone
        self._network = network
        self._resolver = _HostResolver()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._used: set[int] = set()
        self._last = -1

    def begin(self, keeper: Helper) -> "asyncio.Future[Any]":
        """Have the keeper start it."""
        config = {"resolver": [_RESOLVER, self._resolver()], "redirects": self._network.redirects()}
        self.helper.on_gone = self._gone
        return keeper.request({"do": "router", "config": config}, [self.helper.far_end.fileno()])

    async def open(self, asked: "asyncio.Future[Any]") -> "Router":
        """Wait until it is ready; `asked`: what `begin` returned. Raises SandboxDied, and is gone then, when the
        machine doesn't allow it."""
        try:
            async with asyncio.timeout(_OPEN_WITHIN_S):
                await asked
                self.helper.far_end.close()
                await self._ready
        except TimeoutError:
            self.helper.close()
            raise SandboxDied("the router did not get ready in time") from None
        except SandboxDied:
            self.helper.close()
            raise
        return self

    def join(self, init: int, address: str) -> "asyncio.Future[Any]":
        """Begin to give a box's network, by its init's pidfd, that address and a way out."""
        return self.helper.request({"do": "join", "address": address, "resolver": self._resolver()}, [init])

    def take(self) -> str:
        """An address that no box has; the one that was free for longest."""
        for step in range(1, _BOXES + 1):
            number = (self._last + step) % _BOXES
            if number not in self._used:
                self._used.add(number)
                self._last = number
                return str(ipaddress.IPv4Address(_FIRST_BOX + number))
        raise SandboxDied("no address is left for a box's network")

    def leave(self, address: str) -> None:
        self._used.discard(int(ipaddress.IPv4Address(address)) - _FIRST_BOX)

    def _event(self, message: dict[str, Any]) -> None:
        if self._ready.done():
            return
        if "ready" in message:
            self._ready.set_result(None)
        else:
            self._ready.set_exception(SandboxDied(str(message.get("failed", "the router said nothing"))))

    def _gone(self) -> None:
        if not self._ready.done():
            self._ready.set_exception(SandboxDied("the router died at its start"))
            self._ready.exception()  # it may be that nobody waits
        elif self._ready.exception() is None:
            self._on_gone()
