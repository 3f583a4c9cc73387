"""S3's presigned URLs of the older kind, which boto3 still makes by default: HMAC-SHA1 over a short description.

Owns: reading and verifying them. Source: "Signing and authenticating REST requests (AWS signature version 2)" in the S3
guide. Refuses: the same signatures in headers, and other services.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec

from samovar.core.errors import AwsError

_SUBRESOURCES = frozenset(
    (
        "accelerate acl cors delete lifecycle location logging notification object-lock partNumber policy replication "
        "requestPayment restore retention legal-hold response-cache-control response-content-disposition "
        "response-content-encoding response-content-language response-content-type response-expires tagging torrent "
        "uploadId uploads versionId versioning versions website"
    ).split()
)


class SignedV2(msgspec.Struct, frozen=True):
    access_key: str
    signature: str
    expires: str
    """Epoch seconds, as written."""
    token: str


def read(query: str) -> SignedV2 | None:
    """What a URL says of its signature; None when it has none of this kind."""
    if "AWSAccessKeyId=" not in query:
        return None
    given = _pairs(query)
    key, signature, expires = (given.get(name, "") for name in ("AWSAccessKeyId", "Signature", "Expires"))
    if not (key and signature and expires.isascii() and expires.isdigit() and len(expires) < 16):
        message = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        raise AwsError("AccessDeniedException", message)
    return SignedV2(key, signature, expires, given.get("x-amz-security-token", ""))


def check(
    signed: SignedV2, secret: str, method: str, path: str, query: str, headers: Mapping[str, str], now: float
) -> None:
    """AwsError where the signature is another, or has expired."""
    if now > int(signed.expires):
        raise AwsError("AccessDeniedException", "Request has expired")
    given = _pairs(query)
    amz = {name: value.strip() for name, value in headers.items() if name.startswith("x-amz-")}
    amz |= {name.lower(): value for name, value in given.items() if name.lower().startswith("x-amz-")}
    plain = [given.get(name) or headers.get(name, "") for name in ("content-md5", "content-type")]
    parts = [f"{name}={given[name]}" if given[name] else name for name in sorted(given) if name in _SUBRESOURCES]
    listed = "".join(f"{name}:{amz[name]}\n" for name in sorted(amz))
    described = "\n".join((method, *plain, signed.expires, listed))
    end = f"?{'&'.join(parts)}" if parts else ""
    bucket = headers.get("host", "").partition(".")[0]
    for resource in (path, f"/{bucket}{path}"):  # the bucket stands in the path or in the host
        digest = hmac.digest(secret.encode(), f"{described}{resource}{end}".encode("latin-1", "replace"), hashlib.sha1)
        if hmac.compare_digest(base64.b64encode(digest), signed.signature.encode("latin-1", "replace")):
            return
    raise AwsError(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method.",
    )


def _pairs(query: str) -> dict[str, str]:
    found = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found[unquote(name)] = unquote(value)
    return found
