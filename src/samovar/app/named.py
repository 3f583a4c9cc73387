"""The platform under the names that its APIs and function URLs have on AWS, for functions.

A function that calls `https://ID.execute-api.REGION.amazonaws.com/STAGE`, as it would on AWS, asks for that name at its
own loopback (`net/names`), is sent to that loopback, and meets the platform there at port 443. It is shown a
certificate of an authority that programs in boxes trust (`engine/trust`).

Owns: which names are the platform's, and that authority. It is made with the first API or function URL, and kept with
the data, as that of `--tls` is: they are one, but for servers that keep nothing. Refuses: all other names, so that what
is really AWS's is reached.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from samovar.core.clock import Clock
from samovar.core.later import later
from samovar.engine.trust import Trust
from samovar.gateway import asking, origin
from samovar.web.front import Front

if TYPE_CHECKING:
    from samovar.gateway import certificates
else:
    certificates = later("samovar.gateway.certificates")

_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws")
"""Of the names of APIs and URLs, beside those of this machine."""


class Named:
    def __init__(
        self, front: Front, authority: Path, trust: Trust, region: str, clock: Clock, renewed: Callable[[], None]
    ) -> None:
        """`authority`: the file of its certificate, with its key beside it. `region`: the server's own. `renewed`:
        called when programs that run already may not know the authority."""
        self.is_url: Callable[[str], bool] = lambda host: False
        """Whether a host name is a function URL's."""
        self.domains: asking.Domains = asking.NoDomains()
        """Custom domain names."""
        self._front = front
        self._file = authority
        self._trust = trust
        self._region = region
        self._clock = clock
        self._renewed = renewed
        self._making = threading.Lock()
        self._issued: certificates.Issued | None = None

    async def open(self) -> None:
        """Have the authority, and let boxes know. StoreError when it can't be kept."""
        if self._issued is None and await asyncio.to_thread(self._make):
            self._renewed()

    def context(self, address: str) -> ssl.SSLContext:
        """What a client that has come to an address is shown: `net/tls.Contexts`."""
        if self._make():  # after a start, it may be the first to need it
            self._renewed()
        assert self._issued is not None
        return self._issued(address)

    def _make(self) -> bool:
        """Whether boxes haven't known it so far."""
        with self._making:
            if self._issued is not None:
                return False
            authority = certificates.Authority.open(self._file, self._clock)
            issued = certificates.Issued(authority, (), [self._region], self._clock)
            issued.domains = self
            changed = self._trust.renew()
            self._issued = issued
            return changed

    def resolves(self, name: str) -> bool:
        """Whether a name, in lower case, leads to the platform for those who ask inside."""
        return origin.is_local_name(name) or self.known(name)

    # --- as certificates ask (`asking.Domains`)

    def known(self, domain: str) -> bool:
        if domain.endswith(_SUFFIXES) and (self._front.is_api(domain) or self.is_url(domain)):
            return True
        return self.domains.known(domain)

    def trust(self, domain: str) -> asking.Trust | None:
        return self.domains.trust(domain)
