"""The code of functions and layers: the uploaded zip (truth) and its unpacked tree (a cache of it), both named by their
content; and the trees that several layers make together at /opt, caches of theirs.

Owns: a blob store and a directory of trees, used by nobody else; the links under which GetFunction and GetLayerVersion
offer a zip; the limit for code and layers together.

1. Blob and tree, then (by the caller) the row that names them: a crash between leaves only what nobody names.
2. What nobody names is swept at start. While serving, what was named may still run: it goes with a later deployment,
   once it has been out of use for longer than any invocation or link lasts.
3. One deployment at a time writes or removes, so that no tree is removed under the feet of one that wants it.
"""

import asyncio
import hashlib
import hmac
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from urllib.parse import parse_qs

from samovar.core.clock import Clock
from samovar.engine import package
from samovar.engine.archive import UNZIPPED_LIMIT
from samovar.engine.package import Package
from samovar.services.lambda_.fetch import Upload
from samovar.services.lambda_.function import Code, Deployed, LayerReference
from samovar.services.lambda_.layers import LayerVersion
from samovar.services.lambda_.names import invalid
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
        """Name of a blob or tree that may have fallen out of use -> since when (monotonic)."""
        self._secret = os.urandom(32)
        self.hot_reload = False
        """Whether folders of the host are taken for code."""

    async def keep(self, upload: Upload) -> Package:
        """Store a function's or a layer's zip and unpack it; raises what AWS answers for one that it can't take."""
        async with self._lock:
            digest, unpacked = await asyncio.gather(
                self._blobs.put(upload.data),
                asyncio.to_thread(package.unpack, upload.data, self._trees, upload.limit),
                return_exceptions=True,
            )
            if isinstance(digest, BaseException):
                raise digest
            self._suspect([digest])  # until a row names it
            if isinstance(unpacked, BaseException):
                raise unpacked
            return unpacked

    async def stack(self, code: Code, layers: tuple[LayerReference, ...]) -> None:
        """Make the tree of a function's layers; raises what AWS answers when they are too large for this code."""
        if not layers:
            return
        digests = [layer.digest for layer in layers]
        if len(digests) > 1 and any(map(package.is_folder, digests)):
            raise invalid("A layer from hot-reload can only be a function's one layer.")
        async with self._lock:
            self._suspect({*digests, package.stack_name(digests)})  # until a row names them
            await self._restore([code.digest, *digests])
            size = await asyncio.to_thread(self._unzipped_size, [code.digest, *digests])
            if size > UNZIPPED_LIMIT:
                raise invalid(
                    f"Function code combined with layers exceeds the maximum allowed size of {UNZIPPED_LIMIT} bytes. "
                    f"The actual size is {size} bytes."
                )
            await self._stack(digests)

    def release(self, deployed: Deployed) -> None:
        """A row with this code and these layers is there no more."""
        self._suspect(_needs(deployed))

    def release_layer(self, version: LayerVersion) -> None:
        """A layer version is there no more; functions may still use it."""
        self._suspect([version.digest])

    async def tidy(self, everything: Callable[[], tuple[Collection[Deployed], Collection[LayerVersion]]]) -> None:
        """Remove what has been out of use for long; `everything` gathers all there is, when it is wanted."""
        async with self._lock:
            old = self._clock.monotonic() - KEPT_S
            young = {digest: since for digest, since in self._candidates.items() if since > old}
            if len(young) < len(self._candidates):
                self._candidates = young
                await self._remove_all_but(young.keys() | _named(*everything()))

    async def sweep(self, deployed: Collection[Deployed], layers: Collection[LayerVersion]) -> None:
        """At start: remove what nobody names."""
        async with self._lock:
            await asyncio.to_thread(self._trees.mkdir, parents=True, exist_ok=True)
            await self._remove_all_but(_named(deployed, layers))

    async def restore(self, deployed: Deployed) -> None:
        """Make again what trees it has lost; raises StoreError when a zip is lost as well."""
        digests = [layer.digest for layer in deployed.configuration.layers]
        await self._restore([deployed.code.digest, *digests])
        await self._stack(digests)

    async def _stack(self, digests: list[str]) -> None:
        if digests and not any(map(package.is_folder, digests)):
            await asyncio.to_thread(package.stack, self._trees, digests)

    def link(self, endpoint: str, deployed: Deployed) -> str:
        """A URL that downloads the zip, for ten minutes and until the server restarts."""
        path = f"{deployed.account}/{deployed.region}/{deployed.name}"
        return self._link(endpoint, path, deployed.code.digest)

    def layer_link(self, endpoint: str, version: LayerVersion) -> str:
        """The same for a layer's."""
        path = f"{version.account}/{version.region}/layers/{version.name}/{version.number}"
        return self._link(endpoint, path, version.digest)

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

    def _suspect(self, names: Iterable[str]) -> None:
        now = self._clock.monotonic()
        self._candidates.update((name, now) for name in names)

    async def _restore(self, digests: Iterable[str]) -> None:
        for digest in digests:
            if not package.is_folder(digest) and not (self._trees / digest).is_dir():
                zipped = await self._blobs.get(digest)
                await asyncio.to_thread(package.unpack, zipped, self._trees, UNZIPPED_LIMIT)

    def _unzipped_size(self, digests: Iterable[str]) -> int:
        trees = [self._trees / digest for digest in digests if not package.is_folder(digest)]
        return sum(map(package.unzipped_size, trees))

    async def _remove_all_but(self, keep: set[str]) -> None:
        await self._blobs.sweep(keep)
        await asyncio.to_thread(package.remove, self._trees, keep)

    def _link(self, endpoint: str, below: str, digest: str) -> str:
        if package.is_folder(digest):
            return Path(digest).as_uri()
        path = f"{LINK_PATH}{below}"
        claim = f"{int(self._clock.now()) + LINK_S}.{digest}"
        return f"{endpoint}{path}?token={claim}.{self._sign(path, claim)}"

    def _sign(self, path: str, claim: str) -> str:
        return hmac.new(self._secret, f"{path}?{claim}".encode(), hashlib.sha256).hexdigest()


def code_of(kept: Package, source_kms_key_arn: str, architecture: str) -> Code:
    return Code(kept.sha256, kept.code_size, kept.code_sha256, source_kms_key_arn, architecture)


def _needs(deployed: Deployed) -> set[str]:
    """The names of its blobs and trees."""
    digests = [layer.digest for layer in deployed.configuration.layers]
    return {deployed.code.digest, *digests, package.stack_name(digests)}


def _named(deployed: Collection[Deployed], layers: Collection[LayerVersion]) -> set[str]:
    return {version.digest for version in layers}.union(*map(_needs, deployed))
