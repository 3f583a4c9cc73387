"""Temporary credentials: made, and read back from their token.

Owns: Sessions. Rule: the token is the session, sealed; what this server's vault didn't seal is nobody's, and so is a
token beside another access key than its own.
"""

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from samovar.core.clock import Clock
from samovar.core.session import Session
from samovar.store.vault import Vault

FUNCTION_S = 12 * 3600
"""How long a function's credentials are good (facts/lambda-api.md §7)."""
_PURPOSE = "session"
_REMEMBERED = 4096


class Credentials(msgspec.Struct, frozen=True):
    access_key: str
    secret: str
    token: str
    expires_at: float
    session: Session


class Sessions:
    def __init__(self, clock: Clock, vault: Vault, make_key: Callable[[str, str], str]) -> None:
        self._clock = clock
        self._vault = vault
        self._make_key = make_key
        self._decode = msgspec.json.Decoder(Session).decode
        self._read: dict[str, Session] = {}

    def make(self, seconds: int, account: str, **members: Any) -> Credentials:
        """`members`: of Session, but for keys and times."""
        now = int(self._clock.now())
        session = Session(
            access_key=self._make_key("ASIA", account),
            secret=secrets.token_urlsafe(30),
            account=account,
            issued_at=now,
            expires_at=now + seconds,
            **members,
        )
        token = self._vault.close(msgspec.json.encode(session), _PURPOSE)
        return Credentials(session.access_key, session.secret, token, session.expires_at, session)

    def of_function(
        self, role: str, account: str, role_id: str, function_name: str, function_arn: str
    ) -> Credentials:
        """What a function's environment gets: its role's rights, in a session called like the function, in the
        function's account."""
        name = role.rpartition("/")[2]
        return self.make(
            FUNCTION_S,
            account,
            principal=f"arn:aws:sts::{account}:assumed-role/{name}/{function_name}",
            user_id=f"{role_id or 'AROA'}:{function_name}",
            issuer=role,
            issuer_id=role_id,
            role=True,
            function_arn=function_arn,
        )

    def read(self, access_key: str, token: str) -> Session | None:
        """The session of a token; None when it isn't one of ours, or not of that key. It may have expired."""
        found = self._read.get(token)
        if found is None:
            opened = self._vault.open_sealed(token, _PURPOSE)
            if opened is None:
                return None
            if len(self._read) >= _REMEMBERED:
                self._read.clear()
            found = self._read[token] = self._decode(opened)
        return found if found.access_key == access_key else None
