"""One request at the registry's door: whose registry, which repository, who asks, and whether he may.

Owns: `Call` and how it is made. Rules: a registry is named by the host (`ACCOUNT.dkr.ecr.REGION.…`) or by the first
part of the name, and where neither says one it is that of the password, or the default account's in the default
region. Each request needs what the same step needs in ECR's API.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

import msgspec

from samovar.core.context import Context, Params
from samovar.core.images import REPOSITORY, registry_of_host, registry_of_path
from samovar.net.body import BodyStream
from samovar.net.message import Request
from samovar.services.ecr.door import answers
from samovar.services.ecr.records import Repository
from samovar.services.ecr.state import Ecr
from samovar.services.ecr.tokens import Tokens
from samovar.web.registry import PATH

Admit = Callable[[Context, str, Params], Context]
"""(who asks, operation of ECR, what about) -> the context to run it in; AwsError where it isn't allowed."""

_NAME = re.compile(REPOSITORY)
_LONGEST_NAME: Final = 256
_LINK: Final = "token"
"""The parameter of links to layers."""


class Call:
    """A request that names a repository."""

    def __init__(self, request: Request, ctx: Context, stream: BodyStream | None) -> None:
        self.request = request
        self.stream = stream
        self.ctx = ctx
        self.query: Mapping[str, str] = dict(parse_qsl(request.query, keep_blank_values=True))
        self.kind = ""
        """`manifest`, `blob`, `upload`, `tags`, `referrers`."""
        self.what = ""
        """What the path names of it."""
        self.base = ""
        """The path up to the repository, as the client has it."""
        self.params: Params = {}
        """`registryId` and `repositoryName`."""

    @property
    def name(self) -> str:
        return str(self.params["repositoryName"])


class Entrance:
    def __init__(self, state: Ecr, tokens: Tokens, admit: Admit, home: tuple[str, str], locked: bool) -> None:
        """`home`: (account, region) where nothing names a registry; `locked`: nobody comes in without a password."""
        self._state = state
        self._tokens = tokens
        self._admit = admit
        self._home = home
        self._locked = locked

    def enter(self, call: Call) -> None:
        """Find out whose registry is meant and who asks. Raises Refused."""
        request = call.request
        host = request.headers.get("host", "").lower()
        holder = self._tokens.read(request.headers)
        match = PATH.fullmatch(request.path)
        linked = match is not None and match["blob"] is not None and _LINK in call.query  # `has_link` looks at it
        if holder is None and self._locked and not linked:
            challenge = f'Basic realm="{call.ctx.endpoint}/",service="ecr.amazonaws.com"'
            raise answers.refused(401, "UNAUTHORIZED", "Not Authorized", ("WWW-Authenticate", challenge))
        account, region = registry_of_host(host) or ((holder.account, holder.region) if holder else self._home)
        name = unquote(match["name"]) if match else ""
        below = registry_of_path(name)
        if below is not None:
            account, region, name = below
        call.params = {"registryId": account, "repositoryName": name}
        who = (holder.account, holder.principal, holder.session) if holder else (account, call.ctx.principal, None)
        call.ctx = msgspec.structs.replace(
            call.ctx, account=who[0], principal=who[1], session=who[2], region=region
        )
        if match is not None:
            call.kind, call.what = next((kind, unquote(match[kind])) for kind in _KINDS if match[kind] is not None)
            call.base = f"/v2/{match['name']}"
            if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
                raise answers.refused(400, "NAME_INVALID", f"invalid repository name: {name[:_LONGEST_NAME]}")

    def repository(self, call: Call, operation: str, name: str = "") -> Repository:
        """The repository, once its owner lets the caller do what `operation` does. Raises AwsError."""
        params = {**call.params, "repositoryName": name or call.name}
        ctx = self._admit(call.ctx, operation, params)
        return self._state.find(params["registryId"], ctx.region, params["repositoryName"])

    def registry(self, call: Call, operation: str) -> str:
        """The account of the registry, likewise."""
        self._admit(call.ctx, operation, {"registryId": call.params["registryId"]})
        return str(call.params["registryId"])

    def has_link(self, call: Call) -> Repository | None:
        """The repository of a layer that the request has a link to (GetDownloadUrlForLayer)."""
        if _LINK not in call.query:
            return None
        found = self._state.repositories.get((call.params["registryId"], call.ctx.region, call.name))
        if found is None or not self._tokens.admits(call.query[_LINK], found.id, call.what):
            raise answers.refused(403, "DENIED", "This link isn't valid, or has expired. Ask for a new one.")
        return found


_KINDS: Final = ("manifest", "upload", "blob", "tags", "referrers")
