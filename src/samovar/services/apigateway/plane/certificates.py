"""Client certificates, as an API's stage shows them to servers that it asks over https (facts/apigateway.md §2).

Owns: the TLS contexts that have them, one for each certificate and way of verifying, so that connections are kept.
"""

import asyncio
import os
import ssl
import tempfile

from samovar.services.apigateway.state import Api, Rest
from samovar.store.table import Key

_MOST = 200
"""Contexts that are kept."""


class ClientCertificates:
    def __init__(self, state: Rest) -> None:
        self._state = state
        self._made: dict[tuple[Key, bool], ssl.SSLContext] = {}

    async def context(self, api: Api, id: str, verify: bool) -> ssl.SSLContext | None:
        """None where there is no such certificate, or its key wasn't kept."""
        key: Key = (api.account, api.region, id)
        certificate, secret = self._state.certificates.get(key), self._state.certificate_keys.get(key)
        if certificate is None or secret is None:
            return None
        found = self._made.get((key, verify))
        if found is None:
            pem = f"{certificate.shape['pemEncodedCertificate']}{secret.shape['key']}"
            if len(self._made) >= _MOST:
                self._made.clear()
            found = self._made[key, verify] = await asyncio.to_thread(_context, pem, verify)
        return found


def _context(pem: str, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    handle, path = tempfile.mkstemp(prefix="samovar-", suffix=".pem")  # the ssl module reads files only
    try:
        with open(handle, "w") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
    return context
