"""Function URLs as they are kept and shown (facts/lambda-api.md §9).

Owns: table `lambda.urls`, the way from a URL's id to its configuration, what a URL looks like. A function has at most
one URL, and so has each alias.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from samovar.core.context import Params
from samovar.services.lambda_.qualified import Named, QualifiedKey
from samovar.services.lambda_.state import State
from samovar.store.sqlite import Store
from samovar.store.table import Table

PATH = "/_samovar/lambda-url/"
"""Before the id, for clients that can't resolve names below `localhost`."""
LABEL = ".lambda-url."
"""Between id and region in a URL's host name."""


class Cors(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """As given; what wasn't is None."""

    allow_credentials: bool | None = None
    allow_headers: list[str] | None = None
    allow_methods: list[str] | None = None
    allow_origins: list[str] | None = None
    expose_headers: list[str] | None = None
    max_age: int | None = None


class Url(msgspec.Struct, frozen=True):
    id: str
    key: QualifiedKey
    auth_type: str
    cors: Cors | None
    invoke_mode: str
    """Empty when it was never given: then it is BUFFERED."""
    created_at: float
    modified_at: float

    @property
    def function_arn(self) -> str:
        """With the alias, if it is an alias's URL."""
        account, region, name, qualifier = self.key
        return f"arn:aws:lambda:{region}:{account}:function:{name}" + (f":{qualifier}" if qualifier else "")


class Urls:
    def __init__(self, functions: State, table: Table[Url]) -> None:
        self.functions = functions
        self.table = table
        self.on_url: Callable[[], Awaitable[None]] | None = None
        """Awaited before one is made."""
        self._keys = {url.id: url.key for _, url in table.items()}
        functions.belongings.append(table)

    @classmethod
    async def open(cls, store: Store, functions: State) -> "Urls":
        return cls(functions, await Table.open(store, "lambda.urls", Url))

    def get(self, target: Named) -> Url | None:
        return self.table.get(target.qualified)

    def find(self, id: str) -> Url | None:
        """The URL of an id; ids of deleted ones, which are never used again, lead nowhere."""
        key = self._keys.get(id)
        url = self.table.get(key) if key else None
        if url is None or url.id != id:
            self._keys.pop(id, None)  # it went with its function
            return None
        return url

    async def keep(self, url: Url) -> None:
        if self.on_url is not None:
            await self.on_url()
        self._keys[url.id] = url.key
        await self.table.put(url.key, url)

    async def remove(self, url: Url) -> None:
        self._keys.pop(url.id, None)
        await self.table.delete(url.key)


def cors(params: Params) -> Cors | None:
    """An empty object asks for none."""
    return msgspec.convert(params["Cors"], Cors) if params.get("Cors") else None


def address(url: Url, endpoint: str) -> str:
    """Where the URL is reached by whoever reaches the platform at `endpoint`.

    Names below `localhost` are the machine's own (RFC 6761 §6.3); from elsewhere the path form leads here.
    """
    parts = urlsplit(endpoint)
    if parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return f"{endpoint}{PATH}{url.id}/"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{url.id}{LABEL}{url.key[1]}.localhost{port}/"


def describe(url: Url, endpoint: str) -> Params:
    shown: dict[str, Any] = {
        "FunctionUrl": address(url, endpoint),
        "FunctionArn": url.function_arn,
        "AuthType": url.auth_type,
    }
    if url.cors:
        shown["Cors"] = msgspec.to_builtins(url.cors)
    shown["CreationTime"] = _iso_micros(url.created_at)
    shown["LastModifiedTime"] = _iso_micros(url.modified_at)
    shown["InvokeMode"] = url.invoke_mode or "BUFFERED"
    return shown


def _iso_micros(epoch_s: float) -> str:
    """`2022-04-08T18:37:46.117378Z` (facts/lambda-api.md §1)."""
    whole, fraction = divmod(round(epoch_s * 1_000_000), 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{fraction:06d}Z"
