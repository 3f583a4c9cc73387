"""Signature Version 4, verified (facts/iam.md §7).

Owns: Signed (what a request says of its signature), Verifier (whether it is right), and AWS's words for what is wrong.
Rules: signatures are compared in constant time; what counts of a request is what arrived, raw; every `x-amz-*` header
must be signed. S3 encodes paths once, everybody else twice.
"""

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Mapping
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

import msgspec

from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.wire.sigv4 import Scope, parse_credential

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()
_SKEW_S = 5 * 60
_S3_SKEW_S = 15 * 60
_LONGEST_S = 7 * 24 * 3600
_REMEMBERED = 4096
_DATE = expression(r"\d{8}T\d{6}Z", re.ASCII)
_PART = expression(r"\s*(Credential|SignedHeaders|Signature)=([^,\s]*)\s*")
_UNRESERVED = "-._~"
_WRONG = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


class Signed(msgspec.Struct, frozen=True):
    scope: Scope
    headers: tuple[str, ...]
    signature: str
    date: str
    """yyyyMMddTHHmmssZ."""
    expires_s: int = 0
    """Of a presigned URL; 0 for a signature in the headers."""

    @property
    def credential_scope(self) -> str:
        scope = self.scope
        return f"{scope.date}/{scope.region}/{scope.service}/aws4_request"


def read(headers: Mapping[str, str], query: str) -> Signed | None:
    """What a request says of its signature; None when it isn't signed at all; AwsError where it says it badly."""
    authorization = headers.get("authorization")
    if authorization is not None:
        return _in_headers(authorization, headers)
    if "X-Amz-Signature=" in query or "X-Amz-Credential=" in query:
        return _in_query(query)
    return None


def _in_headers(authorization: str, headers: Mapping[str, str]) -> Signed:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{algorithm[:64]}'.")
    parts: dict[str, str] = {found[1]: found[2] for found in _PART.finditer(rest)}
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    date = headers.get("x-amz-date") or _from_http(headers.get("date", ""))
    if missing or not date:
        said = [f"Authorization header requires '{name}' parameter." for name in missing]
        if not date:
            said.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
        raise _incomplete(" ".join(said))
    return _checked(parts["Credential"], parts["SignedHeaders"], parts["Signature"], date, 0)


def _in_query(query: str) -> Signed:
    given = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name.startswith("X-Amz-"):
            given[name] = unquote_to_bytes(value).decode("latin-1")
    if given.get("X-Amz-Algorithm") != ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{given.get('X-Amz-Algorithm', '')[:64]}'.")
    names = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date")
    missing = [name for name in names if not given.get(name)]
    if missing:
        raise _incomplete(" ".join(f"AWS query-string parameters must include '{name}'." for name in missing))
    expires = given.get("X-Amz-Expires", "300")
    if not re.fullmatch(r"\d{1,7}", expires, re.ASCII) or not 1 <= int(expires) <= _LONGEST_S:
        raise _incomplete("X-Amz-Expires must be between 1 and 604800 seconds")
    credential, signed_headers, signature, date = (given[name] for name in names)
    return _checked(credential, signed_headers, signature, date, int(expires))


def _checked(credential: str, signed_headers: str, signature: str, date: str, expires_s: int) -> Signed:
    scope = parse_credential(credential)
    if scope is None or not scope.region:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        )
    if not _DATE.fullmatch(date):
        raise _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{date[:64]}'.")
    return Signed(scope, tuple(signed_headers.split(";")), signature, date, expires_s)


