"""Requests by URL, over `web/upstream`: the targets of HTTP integrations, the documents of issuers of tokens.

Owns: what a URL says of the server, the target and the Host header; TLS as clients speak it. Rule: names below
`localhost` are this machine (RFC 6761 §6.3), whether or not its resolver knows.
"""

import asyncio
import logging
import ssl
from urllib.parse import urlsplit

from samovar.web.calls import Answer, Broken, Call, Lines, UpstreamError
from samovar.web.upstream import Upstream

log = logging.getLogger(__name__)

_LARGEST_DOCUMENT = 1 << 20
_DOCUMENT_S = 5.0
_PORTS = {"http": 80, "https": 443}


class Urls:
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._tls: ssl.SSLContext | None = None
        self._trusting: ssl.SSLContext | None = None

    async def send(
        self,
        method: str,
        url: str,
        headers: Lines,
        body: bytes,
        server_name: str = "",
        verify: bool = True,
        host: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> Answer:
        """The head of the answer, whose body streams; UpstreamError. `headers` have no Host.

        `verify`: whether a server's certificate must be one that this machine trusts; `tls`: a context that says that
        itself; `host`: as which the server is asked, where that isn't what the URL says.
        """
        try:
            parts = urlsplit(url)
            name, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise Broken(f"not a URL: {error}") from None
        if not name or not port:
            raise Broken(f"not a URL: {url}")
        if parts.scheme == "https" and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        if not verify and self._trusting is None:
            self._trusting = _trusting()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return await self._upstream.send(
            Call(
                "127.0.0.1" if name.endswith(".localhost") else name,
                port,
                method,
                target,
                [("Host", host or parts.netloc.rpartition("@")[2]), *headers],
                body,
                tls=(tls or (self._tls if verify else self._trusting)) if parts.scheme == "https" else None,
                server_name=server_name or name,
            )
        )

    async def get(self, url: str, limit: int, timeout_s: float) -> bytes:
        """A document that is there; UpstreamError."""
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self.send("GET", url, [("Accept", "application/json")], b"")
                body = await answer.body.read(limit)
        except TimeoutError:
            raise UpstreamError(f"{url}: no answer within {timeout_s:g} s") from None
        if answer.status != 200 or body is None:
            raise UpstreamError(f"{url}: it answered {answer.status}")
        return body

    async def document(self, url: str) -> bytes:
        """What an issuer of tokens publishes; ValueError where it can't be had."""
        try:
            return await self.get(url, _LARGEST_DOCUMENT, _DOCUMENT_S)
        except UpstreamError as error:
            log.warning("an issuer of tokens can't be asked for its keys: %s", error)
            raise ValueError(str(error)) from None


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
