"""Container images as functions' code: found in ECR by name, unpacked once, kept while a function names them.

Owns: what AWS answers about an image that it can't take (facts/lambda-api.md §5; the texts on source images as users
report them), and a directory of unpacked images. Refuses: what the images' layers become (`engine/images`).

Rules:
- An image is found when code is deployed: from then on its digest counts, wherever its tag moves.
- A tree is made once for all that name it, two at a time, and holds up nobody but them.
- What nobody names any more may still run: it goes when it has been out of use for longer than any invocation lasts.
  What a stopped server left half-made is swept at the next start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.core.images import BadManifest, ImageName, Manifest, parse_uri, read_manifest
from samovar.engine.images import manifest, tree
from samovar.engine.images.manifest import Unsupported
from samovar.engine.images.tar import IMAGE_LIMIT, BadImage, Budget
from samovar.services.lambda_.function import Code, ContainerImage, Deployed, Reason
from samovar.services.lambda_.names import invalid

_CONFIG_LIMIT: Final = 1 << 20
_AT_ONCE: Final = 2
_STOPPED_WITHIN_S: Final = 3.0
_GONE = ("RepositoryNotFoundException", "ImageNotFoundException", "NotImplementedException")
_DENIED = ("AccessDeniedException", "AccessDenied")


OpenLayer = Callable[[str, str, str, str], Awaitable[BinaryIO | None]]
"""Account, region, repository and digest -> the layer's file."""


class Unusable(Exception):
    """An image can't become a function's root; the reason is as AWS shows it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


class ImageStore:
    def __init__(self, open_layer: OpenLayer, trees: Path, clock: Clock, kept_s: float) -> None:
        """`open_layer`: see `core/images.ImageBytes`. `trees`: where the engine finds unpacked images; nobody else's.
        `kept_s`: how long one is kept after its use."""
        self._open_layer = open_layer
        self._trees = trees
        self._clock = clock
        self._kept_s = kept_s
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._removing = asyncio.Lock()
        self._unpacking: dict[str, asyncio.Task[None]] = {}
        self._budgets: dict[str, Budget] = {}
        self._candidates: dict[str, float] = {}
        """Name of a tree that may have fallen out of use -> since when (monotonic)."""

    # --- finding ----------------------------------------------------------------------------------------------------

    async def find(self, ctx: Context, uri: str, architecture: str) -> Code:
        """The code that an image is; raises what AWS answers for one that isn't there, or that it can't take."""
        name = parse_uri(uri, ctx.account, ctx.region)
        if name is None or name.region != ctx.region or not (name.tag or name.digest):
            raise invalid(f"Source image {uri} is not valid. Provide a valid source image.")
        try:
            return await self._find(ctx, uri, name, architecture)
        except (Unsupported, BadManifest):
            raise invalid(
                f"The image manifest, config or layer media type for the source image {uri} is not supported."
            ) from None
        except BadImage as wrong:
            raise invalid(f"Source image {uri} is not valid: {wrong}. Provide a valid source image.") from None

    async def _find(self, ctx: Context, uri: str, name: ImageName, architecture: str) -> Code:
        digest, described = await _manifest(ctx, uri, name)
        if described.images:
            chosen = ImageName(name.account, name.region, name.repository, "", manifest.chosen(described, architecture))
            digest, described = await _manifest(ctx, uri, chosen)
        if sum(layer.size for layer in described.layers) > IMAGE_LIMIT:
            raise BadImage(f"its layers exceed {IMAGE_LIMIT} bytes")
        place = (name.account, name.region, name.repository)
        config = await self._open_layer(*place, manifest.config_digest(described))
        if config is None:
            raise _missing(uri)
        image = manifest.read(described, await asyncio.to_thread(_whole, config))
        if image.architecture != architecture:
            raise BadImage(f"it is for {image.architecture}, and the function for {architecture}")
        kept = ContainerImage(uri, f"{_without_reference(uri)}@{digest}", *place, image.layers, image.settings)
        self._suspect([kept.tree])  # until a row names it
        return Code("", 0, digest.removeprefix("sha256:"), "", architecture, image=kept)

    # --- trees ------------------------------------------------------------------------------------------------------

    def has(self, image: ContainerImage) -> bool:
        return (self._trees / image.tree).is_dir()

    async def unpack(self, image: ContainerImage) -> None:
        """Make the tree of an image if it isn't there; raises Unusable."""
        async with self._removing:
            if self.has(image):
                return
            task = self._unpacking.get(image.tree)
            if task is None:
                task = self._unpacking[image.tree] = asyncio.create_task(self._unpack(image))
                task.add_done_callback(lambda _: self._unpacking.pop(image.tree, None))
        await asyncio.shield(task)

    async def _unpack(self, image: ContainerImage) -> None:
        async with self._turn:
            budget = self._budgets[image.tree] = Budget()
            try:
                with ExitStack() as files:
                    layers = []
                    for each in image.layers:
                        file = files.enter_context(await self._open(image, each.digest))
                        layers.append(tree.Layer(file, each.compressed, each.diff_id))
                    await asyncio.to_thread(tree.unpack, layers, self._trees, budget)
            except BadImage as wrong:
                raise Unusable(Reason(f"The image {image.uri} is not valid: {wrong}.", "InvalidImage")) from None
            except OSError as error:
                text = f"The image {image.uri} could not be unpacked: {error.strerror}."
                raise Unusable(Reason(text, "InternalError")) from error
            finally:
                del self._budgets[image.tree]

    async def _open(self, image: ContainerImage, digest: str) -> BinaryIO:
        file = await self._open_layer(image.account, image.region, image.repository, digest)
        if file is None:
            raise Unusable(Reason(f"The image {image.resolved_uri} was deleted.", "ImageDeleted"))
        return file

    def release(self, deployed: Deployed) -> None:
        """A row with this image is there no more."""
        if deployed.code.image is not None:
            self._suspect([deployed.code.image.tree])

    async def tidy(self, everything: Callable[[], Collection[Deployed]]) -> None:
        """Remove what has been out of use for long; `everything` gathers all there is, when it is wanted."""
        async with self._removing:
            old = self._clock.monotonic() - self._kept_s
            gone = {name for name, since in self._candidates.items() if since <= old and name not in self._unpacking}
            for name in gone:
                del self._candidates[name]
            if gone:
                await asyncio.to_thread(tree.remove, self._trees, gone - _named(everything()))

    async def sweep(self, everything: Collection[Deployed]) -> None:
        """At start: remove what nobody names."""
        await asyncio.to_thread(tree.sweep, self._trees, _named(everything))

    async def close(self) -> None:
        """Stop what is being unpacked: the next start does it."""
        for budget in self._budgets.values():
            budget.cancelled = True
        tasks = list(self._unpacking.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_STOPPED_WITHIN_S)
            for task in late:
                task.cancel()

    def _suspect(self, names: Iterable[str]) -> None:
        now = self._clock.monotonic()
        self._candidates.update((name, now) for name in names)


