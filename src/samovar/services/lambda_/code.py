"""The code of functions and layers: the uploaded zip (truth) and its unpacked tree (a cache of it), both named by their
content; and the trees that several layers make together at /opt, caches of theirs.

Owns: a blob store and a directory of trees, used by nobody else; the links under which GetFunction and GetLayerVersion
offer a zip; the limit for code and layers together.

1. Blob and tree, then (by the caller) the row that names them: a crash between leaves only what nobody names.
2. What nobody names is swept at start. While serving, what was named may still run: it goes with a later deployment,
   once it has been out of use for longer than any invocation or link lasts.
3. One deployment at a time writes or removes, so that no tree is removed under the feet of one that wants it.
4. Code that stays in a bucket (`selfmanaged`) has a tree and no blob.
5. An answer waits for the blob on the disk (the tree, where there is no blob), and not for its tree: that is staged,
   and put in its place before anything runs it (`restore`).
"""

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

import msgspec

from samovar.core.clock import Clock
from samovar.core.errors import AwsError
from samovar.engine import package
from samovar.engine.archive import UNZIPPED_LIMIT
from samovar.engine.package import Package, Staged
from samovar.services.lambda_.configure import not_implemented
from samovar.services.lambda_.fetch import Upload
from samovar.services.lambda_.function import Code, Deployed, LayerReference
from samovar.services.lambda_.images import ImageStore
from samovar.services.lambda_.layers import LayerVersion
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.selfmanaged import Bucket, S3Object
from samovar.store.blobs import Blobs
from samovar.store.errors import BlobMissing

KEPT_S = 16 * 60
"""An invocation may last 15 minutes, a link 10."""
LINK_S = 10 * 60
LINK_PATH = "/_samovar/code/"


