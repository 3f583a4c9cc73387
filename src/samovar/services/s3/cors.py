"""What browsers may do with a bucket from other sites' pages.

Pure. Source: facts/s3.md §10, CORS.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from samovar.core.errors import AwsError

Headers = list[tuple[str, str]]

VARY: Final = ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
_REFUSED: Final = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)


def preflight(rules: Sequence[Any] | None, headers: Mapping[str, str], on_object: bool) -> Headers:
    """The answer to OPTIONS; `rules`: None for a bucket that isn't there. Raises BadRequest, AccessForbidden."""
    origin, method = headers.get("origin"), headers.get("access-control-request-method", "")
    if not origin:
        raise AwsError("BadRequest", "Insufficient information. Origin request header needed.")
    kind = {"Method": method, "ResourceType": "OBJECT" if on_object else "BUCKET"}
    if rules is None:
        raise AwsError("AccessForbidden", "CORSResponse: Bucket not found", **kind)
    if not rules:
        raise AwsError("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", **kind)
    asked = headers.get("access-control-request-headers", "")
    names = [name.strip().lower() for name in asked.split(",") if name.strip()]
    for rule in rules:
        allowed = [pattern.lower() for pattern in rule.get("AllowedHeaders") or []]
        if _is_for(rule, origin, method) and all(any(_matches(each, name) for each in allowed) for name in names):
            told = _told(rule, origin)
            return [*told, ("Access-Control-Allow-Headers", ", ".join(names))] if names else told
    raise AwsError("AccessForbidden", _REFUSED, **kind)


def shared(rules: Sequence[Any], origin: str, method: str) -> Headers | None:
    """The headers of an actual request's answer; None: the page may not read it."""
    return next((_told(rule, origin) for rule in rules if _is_for(rule, origin, method)), None)


def _is_for(rule: Any, origin: str, method: str) -> bool:
    return method in rule["AllowedMethods"] and any(_matches(each, origin) for each in rule["AllowedOrigins"])


def _told(rule: Any, origin: str) -> Headers:
    everybody = "*" in rule["AllowedOrigins"]
    told = [
        ("Access-Control-Allow-Origin", "*" if everybody else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
    ]
    if rule.get("ExposeHeaders"):
        told.append(("Access-Control-Expose-Headers", ", ".join(rule["ExposeHeaders"])))
    if rule.get("MaxAgeSeconds") is not None:
        told.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    if not everybody:
        told.append(("Access-Control-Allow-Credentials", "true"))
    return [*told, VARY]


def _matches(pattern: str, text: str) -> bool:
    """One `*` at most."""
    start, star, end = pattern.partition("*")
    if not star:
        return pattern == text
    return text.startswith(start) and text.endswith(end) and len(text) >= len(start) + len(end)