async def _manifest(ctx: Context, uri: str, name: ImageName) -> tuple[str, Manifest]:
    """The digest of what a name means, and its manifest."""
    id = {"imageTag": name.tag} if name.tag else {}
    id |= {"imageDigest": name.digest} if name.digest else {}
    wanted = {"registryId": name.account, "repositoryName": name.repository, "imageIds": [id]}
    try:
        answer = await ctx.call("ecr", "BatchGetImage", wanted)
    except AwsError as error:
        if error.code in _GONE:
            raise _missing(uri) from None
        if error.code in _DENIED:
            raise AwsError(
                "AccessDeniedException",
                "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
            ) from None
        raise
    if not answer["images"]:
        raise _missing(uri)
    found = answer["images"][0]
    described = read_manifest(found["imageManifest"].encode(), found.get("imageManifestMediaType") or "")
    return found["imageId"]["imageDigest"], described


def _missing(uri: str) -> AwsError:
    return invalid(f"Source image {uri} does not exist. Provide a valid source image.")


def _without_reference(uri: str) -> str:
    """Registry and repository of a URI."""
    registry, _, path = uri.partition("/")
    return f"{registry}/{path.partition('@')[0].partition(':')[0]}"


def _whole(file: BinaryIO) -> bytes:
    with file:
        data = file.read(_CONFIG_LIMIT + 1)
    if len(data) > _CONFIG_LIMIT:
        raise BadImage(f"its config exceeds {_CONFIG_LIMIT} bytes")
    return data


def _named(everything: Collection[Deployed]) -> set[str]:
    return {each.code.image.tree for each in everything if each.code.image is not None}
