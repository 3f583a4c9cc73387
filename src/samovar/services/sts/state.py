"""What STS is given: IAM's directory, the clock, and what makes and reads tokens."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from samovar.core.clock import Clock
from samovar.policy.rules import Rules
from samovar.services.sts.oidc import Keyring
from samovar.services.sts.sessions import Sessions


class Role(Protocol):
    """A role as STS needs it."""

    @property
    def arn(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def trust(self) -> Rules: ...
    @property
    def max_session_s(self) -> int: ...


class Directory(Protocol):
    """Who is there (`services/iam`)."""

    def role(self, arn: str) -> Role | None: ...

    def id(self, principal: str) -> str:
        """The unique id of a user or role."""
        ...

    def provider(self, account: str, url: str) -> tuple[str, tuple[str, ...]] | None:
        """(ARN, client ids) of an OpenID Connect provider."""
        ...


class State(msgspec.Struct, frozen=True):
    directory: Directory
    clock: Clock
    sessions: Sessions
    keyring: Keyring
    account_of: Callable[[str], str | None]
