"""The door to root access keys: `/_samovar/keys`, for whoever runs the server (`samovar keys`).

Owns: listing, making and deleting keys beyond IAM's own rules. Rule: only the operator's signature opens it, whatever
the mode; its secret is derived from the server's key file, so who may read that file may do this.
"""

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from samovar.core.clock import iso_z
from samovar.core.errors import AwsError
from samovar.gateway.authority import Authority
from samovar.net.message import Request, Response

PATH = "/_samovar/keys"


class Key(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def created(self) -> float: ...
    @property
    def active(self) -> bool: ...


class Keys(Protocol):
    """What IAM keeps."""

    def all(self) -> Sequence[Key]: ...
    async def make_root(self, account: str) -> tuple[str, str]: ...
    async def delete(self, access_key: str) -> bool: ...


class _Wanted(msgspec.Struct, forbid_unknown_fields=True):
    account: str = ""
    delete: str = ""


class KeysDoor:
    def __init__(self, authority: Authority, keys: Keys) -> None:
        self._authority = authority
        self._keys = keys

    async def open(self, request: Request) -> Response:
        try:
            self._authority.authenticate_operator(request)
        except AwsError as refused:
            return _answer(403, {"message": refused.message})
        if request.method == "GET":
            return _answer(200, {"keys": [_shown(key) for key in self._keys.all()]})
        try:
            wanted = msgspec.json.decode(request.body, type=_Wanted)
        except msgspec.DecodeError as error:
            return _answer(400, {"message": str(error)})
        if wanted.delete:
            return _answer(200, {"deleted": await self._keys.delete(wanted.delete)})
        if not re.fullmatch(r"\d{12}", wanted.account, re.ASCII):
            return _answer(400, {"message": "An account has 12 digits."})
        id, secret = await self._keys.make_root(wanted.account)
        return _answer(200, {"access_key_id": id, "secret_access_key": secret, "account": wanted.account})


def _shown(key: Key) -> dict[str, object]:
    return {
        "access_key_id": key.id,
        "account": key.account,
        "user": key.user,
        "created": iso_z(key.created),
        "active": key.active,
    }


def _answer(status: int, content: object) -> Response:
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode(content))
