"""JSON Web Tokens that an issuer signed: what makes one valid, and the issuers' public keys (facts/apigateway.md §9).

Owns: the checks of a token, and the keys, which are found by OpenID Connect discovery when they are needed first, or
given as a local document. Rules: only RSA signatures count; `none` and HMAC never do. Keys are kept for two hours; a
token that names a key which isn't among them has them fetched again, but not sooner than after some seconds. Claims
are read when the signature holds.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from samovar.core.clock import Clock

_KEEP_S = 7200.0
_AGAIN_S = 5.0
_LARGEST_TOKEN = 8192
_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "RS256": hashes.SHA256,
    "RS384": hashes.SHA384,
    "RS512": hashes.SHA512,
}

Claims = dict[str, Any]


class Invalid(Exception):
    """The token doesn't count; the message says why, as clients are told."""


class Token(msgspec.Struct, frozen=True):
    """Taken apart; nothing of it is true yet."""

    algorithm: str
    kid: str
    claims: Claims
    signed: bytes
    signature: bytes


class Key(msgspec.Struct, frozen=True):
    kid: str
    public: rsa.RSAPublicKey


def bearer(text: str) -> str:
    """The token of a header's value: bare, or after `Bearer`."""
    return text[7:].strip() if text[:7].lower() == "bearer " else text


def read(text: str) -> Token:
    """Invalid for what is no token at all, or none of a kind that counts."""
    if len(text) > _LARGEST_TOKEN:
        raise Invalid("the token is too long")
    try:
        first, second, third = text.split(".")
        header = msgspec.json.decode(_decoded(first), type=dict)
        claims = msgspec.json.decode(_decoded(second), type=dict)
        signature = _decoded(third)
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        raise Invalid("the token is malformed") from None
    algorithm = header.get("alg")
    if algorithm not in _HASHES:
        raise Invalid(f"signing method {str(algorithm)[:20]} is invalid" if algorithm else "the token is malformed")
    return Token(algorithm, str(header.get("kid") or ""), claims, f"{first}.{second}".encode(), signature)


def check(token: Token, keys: Iterable[Key], issuer: str, audience: Iterable[str], now: float) -> None:
    """Invalid unless one of the keys signed it, and it is meant for us and for now."""
    if not any(_signed_by(key, token) for key in keys):
        raise Invalid("invalid signature")
    claims = token.claims
    if str(claims.get("iss", "")).rstrip("/") != issuer.rstrip("/"):
        raise Invalid("the issuer is invalid")
    given = claims["aud"] if "aud" in claims else claims.get("client_id")
    if not set(audience).intersection(map(str, given if isinstance(given, list) else [given])):
        raise Invalid("the token does not have a valid audience")
    if not _is_number(claims.get("exp")) or claims["exp"] <= now:
        raise Invalid("the token has expired")
    if "nbf" in claims and not (_is_number(claims["nbf"]) and claims["nbf"] <= now):
        raise Invalid("the token is not valid yet")
    if "iat" in claims and not (_is_number(claims["iat"]) and claims["iat"] <= now):
        raise Invalid("the token was used before it was issued")


def scopes(claims: Claims) -> list[str]:
    """Those of `scope`, or of `scp`; each may be a text with blanks or a list."""
    given = claims.get("scope", claims.get("scp", ""))
    return [str(each) for each in given] if isinstance(given, list) else str(given).split()


def spoken(value: Any) -> str:
    """A claim as text: lists as `[a b]`, objects as `map[a:1]`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(map(spoken, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{spoken(each)}' for name, each in sorted(value.items()))}]"
    return msgspec.json.encode(value).decode()


def key_set(document: bytes) -> list[Key]:
    """The RSA keys of a JWKS; ValueError for what is none."""
    try:
        given = msgspec.json.decode(document, type=dict).get("keys")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a JWKS: {error}") from None
    if not isinstance(given, list):
        raise ValueError("not a JWKS: it has no keys")
    return [key for each in given if isinstance(each, dict) and (key := _key(each)) is not None]


class Keyring:
    """The keys of issuers."""

    def __init__(
        self, clock: Clock, get: Callable[[str], Awaitable[bytes]], local: Mapping[str, list[Key]] = {}
    ) -> None:
        """`get` fetches a document, and raises ValueError; `local`: keys of issuers that aren't asked."""
        self._clock = clock
        self._get = get
        self._local = {issuer.rstrip("/"): keys for issuer, keys in local.items()}
        self._kept: dict[str, tuple[float, list[Key]]] = {}
        self._fetching: dict[str, asyncio.Task[list[Key]]] = {}

    def find(self, issuer: str, kid: str, then: Callable[[list[Key]], None]) -> None:
        """`then` gets the keys that can have signed, at once where they are known; empty where there are none."""
        issuer = issuer.rstrip("/")
        known = self._local.get(issuer)
        if known is None:
            fetched, known = self._kept.get(issuer, (-_KEEP_S, []))
            age = self._clock.monotonic() - fetched
            if age >= _KEEP_S or (not _named(known, kid) and age >= _AGAIN_S):
                task = self._fetching.get(issuer)
                if task is None:
                    task = self._fetching[issuer] = asyncio.ensure_future(self._fetch(issuer))
                task.add_done_callback(lambda done: then([] if done.cancelled() else _named(done.result(), kid)))
                return
        then(_named(known, kid))

    async def close(self) -> None:
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _fetch(self, issuer: str) -> list[Key]:
        try:
            described = msgspec.json.decode(await self._get(f"{issuer}/.well-known/openid-configuration"), type=dict)
            keys = key_set(await self._get(str(described.get("jwks_uri", ""))))
        except (ValueError, msgspec.DecodeError, RecursionError):
            keys = []
        finally:
            del self._fetching[issuer]
        self._kept[issuer] = (self._clock.monotonic(), keys)
        return keys


def _named(keys: list[Key], kid: str) -> list[Key]:
    """A token has to name its key: without a name it has only keys without one."""
    return [key for key in keys if key.kid == kid]


def _key(given: dict[str, Any]) -> Key | None:
    if given.get("kty") != "RSA" or given.get("use", "sig") != "sig":
        return None
    try:
        e, n = (int.from_bytes(_decoded(str(given[member])), "big") for member in ("e", "n"))
        return Key(str(given.get("kid") or ""), rsa.RSAPublicNumbers(e, n).public_key())
    except (KeyError, ValueError, binascii.Error):
        return None


def _signed_by(key: Key, token: Token) -> bool:
    try:
        key.public.verify(token.signature, token.signed, padding.PKCS1v15(), _HASHES[token.algorithm]())
    except InvalidSignature:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
