"""Access keys as the gateway sees them: key id to secret and principal.

Owns: Keys. Rule: secrets are opened once and remembered in memory; at rest they are sealed.
"""

import msgspec

from samovar.services.iam import names
from samovar.services.iam.state import USER, AccessKey, State

PURPOSE = "access key"


class Credential(msgspec.Struct, frozen=True):
    """A long-term key that may sign."""

    secret: str
    account: str
    principal: str


class Keys:
    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[str, Credential | None] = {}
        state.changed.append(self._known.clear)

    def find(self, access_key: str) -> Credential | None:
        """None when there is no such key, or it isn't active."""
        if access_key not in self._known:
            key = self._state.keys.get((access_key,))
            if key is None:
                return None  # not remembered: anybody can send any number of such
            self._known[access_key] = self._credential(key)
        return self._known[access_key]

    def used(self, access_key: str, service: str, region: str) -> None:
        self._state.used[access_key] = (self._state.clock.now(), service, region)

    def _credential(self, key: AccessKey) -> Credential | None:
        secret = self._state.vault.open_sealed(key.sealed, PURPOSE)
        if not key.active or secret is None:
            return None
        if not key.user:
            return Credential(secret.decode(), key.account, f"arn:aws:iam::{key.account}:root")
        user = self._state.holder(key.account, USER, key.user)
        return Credential(secret.decode(), key.account, user.arn) if user else None

    # --- for the operator of the server

    async def make_root(self, account: str) -> tuple[str, str]:
        """(id, secret) of a new key for an account's root."""
        secret = names.secret()
        key = AccessKey(
            id=names.access_key_id("AKIA", account),
            account=account,
            user="",
            sealed=self._state.vault.close(secret.encode(), PURPOSE),
            created=self._state.clock.now(),
        )
        await self._state.commit(self._state.keys.putting((key.id,), key))
        return key.id, secret

    def all(self) -> list[AccessKey]:
        return [key for _, key in self._state.keys.items()]

    async def delete(self, access_key: str) -> bool:
        """Whether there was such a key."""
        if self._state.keys.get((access_key,)) is None:
            return False
        await self._state.commit(self._state.keys.deleting((access_key,)))
        return True
