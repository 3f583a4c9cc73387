"""What the registry door lets in: passwords of `docker login`, and links to layers. Both carry what they are good for,
sealed, so nobody keeps them.

Owns: their content and how long they last (ECR's API reference: 12 hours; links, as S3's, an hour).
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.session import Session

USER: Final = "AWS"
LASTS_S: Final = 12 * 3600
LINK_LASTS_S: Final = 3600
_PASSWORD, _LINK = "ecr-password", "ecr-link"


class Vault(Protocol):
    """What seals."""

    def close(self, content: bytes, purpose: str) -> str: ...
    def open_sealed(self, text: str, purpose: str) -> bytes | None: ...


class Pass(msgspec.Struct, frozen=True):
    """Whoever asked for a password."""

    account: str
    region: str
    principal: str
    expires: float
    session: Session | None = None


class _Link(msgspec.Struct, frozen=True):
    repository: str
    digest: str
    expires: float


class Tokens:
    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    def password(self, ctx: Context) -> tuple[str, float]:
        """(password, when it expires) of whoever asks: no later than the credentials that he asks with."""
        expires = self._clock.now() + LASTS_S
        if ctx.session is not None:
            expires = min(expires, ctx.session.expires_at)
        content = Pass(ctx.account, ctx.region, ctx.principal, expires, ctx.session)
        return self._vault.close(msgspec.json.encode(content), _PASSWORD), expires

    def read(self, headers: Mapping[str, str]) -> Pass | None:
        """Whoever a request comes from; None for nobody, and for a password that isn't one (any more)."""
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        content = self._vault.open_sealed(password, _PASSWORD) if user == USER else None
        found = msgspec.json.decode(content, type=Pass) if content is not None else None
        return found if found is not None and found.expires > self._clock.now() else None

    def link(self, repository: str, digest: str) -> str:
        """What lets everybody who has it read one layer; `repository`: its id."""
        link = _Link(repository, digest, self._clock.now() + LINK_LASTS_S)
        return self._vault.close(msgspec.json.encode(link), _LINK)

    def admits(self, text: str, repository: str, digest: str) -> bool:
        content = self._vault.open_sealed(text, _LINK)
        if content is None:
            return False
        link = msgspec.json.decode(content, type=_Link)
        return (link.repository, link.digest) == (repository, digest) and link.expires > self._clock.now()
