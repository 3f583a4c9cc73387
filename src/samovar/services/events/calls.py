"""Calls of API destinations (facts/eventbridge.md §E, §D3).

Owns: `Calls`: requests, authorization, tokens, the rate of each destination. Refuses: when to try again (the outbox).
Rules: what a connection says wins over what a target says; a request has 5 s; 401, 407, 409, 429 and 5xx are tried
again, the first two with a new token; the platform's own doors are no endpoints.
"""

import asyncio
import base64
import re
import ssl
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from samovar.core import arn
from samovar.core.bucket import Bucket
from samovar.core.clock import Clock
from samovar.delivery.targets import Parcel, Undeliverable
from samovar.services.events.connections import PURPOSE, Connection, Destination
from samovar.services.events.state import Events
from samovar.store.vault import Vault
from samovar.web.calls import Answer, Call, Unreachable, UpstreamError
from samovar.web.upstream import Upstream

_TIMEOUT_S = 5.0
_AGAIN = frozenset({401, 407, 409, 429})
_BODILESS = frozenset({"GET", "HEAD"})
_FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"}
)
"""Headers that are not anybody's to set."""
_BREAKS = re.compile("[\r\n\0]")
_LONGEST_TOKEN = 65_536
_EARLY_S = 30.0
"""A token is renewed before it ends."""
_TOKEN_S = 300.0
"""How long one is used whose server doesn't say."""
_HEADERS = {"User-Agent": "Amazon/EventBridge/ApiDestinations", "Content-Type": "application/json; charset=utf-8"}


class Unauthorized(Exception):
    """The authorization server gave no token; the text says why."""