class CodeStore:
    def __init__(self, blobs: Blobs, trees: Path, clock: Clock, bucket: Bucket) -> None:
        self.bucket = bucket
        self._blobs = blobs
        self._trees = trees
        self._clock = clock
        self._lock = asyncio.Lock()
        self._appearing = asyncio.Lock()
        """Held while staged trees are put in their places; within `_lock`, where both are."""
        self._staged: dict[str, Staged] = {}
        """Trees that nobody has needed yet, by their digests."""
        self._candidates: dict[str, float] = {}
        """Name of a blob or tree that may have fallen out of use -> since when (monotonic)."""
        self._secret = os.urandom(32)
        self.hot_reload = False
        """Whether folders of the host are taken for code."""
        self.images: ImageStore | None = None
        """None where there is no registry of images."""

    async def keep(self, upload: Upload) -> Package:
        """Store a function's or a layer's zip, unless it stays in its bucket, and unpack it; raises what AWS answers
        for one that it can't take."""
        async with self._lock:
            digest, staged = await asyncio.gather(
                self._blobs.put(upload.data) if upload.source is None else _digest(upload.data),
                asyncio.to_thread(package.stage, upload.data, self._trees, upload.limit),
                return_exceptions=True,
            )
            if not isinstance(staged, BaseException):
                self._remember(staged)
            if isinstance(digest, BaseException):
                raise digest
            self._suspect([digest])  # until a row names it
            if isinstance(staged, BaseException):
                raise staged
            if upload.source is not None:
                await self._appear(digest)
            return staged.package

    async def stack(self, code: Code, layers: tuple[LayerReference, ...]) -> None:
        """Make the tree of a function's layers; raises what AWS answers when they are too large for this code."""
        if not layers:
            return
        digests = [layer.digest for layer in layers]
        if len(digests) > 1 and any(map(package.is_folder, digests)):
            raise invalid("A layer from hot-reload can only be a function's one layer.")
        async with self._lock:
            self._suspect({*digests, package.stack_name(digests)})  # until a row names them
            await self._restore(code, *layers)
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
        if self.images is not None:
            self.images.release(deployed)

    def release_layer(self, version: LayerVersion) -> None:
        """A layer version is there no more; functions may still use it."""
        self._suspect([version.digest])

    async def tidy(self, everything: Callable[[], tuple[Collection[Deployed], Collection[LayerVersion]]]) -> None:
        """Remove what has been out of use for long; `everything` gathers all there is, when it is wanted."""
        with suppress(OSError):  # told to those who need it
            await self._appear(*self._staged)
        async with self._lock:
            old = self._clock.monotonic() - KEPT_S
            young = {digest: since for digest, since in self._candidates.items() if since > old}
            if len(young) < len(self._candidates):
                self._candidates = young
                await self._remove_all_but({*young}, *everything())
        if self.images is not None:
            await self.images.tidy(lambda: everything()[0])

    async def sweep(self, deployed: Collection[Deployed], layers: Collection[LayerVersion]) -> None:
        """At start: remove what nobody names."""
        async with self._lock:
            await asyncio.to_thread(self._trees.mkdir, parents=True, exist_ok=True)
            await self._remove_all_but(set(), deployed, layers)
        if self.images is not None:
            await self.images.sweep(deployed)

    def lacks(self, deployed: Deployed) -> bool:
        """Whether it has lost a tree that must be made of what is in a bucket or a registry."""
        image = deployed.code.image
        if image is not None:
            return self.images is None or not self.images.has(image)
        return any(each.source and not (self._trees / each.digest).is_dir() for each in deployed.contents)

    async def restore(self, deployed: Deployed) -> None:
        """See that its trees are there, made again if they are lost; raises StoreError when a zip is lost as well,
        AwsError when a bucket's, Unusable when an image's."""
        if deployed.code.image is not None:
            await self.image_store().unpack(deployed.code.image)
            return
        digests = [layer.digest for layer in deployed.configuration.layers]
        await self._appear(*(each.digest for each in deployed.contents))
        async with self._lock:
            await self._restore(*deployed.contents)
            await self._stack(digests)

    def image_store(self) -> ImageStore:
        if self.images is None:
            raise not_implemented("PackageType=Image")
        return self.images

    async def _stack(self, digests: list[str]) -> None:
        if digests and not any(map(package.is_folder, digests)):
            await asyncio.to_thread(package.stack, self._trees, digests)

    def link(self, endpoint: str, deployed: Deployed) -> str:
        """A URL that downloads the zip, for ten minutes and until the server restarts."""
        path = f"{deployed.account}/{deployed.region}/{deployed.name}"
        return self._link(endpoint, path, deployed.code)

    def layer_link(self, endpoint: str, version: LayerVersion) -> str:
        """The same for a layer's."""
        path = f"{version.account}/{version.region}/layers/{version.name}/{version.number}"
        return self._link(endpoint, path, version)

    async def download(self, path: str, query: str) -> bytes | None:
        """The zip behind a link's path and query; None when the link isn't ours, has expired or its code is gone."""
        claim, _, signature = parse_qs(query).get("token", [""])[-1].rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(path, claim).encode()):
            return None
        expires, digest, *elsewhere = claim.split(".")
        if int(expires) < self._clock.now():
            return None
        try:
            if elsewhere:
                return await self.bucket.read(_read_claim(elsewhere[0]))
            return await self._blobs.get(digest)
        except (BlobMissing, AwsError):
            return None

    def _suspect(self, names: Iterable[str]) -> None:
        now = self._clock.monotonic()
        self._candidates.update((name, now) for name in names)

    def _remember(self, staged: Staged) -> None:
        """The first of a content; another one goes with the next sweep."""
        if staged.staging:
            self._staged.setdefault(staged.package.sha256, staged)

    async def _appear(self, *digests: str) -> None:
        async with self._appearing:
            for digest in digests:
                staged = self._staged.get(digest)
                if staged is not None:
                    try:
                        await asyncio.to_thread(package.appear, staged)
                    finally:
                        del self._staged[digest]

    async def _restore(self, *contents: Code | LayerReference) -> None:
        await self._appear(*(each.digest for each in contents))
        for each in contents:
            if not package.is_folder(each.digest) and not (self._trees / each.digest).is_dir():
                await asyncio.to_thread(package.unpack, await self._zip(each), self._trees, UNZIPPED_LIMIT)

    async def _zip(self, content: Code | LayerReference) -> bytes:
        if content.source is None:
            return await self._blobs.get(content.digest)
        zipped = await self.bucket.read(content.source)
        if await _digest(zipped) != content.digest:
            raise invalid(f"The object {content.source.key} in {content.source.bucket} isn't what it was.")
        return zipped

    def _unzipped_size(self, digests: Iterable[str]) -> int:
        trees = [self._trees / digest for digest in digests if not package.is_folder(digest)]
        return sum(map(package.unzipped_size, trees))

    async def _remove_all_but(
        self, keep: set[str], deployed: Collection[Deployed], layers: Collection[LayerVersion]
    ) -> None:
        await self._blobs.sweep(keep | _blobs_of(deployed, layers))
        async with self._appearing:
            staged = {os.path.basename(each.staging) for each in self._staged.values()}
            await asyncio.to_thread(package.remove, self._trees, keep | staged | _trees_of(deployed, layers))

    def _link(self, endpoint: str, below: str, content: Code | LayerVersion) -> str:
        if package.is_folder(content.digest):
            return Path(content.digest).as_uri()
        path = f"{LINK_PATH}{below}"
        claim = f"{int(self._clock.now()) + LINK_S}.{content.digest}"
        if content.source is not None:
            claim += f".{_claim(content.source)}"
        return f"{endpoint}{path}?token={claim}.{self._sign(path, claim)}"

    def _sign(self, path: str, claim: str) -> str:
        return hmac.new(self._secret, f"{path}?{claim}".encode(), hashlib.sha256).hexdigest()


def code_of(kept: Package, source_kms_key_arn: str, architecture: str, source: S3Object | None = None) -> Code:
    return Code(kept.sha256, kept.code_size, kept.code_sha256, source_kms_key_arn, architecture, source)


async def _digest(data: bytes) -> str:
    return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())


def _claim(object: S3Object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(object)).decode().rstrip("=")


def _read_claim(text: str) -> S3Object:
    return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=S3Object)


def _needs(deployed: Deployed) -> set[str]:
    """The names of its blobs and trees, but for an image's."""
    if deployed.code.image is not None:
        return set()
    digests = [layer.digest for layer in deployed.configuration.layers]
    return {deployed.code.digest, *digests, package.stack_name(digests)}


def _trees_of(deployed: Collection[Deployed], layers: Collection[LayerVersion]) -> set[str]:
    return {version.digest for version in layers}.union(*map(_needs, deployed))


def _blobs_of(deployed: Collection[Deployed], layers: Collection[LayerVersion]) -> set[str]:
    code = {each.digest for one in deployed for each in one.contents if each.source is None}
    return code.union(version.digest for version in layers if version.source is None)
