"""What IAM keeps: users, roles and groups (all of them Holders of policies), managed policies, keys, and the rest.

Owns: the tables `iam.*` and their keys. Rule: whoever changes a record doesn't await between reading it and putting it;
every change tells `changed`, so that nobody decides by what was.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.services.iam import aws_policies
from samovar.store.sqlite import Change, Store
from samovar.store.table import Key, Table
from samovar.store.vault import Vault

USER, ROLE, GROUP = "user", "role", "group"

_CALLED = {USER: "The user with name {} cannot be found.", ROLE: "The role with name {} cannot be found."}


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A user, role or group."""

    account: str
    kind: str
    name: str
    path: str
    id: str
    created: float
    tags: dict[str, str] = {}
    inline: dict[str, str] = {}
    """Name -> document, as it was given."""
    attached: tuple[str, ...] = ()
    """ARNs of managed policies, in the order of their attachment."""
    boundary: str = ""
    """ARN of a managed policy."""
    trust: str = ""
    """Roles: the document of who may take it on."""
    bound: dict[str, str] = {}
    """Roles: unique ids of the users and roles that the trust policy named when it was written (facts/iam.md §0.5)."""
    description: str | None = None
    max_session_s: int = 3600
    groups: tuple[str, ...] = ()
    """Users: names of their groups."""

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:{self.kind}{self.path}{self.name}"

    @property
    def key(self) -> Key:
        return (self.account, self.kind, self.name.lower())


class PolicyVersion(msgspec.Struct, frozen=True):
    document: str
    created: float


class Managed(msgspec.Struct, frozen=True, kw_only=True):
    """A managed policy; `account` is `aws` for AWS's own."""

    account: str
    name: str
    path: str
    id: str
    created: float
    updated: float
    versions: dict[str, PolicyVersion]
    default: str
    following: int
    """Number of the next version; numbers aren't used again."""
    description: str = ""
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:policy{self.path}{self.name}"

    @property
    def document(self) -> str:
        return self.versions[self.default].document


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    account: str
    user: str
    """Empty for a key of the account's root."""
    sealed: str
    """The secret, as the vault closed it."""
    created: float
    active: bool = True


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """An instance profile."""

    account: str
    name: str
    path: str
    id: str
    created: float
    role: str = ""
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:instance-profile{self.path}{self.name}"


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """An OpenID Connect provider; `url` without the scheme."""

    account: str
    url: str
    created: float
    clients: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:oidc-provider/{self.url}"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    alias: str = ""
    password: dict[str, Any] | None = None
    """The password policy's members."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """That a user has a password. There is no console to sign in to, so only its existence is kept."""

    created: float
    must_change: bool = False


class State:
    def __init__(self, store: Store, clock: Clock, vault: Vault) -> None:
        self.store = store
        self.clock = clock
        self.vault = vault
        self.changed: list[Callable[[], None]] = []
        """Told of every change, after it has touched memory."""
        self.used: dict[str, tuple[float, str, str]] = {}
        """Access key -> (when, service, region) of its last use, since the server started."""

    async def open(self) -> None:
        self.holders = await Table.open(self.store, "iam.holders", Holder)
        self.policies = await Table.open(self.store, "iam.policies", Managed)
        self.keys = await Table.open(self.store, "iam.keys", AccessKey)
        self.profiles = await Table.open(self.store, "iam.profiles", Profile)
        self.providers = await Table.open(self.store, "iam.providers", Provider)
        self.accounts = await Table.open(self.store, "iam.accounts", Account)
        self.logins = await Table.open(self.store, "iam.logins", Login)
        self.aws = {policy.arn: policy for policy in _aws()}

    async def commit(self, *changes: Change) -> None:
        """Change memory at once, tell, and return after the commit."""
        committed = self.store.transact(*changes)
        try:
            await committed
        finally:  # also when it failed: memory has gone back
            for tell in self.changed:
                tell()

    async def put(self, holder: Holder) -> None:
        await self.commit(self.holders.putting(holder.key, holder))

    async def keep(self, policy: Managed) -> None:
        await self.commit(self.policies.putting((policy.account, policy.arn), policy))

    async def reset(self) -> None:
        """Everything but the keys of roots, without which nobody could come back in."""
        roots = {key for key, record in self.keys.items() if not record.user}
        tables: list[Table[Any]] = [
            self.holders,
            self.policies,
            self.profiles,
            self.providers,
            self.accounts,
            self.logins,
        ]
        gone = [table.deleting(key) for table in tables for key, _ in table.items()]
        gone += [self.keys.deleting(key) for key, _ in self.keys.items() if key not in roots]
        await self.commit(*gone)

    # --- reading

    def holder(self, account: str, kind: str, name: str) -> Holder | None:
        found = self.holders.get((account, kind, name.lower()))
        return found if found is not None and found.name == name else None

    def find(self, ctx: Context, kind: str, name: str) -> Holder:
        found = self.holder(ctx.account, kind, name)
        if found is None:
            raise AwsError("NoSuchEntity", no_such(kind, name))
        return found

    def all(self, account: str, kind: str) -> list[Holder]:
        return [holder for _, holder in self.holders.items((account, kind))]

    def managed(self, arn: str) -> Managed | None:
        """A managed policy, AWS's or an account's own."""
        found = self.aws.get(arn)
        if found is None and arn.startswith("arn:aws:iam::"):
            found = self.policies.get((arn.split(":")[4], arn))
        return found

    def attached_to(self, account: str, arn: str) -> list[Holder]:
        return [holder for _, holder in self.holders.items((account,)) if arn in holder.attached]

    def bounded_by(self, account: str, arn: str) -> list[Holder]:
        return [holder for _, holder in self.holders.items((account,)) if arn == holder.boundary]

    def keys_of(self, account: str, user: str) -> list[AccessKey]:
        return [key for _, key in self.keys.items() if key.account == account and key.user == user]


def no_such(kind: str, name: str) -> str:
    return _CALLED.get(kind, "The group with name {} cannot be found.").format(name)


def _aws() -> list[Managed]:
    return [
        Managed(
            account="aws",
            name=policy.name,
            path=policy.path,
            id=policy.id,
            created=policy.created,
            updated=policy.created,
            versions={f"v{policy.version}": PolicyVersion(policy.document, policy.created)},
            default=f"v{policy.version}",
            following=policy.version + 1,
            description=policy.description,
        )
        for policy in aws_policies.all_policies()
    ]
