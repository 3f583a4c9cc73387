"""Web identities: tokens that an OpenID Connect provider signed (facts/iam.md §3).

Owns: what makes a token valid, and the providers' public keys, fetched when needed and kept for an hour. Rules: only
what an account has registered as a provider is fetched, by https, with a deadline; `none` and HMAC are no signatures.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from samovar.core.clock import Clock
from samovar.core.errors import AwsError
from samovar.core.later import later

if TYPE_CHECKING:
    from urllib import request

    from cryptography import exceptions
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
else:
    request = later("urllib.request")
    exceptions = later("cryptography.exceptions")
    hashes = later("cryptography.hazmat.primitives.hashes")
    ec = later("cryptography.hazmat.primitives.asymmetric.ec")
    padding = later("cryptography.hazmat.primitives.asymmetric.padding")
    rsa = later("cryptography.hazmat.primitives.asymmetric.rsa")
    utils = later("cryptography.hazmat.primitives.asymmetric.utils")

_KEEP_S = 3600
_FETCH_S = 5.0
_LARGEST = 1 << 20
_HASHES: Final = {"256": "SHA256", "384": "SHA384", "512": "SHA512"}
_CURVES: Final = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1"}
"""Names of `hashes` and `ec`."""


class Identity(msgspec.Struct, frozen=True):
    provider: str
    """ARN."""
    subject: str
    audience: str
    facts: dict[str, str]
    """Condition keys: `host/path:sub`, `:aud`, `:amr`, and `aws:FederatedProvider`."""


class Providers(Protocol):
    def provider(self, account: str, url: str) -> tuple[str, tuple[str, ...]] | None: ...


class Keyring:
    """The providers' keys."""

    def __init__(self, clock: Clock, get: Callable[[str], Awaitable[bytes]]) -> None:
        self._clock = clock
        self._get = get
        self._kept: dict[str, tuple[float, list[dict[str, Any]]]] = {}

    async def find(self, issuer: str, kid: str, kind: str) -> list[dict[str, Any]]:
        """The keys of an issuer that can have made a signature."""
        fetched, keys = self._kept.get(issuer, (-_KEEP_S - 1.0, []))
        age = self._clock.monotonic() - fetched
        known = [key for key in keys if kid in ("", key.get("kid", ""))]
        if age > _KEEP_S or (not known and age > _FETCH_S):  # a provider may have turned its keys over
            keys = await self._fetch(issuer)
            self._kept[issuer] = (self._clock.monotonic(), keys)
        return [key for key in keys if kid in ("", key.get("kid", "")) and key.get("kty") == kind]

    async def _fetch(self, issuer: str) -> list[dict[str, Any]]:
        try:
            described = msgspec.json.decode(await self._get(f"{issuer}/.well-known/openid-configuration"), type=dict)
            found = msgspec.json.decode(await self._get(str(described.get("jwks_uri", ""))), type=dict)
        except (OSError, ValueError, msgspec.DecodeError):
            message = "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements"  # noqa: E501
            raise AwsError("InvalidIdentityToken", message) from None
        keys = found.get("keys", [])
        return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


async def fetch(url: str) -> bytes:
    if not url.startswith("https://"):
        raise ValueError(url)
    return await asyncio.to_thread(_read, url)


def _read(url: str) -> bytes:
    with request.urlopen(url, timeout=_FETCH_S) as response:
        return bytes(response.read(_LARGEST))


async def verified(keyring: Keyring, token: str, now: float, account: str, providers: Providers) -> Identity:
    """Who a token is about; AwsError for one that isn't valid in this account."""
    header, claims, signed, signature = _parts(token)
    issuer = str(claims.get("iss", ""))
    found = providers.provider(account, issuer.removeprefix("https://").rstrip("/"))
    if found is None or not issuer.startswith("https://"):
        raise _rejected("No OpenIDConnect provider found in your account for " + issuer)
    arn, clients = found
    algorithm, kid = str(header.get("alg", "")), str(header.get("kid", ""))
    kind = {"RS": "RSA", "ES": "EC"}.get(algorithm[:2])
    if kind is None or algorithm[2:] not in _HASHES:
        raise _rejected("Invalid signature algorithm")
    keys = await keyring.find(issuer.rstrip("/"), kid, kind)
    if not any(_signed_by(key, algorithm, signed, signature) for key in keys):
        raise _rejected("The ID Token provided is not signed by its provider")
    if not isinstance(claims.get("exp"), int | float) or claims["exp"] <= now:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration date/time",
        )
    audience = _audience(claims, clients)
    host = arn.partition(":oidc-provider/")[2]
    facts = {f"{host}:aud": audience, f"{host}:sub": str(claims.get("sub", "")), "aws:FederatedProvider": arn}
    if isinstance(claims.get("amr"), str):
        facts[f"{host}:amr"] = claims["amr"]
    return Identity(arn, str(claims.get("sub", "")), audience, facts)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    try:
        first, second, third = token.split(".")
        header = msgspec.json.decode(_decoded(first), type=dict)
        claims = msgspec.json.decode(_decoded(second), type=dict)
        return header, claims, f"{first}.{second}".encode(), _decoded(third)
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        raise _rejected(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from None


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(key: dict[str, Any], member: str) -> int:
    return int.from_bytes(_decoded(str(key[member])), "big")


def _signed_by(key: dict[str, Any], algorithm: str, signed: bytes, signature: bytes) -> bool:
    digest = getattr(hashes, _HASHES[algorithm[2:]])()
    try:
        if key["kty"] == "RSA":
            public = rsa.RSAPublicNumbers(_number(key, "e"), _number(key, "n")).public_key()
            public.verify(signature, signed, padding.PKCS1v15(), digest)
        else:
            curve = getattr(ec, _CURVES[str(key["crv"])])()
            point = ec.EllipticCurvePublicNumbers(_number(key, "x"), _number(key, "y"), curve).public_key()
            half = len(signature) // 2
            r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            point.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(digest))
    except (exceptions.InvalidSignature, KeyError, ValueError, binascii.Error):
        return False
    return True


def _audience(claims: dict[str, Any], clients: tuple[str, ...]) -> str:
    given = claims.get("azp") or claims.get("aud")
    for each in given if isinstance(given, list) else [given]:
        if each in clients:
            return str(each)
    raise _rejected("Incorrect token audience")


def _rejected(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message)