class Calls:
    def __init__(self, state: Events, upstream: Upstream, vault: Vault, clock: Clock) -> None:
        self._state = state
        self._upstream = upstream
        self._vault = vault
        self._clock = clock
        self._rates: dict[str, Bucket] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        """Connection -> (the Authorization header's value, until when)."""

    def seal(self, auth: dict[str, Any]) -> str:
        return self._vault.close(msgspec.json.encode(auth), PURPOSE)

    def unseal(self, connection: Connection) -> dict[str, Any]:
        found = self._vault.open_sealed(connection.sealed, PURPOSE)
        return msgspec.json.decode(found, type=dict[str, Any]) if found is not None else {}

    def forget(self, connection: Connection) -> None:
        self._tokens.pop(connection.arn, None)

    async def deliver(self, parcel: Parcel) -> None:
        """Call the destination that is the parcel's target. Raises Undeliverable."""
        destination, connection = self._find(parcel.target)
        await self._pace(destination)
        auth = self.unseal(connection)
        try:
            headers = await self._authorization(connection, auth)
        except Unauthorized as error:
            raise Undeliverable("CONNECTION_FAILURE", str(error), final=False) from None
        more = auth.get("InvocationHttpParameters", {})
        headers |= {each["Key"]: each["Value"] for each in more.get("HeaderParameters", [])}
        query = {each["Key"]: each["Value"] for each in more.get("QueryStringParameters", [])}
        options = parcel.options
        url = _url(destination.endpoint, options.get("Path", []), {**options.get("Query", {}), **query})
        body = b"" if destination.method in _BODILESS else _body(parcel.payload, more.get("BodyParameters", []))
        sent = {**_HEADERS, **options.get("Headers", {}), **headers}
        if any(_BREAKS.search(f"{name}{value}") for name, value in sent.items()):  # parts of events may be in them
            raise Undeliverable("INVALID_PARAMETER", "a header has a line break in it", final=True)
        try:
            answer = await self._send(destination.method, url, sent, body)
        except (UpstreamError, TimeoutError, OSError, ValueError) as error:
            code = "TIMEOUT" if isinstance(error, TimeoutError) else "CONNECTION_FAILURE"
            raise Undeliverable(code, str(error) or "no answer within 5 s", final=False) from error
        if answer.status in (401, 407):
            self._tokens.pop(connection.arn, None)
        if not 200 <= answer.status < 300:
            again = answer.status in _AGAIN or answer.status >= 500
            raise Undeliverable("ERROR_FROM_TARGET", f"the endpoint answered {answer.status}", final=not again)

    def _find(self, target: str) -> tuple[Destination, Connection]:
        parsed = arn.parse(target)
        key = (parsed.account, parsed.region, parsed.resource.split("/")[1]) if parsed else ("", "", "")
        destination = self._state.destinations.get(key)
        if destination is None or destination.arn != target:
            raise Undeliverable("NO_RESOURCE", f"there is no API destination {target}", final=True)
        connection = self._state.connection_by_arn(destination.connection)
        if connection is None or connection.state == "DEAUTHORIZED":
            raise Undeliverable("NO_PERMISSIONS", f"{destination.connection} isn't authorized", final=True)
        return destination, connection

    async def _pace(self, destination: Destination) -> None:
        bucket = self._rates.setdefault(destination.arn, Bucket(destination.rate, destination.rate))
        if bucket.capacity != destination.rate:
            bucket.resize(destination.rate, destination.rate)
        while not bucket.take(self._clock.monotonic()):  # noqa: ASYNC110 - nobody tells when there is a token again
            await asyncio.sleep(1 / destination.rate)

    # --- who calls --------------------------------------------------------------------------------------------------

    async def _authorization(self, connection: Connection, auth: dict[str, Any]) -> dict[str, str]:
        """The headers that prove it."""
        if connection.kind == "BASIC":
            basic = auth["BasicAuthParameters"]
            text = f"{basic['Username']}:{basic['Password']}".encode()
            return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}
        if connection.kind == "API_KEY":
            key = auth["ApiKeyAuthParameters"]
            return {key["ApiKeyName"]: key["ApiKeyValue"]}
        return {"Authorization": await self.token(connection, auth["OAuthParameters"])}

    async def token(self, connection: Connection, said: dict[str, Any]) -> str:
        """From the authorization server, or the one from before. Raises Unauthorized."""
        kept, until = self._tokens.get(connection.arn, ("", 0.0))
        now = self._clock.now()
        if kept and now < until - _EARLY_S:
            return kept
        client, more = said["ClientParameters"], said.get("OAuthHttpParameters", {})
        form = {"grant_type": "client_credentials", "client_id": client["ClientID"]}
        form |= {"client_secret": client["ClientSecret"]}
        form |= {each["Key"]: each["Value"] for each in more.get("BodyParameters", [])}
        query = {each["Key"]: each["Value"] for each in more.get("QueryStringParameters", [])}
        headers = {**_HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
        headers |= {each["Key"]: each["Value"] for each in more.get("HeaderParameters", [])}
        bodiless = said["HttpMethod"] in _BODILESS
        url = _url(said["AuthorizationEndpoint"], [], {**query, **(form if bodiless else {})})
        body = b"" if bodiless else urlencode(form).encode()
        try:
            answer = await self._send(said["HttpMethod"], url, headers, body)
            found = msgspec.json.decode(answer.text, type=_Token)
        except (UpstreamError, TimeoutError, OSError, ValueError) as error:
            raise Unauthorized(f"no token from {said['AuthorizationEndpoint']}: {error}") from error
        if answer.status != 200 or not found.access_token:
            raise Unauthorized(f"{said['AuthorizationEndpoint']} answered {answer.status}")
        value = f"Bearer {found.access_token}"
        self._tokens[connection.arn] = (value, now + (found.expires_in or _TOKEN_S))
        return value

    async def _send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> "_Answered":
        parts = urlsplit(url)
        if not parts.hostname or parts.path.startswith(("/_samovar/", "/_localstack/")):
            raise Unreachable("the platform's own doors are no endpoints")
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if tls else 80)
        own = [(name, value) for name, value in headers.items() if name.lower() not in _FRAMING]
        lines = [("Host", parts.netloc.rpartition("@")[2]), *own]
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        async with asyncio.timeout(_TIMEOUT_S):
            answer = await self._upstream.send(Call(parts.hostname, port, method, target, lines, body, tls=tls))
            return _Answered(answer.status, await _text(answer))


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: float | None = None


class _Answered(msgspec.Struct, frozen=True):
    status: int
    text: bytes


async def _text(answer: Answer) -> bytes:
    """The beginning of its body, which is read to its end so that the connection may be kept."""
    found = bytearray()
    async for piece in answer.body:
        if len(found) < _LONGEST_TOKEN:
            found += piece
    return bytes(found)


def _url(endpoint: str, path: list[str], query: dict[str, str]) -> str:
    """With `*` replaced in order."""
    first, *rest = endpoint.split("*")
    values = [quote(value, safe="") for value in path] + [""] * len(rest)
    url = first + "".join(value + part for value, part in zip(values, rest, strict=False))
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}" if query else url


def _body(payload: str, parameters: list[dict[str, str]]) -> bytes:
    """The event, with the connection's parameters put in where it is an object."""
    if not parameters:
        return payload.encode()
    found = msgspec.json.decode(payload)
    if not isinstance(found, dict):
        return payload.encode()
    return msgspec.json.encode({**found, **{each["Key"]: each["Value"] for each in parameters}})
