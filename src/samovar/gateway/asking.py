"""Contexts for custom domains whose clients must show certificates: one for each, kept as long as nothing changes.

Owns: what such a handshake asks for. Refuses: which certificates count beyond what OpenSSL checks (`web/mutual_tls`).
Rule: no session outlives its connection, so that every client is judged by the truststore of today.
"""

import ssl
from collections.abc import Callable
from typing import Protocol

from samovar.net.tls import Asking


class Trust(Protocol):
    """Whose clients a domain lets in."""

    @property
    def domain(self) -> str:
        """Its name; may begin with `*.`."""
        ...

    @property
    def authorities(self) -> bytes:
        """Certificates in DER."""
        ...


class Domains(Protocol):
    """Custom domains; names are in lower case."""

    def known(self, domain: str) -> bool:
        """Whether a host name is one."""
        ...

    def trust(self, domain: str) -> Trust | None:
        """None where clients aren't asked."""
        ...


class NoDomains:
    """There are none yet."""

    def known(self, domain: str) -> bool:
        return False

    def trust(self, domain: str) -> Trust | None:
        return None


class Askers:
    def __init__(self, fill: Callable[[Asking, str], None]) -> None:
        """`fill` gives a context the certificate that it shows for a domain."""
        self._fill = fill
        self._made: dict[str, tuple[Trust, object, Asking]] = {}

    def find(self, trust: Trust, stamp: object) -> Asking:
        """The context of a domain; made anew when another `stamp` says that certificates have changed."""
        found = self._made.get(trust.domain)
        if found is not None and found[0] is trust and found[1] == stamp:
            return found[2]
        context = Asking(ssl.PROTOCOL_TLS_SERVER)
        context.domain = trust.domain
        self._fill(context, trust.domain)
        context.load_verify_locations(cadata=trust.authorities)
        context.verify_mode = ssl.CERT_REQUIRED
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        self._made[trust.domain] = (trust, stamp, context)
        return context
