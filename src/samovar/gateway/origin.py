"""Keeps web pages out: any page in the user's browser can send requests to this machine's loopback address.

Owns: which origins and which Host names are ours. Two attacks, two checks:
- A foreign page posts across sites. Browsers then say `Origin: https://foreign`; such requests are refused everywhere.
- A foreign name is made to point at 127.0.0.1 (DNS rebinding): the page is then "same origin" and reads may carry no
  Origin, but the Host header still has the foreign name. Names that aren't ours don't open the internal doors.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a web page from elsewhere sent this request."""
    origin = headers.get("origin")
    return origin is not None and not is_local_name(_host_of(origin))


def names_us(headers: Mapping[str, str], listen_host: str) -> bool:
    """Whether the Host header can be ours: a loopback name or any address.

    Who listens beyond loopback is reached by names that nobody told us, so all are ours then.
    """
    if "host" not in headers or not is_local_name(listen_host):
        return True
    host = _host_of("//" + headers["host"])
    return is_local_name(host) or _is_address(host)


def is_local_name(host: str) -> bool:
    """`localhost`, its subdomains (RFC 6761 §6.3), loopback addresses, and LocalStack's public name for 127.0.0.1."""
    if host in ("localhost", "localhost.localstack.cloud"):
        return True
    if host.endswith((".localhost", ".localhost.localstack.cloud")):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _host_of(url: str) -> str:
    """The host in lower case; empty when there is none to be found (`Origin: null`)."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
