"""What the versions of API Gateway share: custom domains, connections of WebSockets, the way to other servers, keys.

Owns: opening and closing it, once for all of them.
"""

import asyncio
from contextlib import AsyncExitStack

from samovar.app.named import Named
from samovar.core.clock import Clock
from samovar.gateway import certificates
from samovar.net.tls import Contexts
from samovar.settings import Settings, SettingsError, issuers
from samovar.store.sqlite import Store
from samovar.web.account_rate import AccountRate
from samovar.web.connections import Connections
from samovar.web.domains import Domains
from samovar.web.front import Front
from samovar.web.jwt import Key, Keyring, key_set
from samovar.web.upstream import Upstream
from samovar.web.urls import Urls


class Apis:
    """Made by `Apis.open`."""

    def __init__(
        self, domains: Domains, connections: Connections, urls: Urls, keyring: Keyring, rate: AccountRate
    ) -> None:
        self.domains = domains
        self.connections = connections
        self.urls = urls
        self.keyring = keyring
        self.rate = rate

    @classmethod
    async def open(
        cls,
        settings: Settings,
        store: Store,
        clock: Clock,
        front: Front,
        tls: Contexts | None,
        named: Named,
        rooms: AsyncExitStack,
    ) -> "Apis":
        """SettingsError when the keys of issuers can't be used."""
        keys = await asyncio.to_thread(_keys_of_issuers, settings)
        domains = await Domains.open(store, clock)
        connections = Connections(clock)
        rooms.callback(connections.close)
        upstream = Upstream()
        rooms.push_async_callback(upstream.close)
        urls = Urls(upstream)
        keyring = Keyring(clock, urls.document, keys)
        rooms.push_async_callback(keyring.close)
        front.domains = domains
        if isinstance(tls, certificates.Issued | certificates.Given):
            tls.domains = domains
        named.domains = domains
        await named.open()
        return cls(domains, connections, urls, keyring, AccountRate(settings.api_request_rate))


def _keys_of_issuers(settings: Settings) -> dict[str, list[Key]]:
    """What the files say that `issuers` names."""
    found = {}
    for issuer, path in issuers(settings).items():
        try:
            found[issuer] = key_set(path.read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError(f"issuers: the keys in {path} can't be used: {error}") from None
    return found
