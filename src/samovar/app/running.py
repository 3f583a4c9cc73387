"""What the outside may know of a platform: that it runs, or why it can't."""

from pathlib import Path
from typing import Protocol

import msgspec


class PortTaken(Exception):
    """The address can't be listened on; the message says what to do."""


class NotIsolated(Exception):
    """The machine doesn't allow the isolation, or the network, that was asked for; the message says what to do."""


class NoCertificate(Exception):
    """The certificate that was given can't be used; the message says why."""


class Running(msgspec.Struct, frozen=True):
    """What the outside may know of a platform that is up."""

    endpoint: str
    isolation: str
    start_s: float
    auth: str = "off"
    trust: Path | None = None
    """The certificate that clients are to trust, where https is answered with one of the local authority's."""
    root_key: tuple[str, str] | None = None
    """(id, secret), the first time that signatures count."""


class Announce(Protocol):
    """Told once, when the platform answers."""

    def __call__(self, running: Running) -> None: ...