def _from_http(date: str) -> str:
    """An HTTP date as signatures write it; others as they are."""
    try:
        return time.strftime("%Y%m%dT%H%M%SZ", time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT"))
    except ValueError:
        return date


class Verifier:
    """Verifies signatures; remembers derived keys, which are good for a day."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, Scope], bytes] = {}

    def check(
        self,
        signed: Signed,
        secret: str,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> str:
        """The string that was signed; AwsError where the signature is another. Time is `check_time`'s.

        `body`: None where it is still to come, so that what the request says of it is taken for true (S3).
        """
        s3 = signed.scope.service in ("s3", "s3-outposts")
        canonical = canonical_request(signed, method, path, query, headers, _payload(signed, headers, body, s3), s3)
        digest = hashlib.sha256(canonical).hexdigest()
        text = f"{ALGORITHM}\n{signed.date}\n{signed.credential_scope}\n{digest}"
        wanted = self.sign(secret, signed.scope, text)
        if not hmac.compare_digest(wanted.encode(), signed.signature.encode("utf-8", "replace")):
            raise AwsError("InvalidSignatureException", _WRONG)
        return text

    def sign(self, secret: str, scope: Scope, text: str) -> str:
        return hmac.digest(self._key(secret, scope), text.encode("utf-8", "surrogateescape"), "sha256").hex()

    def _key(self, secret: str, scope: Scope) -> bytes:
        found = self._keys.get((secret, scope))
        if found is None:
            found = f"AWS4{secret}".encode()
            for part in (scope.date, scope.region, scope.service, "aws4_request"):
                found = hmac.digest(found, part.encode("utf-8", "surrogateescape"), "sha256")
            if len(self._keys) >= _REMEMBERED:
                self._keys.clear()
            self._keys[(secret, scope)] = found
        return found


def check_time(signed: Signed, now: float) -> None:
    """AwsError for a signature of another time, and for a presigned URL that has expired."""
    date, s3 = signed.date, signed.scope.service == "s3"
    try:
        day, clock = (date[:4], date[4:6], date[6:8]), (date[9:11], date[11:13], date[13:15])
        at = timegm(tuple(map(int, (*day, *clock))))
    except ValueError:
        raise _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{date}'.") from None
    skew = _S3_SKEW_S if s3 else _SKEW_S
    if date[:8] != signed.scope.date:
        raise AwsError(
            "InvalidSignatureException",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signed.scope.date}' != '{date[:8]}', from '{date}'.",
        )
    if at > now + skew:
        raise _too_skewed() if s3 else _out_of_time(signed, now, skew, "not yet current")
    if signed.expires_s:
        if now > at + signed.expires_s:
            gone = AwsError("AccessDeniedException", "Request has expired")
            raise gone if s3 else _out_of_time(signed, now, -signed.expires_s, "expired")
    elif at < now - skew:
        raise _too_skewed() if s3 else _out_of_time(signed, now, -skew, "expired")


def _out_of_time(signed: Signed, now: float, off_s: int, what: str) -> AwsError:
    """`off_s`: how far from now the time may be, that it exceeds."""
    compared = "still later" if off_s > 0 else "now earlier"
    sign = "+" if off_s > 0 else "-"
    text = f"Signature {what}: {signed.date} is {compared} than {_stamp(now + off_s)} "
    return AwsError("InvalidSignatureException", f"{text}({_stamp(now)} {sign} {abs(off_s) // 60} min.)")


def canonical_request(
    signed: Signed, method: str, path: str, query: str, headers: Mapping[str, str], payload: str, s3: bool
) -> bytes:
    names = signed.headers
    if "host" not in names or list(names) != sorted(set(names)):
        raise AwsError(
            "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    loose = [name for name in headers if name.startswith("x-amz-") and name not in names]
    if loose:
        message = f"There were headers present in the request which were not signed: {', '.join(loose)}"
        raise AwsError("InvalidSignatureException", message)
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names]
    parts = (
        method,
        canonical_path(path, s3),
        canonical_query(query, bool(signed.expires_s)),
        "".join(lines),
        ";".join(names),
        payload,
    )
    return "\n".join(parts).encode("latin-1", "replace")


def canonical_path(path: str, s3: bool) -> str:
    if s3:
        return quote_from_bytes(unquote_to_bytes(path or "/"), safe="/" + _UNRESERVED)
    return quote(_normalised(path), safe="/" + _UNRESERVED)


def _normalised(path: str) -> str:
    """Without empty and dot segments (RFC 3986 §6.2.2.3); a slash at the end stays."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return "/" + "/".join(kept) + end


def canonical_query(query: str, presigned: bool) -> str:
    if not query:
        return ""
    pairs = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if pair and not (presigned and name == "X-Amz-Signature"):
            pairs.append((_recoded(name), _recoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _recoded(text: str) -> str:
    return quote_from_bytes(unquote_to_bytes(text.replace("+", " ")), safe=_UNRESERVED)


def _payload(signed: Signed, headers: Mapping[str, str], body: bytes | None, s3: bool) -> str:
    """The hash of the body, or what stands in for it."""
    said = headers.get("x-amz-content-sha256", "")
    if not s3:
        return hashlib.sha256(body).hexdigest() if body else EMPTY_HASH
    if signed.expires_s:
        return said or UNSIGNED
    if said == UNSIGNED or said.startswith(STREAMING) or (body is None and said):
        return said
    actual = hashlib.sha256(body or b"").hexdigest()
    if said != actual:
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise AwsError("XAmzContentSHA256Mismatch", message)
    return said


def _stamp(at: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


def _too_skewed() -> AwsError:
    message = "The difference between the request time and the current time is too large."
    return AwsError("RequestTimeTooSkewed", message)


def _incomplete(message: str) -> AwsError:
    return AwsError("IncompleteSignatureException", message)
