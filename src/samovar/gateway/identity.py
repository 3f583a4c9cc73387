"""Who calls, as the credentials say it; whether the signature is theirs is another step (`signatures`).

Rules: access keys that IAM made are their users', session tokens that STS sealed are their sessions'. Where nothing is
enforced, a key of 12 digits is that account's root (so tests have as many as they like), and any other the root of
000000000000. The region comes from the scope, or from the settings where a request has none.
"""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import unquote

import msgspec

from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.core.session import Session
from samovar.wire.sigv4 import Scope

DEFAULT_ACCOUNT = "000000000000"
_REMEMBERED = 1024
_TOKEN = "x-amz-security-token"

_ACCOUNT = expression(r"[0-9]{12}")
_REGION = expression(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")


def account_of(scope: Scope | None) -> str:
    if scope is not None and _ACCOUNT.fullmatch(scope.access_key):
        return scope.access_key
    return DEFAULT_ACCOUNT


def region_of(scope: Scope | None, default: str) -> str:
    """The region to act in; AwsError for one that can't be a region, since it becomes part of names and ARNs."""
    if scope is None or not scope.region or scope.region == default:
        return default
    if not _REGION.fullmatch(scope.region):
        raise AwsError("InvalidSignatureException", "Credential should be scoped to a valid region.")
    return scope.region


def root_of(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


class Credential(Protocol):
    """A long-term key that may sign."""

    @property
    def secret(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def principal(self) -> str: ...


class Keys(Protocol):
    """Access keys by their id (`services/iam`)."""

    def find(self, access_key: str) -> Credential | None: ...
    def used(self, access_key: str, service: str, region: str) -> None: ...


class Sessions(Protocol):
    """Session tokens, opened (`services/sts`)."""

    def read(self, access_key: str, token: str) -> Session | None: ...


class Identity(msgspec.Struct, frozen=True):
    account: str
    principal: str
    session: Session | None = None
    secret: str = ""
    """What signs for it; empty when the key isn't known."""


class Identities:
    def __init__(self, keys: Keys, sessions: Sessions) -> None:
        self.keys = keys
        self._sessions = sessions
        self._assumed: dict[str, Identity] = {}

    def identify(self, scope: Scope | None, headers: Mapping[str, str], query: str) -> Identity:
        """Whom the credentials of a request name, whether or not they are theirs: see `find`, and `assumed`."""
        found = self.find(scope, headers, query)
        if found is not None:
            return found
        key = scope.access_key if scope is not None else ""
        found = self._assumed.get(key)  # who calls does so again and again
        if found is None:
            if len(self._assumed) >= _REMEMBERED:
                self._assumed.clear()
            found = self._assumed[key] = assumed(scope)
        return found

    def find(self, scope: Scope | None, headers: Mapping[str, str], query: str) -> Identity | None:
        """Whom the credentials of a request name; None for keys and tokens that aren't known."""
        if scope is None:
            return None
        token = session_token(headers, query) if query or _TOKEN in headers else ""
        if token:
            session = self._sessions.read(scope.access_key, token)
            if session is not None:
                return Identity(session.account, session.principal, session, session.secret)
            return None
        key = self.keys.find(scope.access_key)
        return Identity(key.account, key.principal, secret=key.secret) if key else None


def session_token(headers: Mapping[str, str], query: str) -> str:
    token = headers.get(_TOKEN, "")
    if not token and "X-Amz-Security-Token=" in query:
        for pair in query.split("&"):
            if pair.startswith("X-Amz-Security-Token="):
                return unquote(pair[21:])
    return token


def assumed(scope: Scope | None) -> Identity:
    """Whom a request is taken to come from when nobody checks."""
    account = account_of(scope)
    return Identity(account, root_of(account))
