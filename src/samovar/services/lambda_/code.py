"""The code of functions: the uploaded zip (truth) and its unpacked tree (a cache of it), both named by their content.

Owns: a blob store and a directory of trees, used by nobody else; the links under which GetFunction offers a zip.

1. Blob first, then tree, then (by the caller) the row that names them: a crash between leaves only what nobody names.
2. What nobody names is swept at start. While serving, what was named may still run: it goes with a later deployment,
   once it has been out of use for longer than any invocation or link lasts.
3. One deployment at a time writes or removes, so that no tree is removed under the feet of one that wants it.
"""

import asyncio
import hashlib
import hmac
import os
from collections.abc import Collection
from pathlib import Path
from urllib.parse import parse_qs

from samovar.core.clock import Clock
from samovar.engine import package
from samovar.services.lambda_.function import Code, Function
from samovar.store.blobs import Blobs
from samovar.store.errors import BlobMissing

KEPT_S = 16 * 60
"""An invocation may last 15 minutes, a link 10."""
LINK_S = 10 * 60
LINK_PATH = "/_samovar/code/"


class CodeStore:
    def __init__(self, blobs: Blobs, trees: Path, clock: Clock) -> None:
        self._blobs = blobs
        self._trees = trees
        self._clock = clock
        self._lock = asyncio.Lock()
        self._candidates: dict[str, float] = {}
        """Digest of code that may have fallen out of use -> since when (monotonic)."""
        self._secret = os.urandom(32)

    async def keep(self, data: bytes, source_kms_key_arn: str, architecture: str) -> Code:
        """Store a zip and unpack it; raises what AWS answers for one that it can't take."""
        async with self._lock:
            digest = await self._blobs.put(data)
            self._candidates[digest] = self._clock.monotonic()  # until a row names it
            unpacked = await asyncio.to_thread(package.unpack, data, self._trees)
        return Code(digest, unpacked.code_size, unpacked.code_sha256, source_kms_key_arn, architecture)

    def release(self, code: Code) -> None:
        """Some row doesn't name this code any more."""
        self._candidates[code.digest] = self._clock.monotonic()

    async def tidy(self, functions: Collection[Function]) -> None:
        """Remove what has been out of use for long; `functions` are all there are."""
        async with self._lock:
            old = self._clock.monotonic() - KEPT_S
            young = {digest: since for digest, since in self._candidates.items() if since > old}
            if len(young) < len(self._candidates):
                self._candidates = young
                await self._remove_all_but(young.keys() | _named(functions))

    async def sweep(self, functions: Collection[Function]) -> None:
        """At start: remove what nobody names."""
        async with self._lock:
            await asyncio.to_thread(self._trees.mkdir, parents=True, exist_ok=True)
            await self._remove_all_but(_named(functions))

    async def restore(self, code: Code) -> None:
        """Unpack the code again if it lost its tree; raises StoreError when the zip is lost as well."""
        if not (self._trees / code.digest).is_dir():
            await asyncio.to_thread(package.unpack, await self._blobs.get(code.digest), self._trees)

    def link(self, endpoint: str, function: Function) -> str:
        """A URL that downloads the function's zip, for ten minutes and until the server restarts."""
        path = f"{LINK_PATH}{function.account}/{function.region}/{function.name}"
        claim = f"{int(self._clock.now()) + LINK_S}.{function.code.digest}"
        return f"{endpoint}{path}?token={claim}.{self._sign(path, claim)}"

    async def download(self, path: str, query: str) -> bytes | None:
        """The zip behind a link's path and query; None when the link isn't ours, has expired or its code is gone."""
        claim, _, signature = parse_qs(query).get("token", [""])[-1].rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(path, claim).encode()):
            return None
        expires, _, digest = claim.partition(".")
        if int(expires) < self._clock.now():
            return None
        try:
            return await self._blobs.get(digest)
        except BlobMissing:
            return None

    async def _remove_all_but(self, keep: set[str]) -> None:
        await self._blobs.sweep(keep)
        await asyncio.to_thread(package.remove, self._trees, keep)

    def _sign(self, path: str, claim: str) -> str:
        return hmac.new(self._secret, f"{path}?{claim}".encode(), hashlib.sha256).hexdigest()


def _named(functions: Collection[Function]) -> set[str]:
    return {function.code.digest for function in functions}
