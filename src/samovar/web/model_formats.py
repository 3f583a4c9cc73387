"""Formats of JSON schema draft 4, with the words of json-schema-validator for what isn't in them.

Owns: `FORMATS`. Rules: a format that isn't here is no constraint, as the draft wants it.
"""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any
from urllib.parse import urlsplit

from samovar.wire.javaregex import JavaRegex


def _fits(read: Callable[[str], Any]) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        try:
            read(value)
        except (ValueError, AddressValueError):
            return False
        return True

    return fits


_DATE_TIME = re.compile(
    r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,12})?(Z|[+-]\d{2}:?\d{2})"
)
_HOST = re.compile(
    r"(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")
FORMATS: dict[str, tuple[Callable[[str], Any], str]] = {
    "date-time": (
        _DATE_TIME.fullmatch,
        "is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]",
    ),
    "email": (_EMAIL.fullmatch, "is not a valid email address"),
    "hostname": (_HOST.fullmatch, "is not a valid hostname"),
    "ipv4": (_fits(IPv4Address), "is not a valid IPv4 address"),
    "ipv6": (_fits(IPv6Address), "is not a valid IPv6 address"),
    "regex": (lambda value: JavaRegex().compile(value) is not None, "is not a valid ECMA 262 regular expression"),
    "uri": (_fits(urlsplit), "is not a valid URI"),
}
