"""Connections and API destinations: where events go over HTTP, and as whom (facts/eventbridge.md §E).

Owns: their records, and what of a connection may be shown. Pure. Rule: what a connection was given to prove who calls
is closed with the vault's key before it is kept, and nothing secret of it is shown again.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from samovar.core import arn

PURPOSE = "events.connections"
_SECRETS = frozenset({"Password", "ClientSecret", "ApiKeyValue"})
KINDS: Mapping[str, str] = {
    "BASIC": "BasicAuthParameters",
    "API_KEY": "ApiKeyAuthParameters",
    "OAUTH_CLIENT_CREDENTIALS": "OAuthParameters",
}
"""AuthorizationType -> the member that it needs."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    uuid: str
    kind: str
    sealed: str
    """AuthParameters as they were given, as JSON, closed."""
    created_at: float
    modified_at: float
    state: str
    reason: str = ""
    description: str = ""
    authorized_at: float = 0.0

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return arn.make("events", self.region, self.account, f"connection/{self.name}/{self.uuid}")


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    uuid: str
    connection: str
    """ARN."""
    endpoint: str
    method: str
    rate: int
    created_at: float
    modified_at: float
    description: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return arn.make("events", self.region, self.account, f"api-destination/{self.name}/{self.uuid}")


def shown(given: Any) -> Any:
    """AuthParameters without what is secret."""
    if isinstance(given, list):
        return [shown(each) for each in given]
    if not isinstance(given, dict):
        return given
    hidden = _SECRETS | ({"Value"} if given.get("IsValueSecret") else set())
    return {name: shown(value) for name, value in given.items() if name not in hidden}


def merged(old: Any, new: Any) -> Any:
    """What an update names, over what there was."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{name: merged(old.get(name), value) for name, value in new.items()}}


def is_endpoint(url: str) -> bool:
    """HTTPS, as on AWS; HTTP to the machine itself, where there is nobody to read along."""
    try:
        parts = urlsplit(url.replace("*", "x"))
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_own(host)))


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
