"""Client certificates, as an API's stage shows them to servers that it asks over https (facts/apigateway.md §2).

Owns: the TLS contexts that have them, one for each certificate and way of verifying, so that connections are kept; how
their keys lie in the store: closed by the vault, as all secrets are.
"""

import asyncio
import os
import ssl

from samovar.services.apigateway.state import Api, Item, Rest
from samovar.store.table import Key
from samovar.store.vault import Vault

_PURPOSE = "key of a client certificate"
_MOST = 200
"""Contexts that are kept."""


def sealed(vault: Vault, key: str) -> Item:
    """A key in PEM, as it is kept."""
    return Item({"sealed": vault.close(key.encode(), _PURPOSE)})


async def seal(state: Rest) -> None:
    """Close the keys that an earlier version has kept in the open."""
    opened = [(key, item.shape["key"]) for key, item in state.certificate_keys.items() if "key" in item.shape]
    if opened:
        changes = [state.certificate_keys.putting(key, sealed(state.vault, secret)) for key, secret in opened]
        await state.store.transact(*changes)


class ClientCertificates:
    def __init__(self, state: Rest) -> None:
        self._state = state
        self._made: dict[tuple[Key, bool], ssl.SSLContext] = {}

    async def context(self, api: Api, id: str, verify: bool) -> ssl.SSLContext | None:
        """None where there is no such certificate, or its key wasn't kept, or by another vault."""
        key: Key = (api.account, api.region, id)
        certificate, secret = self._state.certificates.get(key), self._state.certificate_keys.get(key)
        if certificate is None or secret is None:
            return None
        found = self._made.get((key, verify))
        if found is None:
            opened = self._state.vault.open_sealed(secret.shape["sealed"], _PURPOSE)
            if opened is None:
                return None
            pem = certificate.shape["pemEncodedCertificate"].encode() + opened
            if len(self._made) >= _MOST:
                self._made.clear()
            found = self._made[key, verify] = await asyncio.to_thread(_context, pem, verify)
        return found


def _context(pem: bytes, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)  # the ssl module reads files only
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    return context
