"""What ECR's operations and its registry door share: repositories, images, layers, and the checks that come first.

Owns: `Ecr`. Rules: a repository is looked for with no await before what depends on it is written (`alive`); a layer
that no image names goes when nobody has asked for it for an hour and nothing is being uploaded to its repository, so
that a push that was told «it is there» finds it there.
"""

import hashlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, BinaryIO, Final

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context, Params
from samovar.core.images import Manifest
from samovar.services.ecr import errors, lifecycle
from samovar.services.ecr.events import Events
from samovar.services.ecr.index import Index, Pushed, Removed, erasing
from samovar.services.ecr.lifecycle import Expiry
from samovar.services.ecr.records import Image, Layer, Registry, Repository
from samovar.services.ecr.uploads import Uploads
from samovar.store.errors import BlobMissing
from samovar.store.files import Files
from samovar.store.table import Table

GRACE_S: Final = 3600
"""How long a layer may wait for the image that names it."""
_AT_ONCE: Final = 200
"""Layers that go in one transaction."""
_PULL_NOTED_S: Final = 24 * 3600
"""The time of the last pull is kept no more exactly than this (ECR's API reference, ImageDetail)."""


class Ecr:
    def __init__(
        self,
        repositories: Table[Repository],
        registries: Table[Registry],
        index: Index,
        files: Files,
        uploads: Uploads,
        events: Events,
        clock: Clock,
    ) -> None:
        self.repositories = repositories
        self.registries = registries
        self.index = index
        self.files = files
        self.uploads = uploads
        self.events = events
        self.clock = clock
        self._started = clock.now()
        self._asked: dict[tuple[str, str], float] = {}
        """(repository, layer) -> when somebody was told that it is there."""
        self._going: set[tuple[str, str]] = set()
        """Those that are being removed."""

    # --- repositories

    def repository(self, ctx: Context, params: Params) -> Repository:
        """The repository that a request names. Raises RepositoryNotFoundException."""
        return self.find(params.get("registryId") or ctx.account, ctx.region, params["repositoryName"])

    def find(self, account: str, region: str, name: str) -> Repository:
        found = self.repositories.get((account, region, name))
        if found is None:
            raise errors.no_such_repository(name, account)
        return found

    def by_arn(self, text: str) -> Repository | None:
        parts = text.split(":", 5)
        if len(parts) != 6 or not parts[5].startswith("repository/"):
            return None
        return self.repositories.get((parts[4], parts[3], parts[5].removeprefix("repository/")))

    def alive(self, repository: Repository) -> None:
        """Raises RepositoryNotFoundException when it has gone, also when another took its name."""
        found = self.repositories.get(repository.key)
        if found is None or found.id != repository.id:
            raise errors.no_such_repository(repository.name, repository.account)

    async def change(self, repository: Repository, **changes: Any) -> Repository:
        """Change what is set for a repository."""
        self.alive(repository)
        current = self.repositories.get(repository.key)
        changed = msgspec.structs.replace(current or repository, **changes)
        await self.repositories.put(repository.key, changed)
        return changed

    async def delete(self, repository: Repository) -> None:
        """With everything in it."""
        self.alive(repository)
        files, uploads, *_ = await self.index.store.transact(
            *erasing(repository.id), self.repositories.deleting(repository.key)
        )
        await self.uploads.forget([row[0] for row in uploads])
        await self.files.delete(*(row[0] for row in files))

    def registry(self, ctx: Context) -> Registry:
        return self.registries.get((ctx.account, ctx.region)) or Registry()

    async def change_registry(self, ctx: Context, **changes: Any) -> None:
        await self.registries.put((ctx.account, ctx.region), msgspec.structs.replace(self.registry(ctx), **changes))

    # --- images

    async def push(self, ctx: Context, repository: Repository, text: str, manifest: Manifest, tag: str) -> Pushed:
        """Put an image into a repository. Raises LayersNotFoundException and the like; the same again is `same`."""
        digest, now = digest_of(text.encode()), self.clock.now()
        size = sum(layer.size for layer in manifest.layers)
        for each in manifest.images:  # of a list, its largest
            named = await self.index.manifest(repository.id, each.digest)
            size = max(size, named[0].size if named else 0)
        image = Image(digest, now, 0.0, size, manifest.media_type, manifest.artifact_type, manifest.subject)
        told = [await self.events.putting(ctx, repository, "PUSH", image, tag)]
        self.alive(repository)
        pushed = await self.index.push(
            repository.id, image, text, manifest, tag, lambda tag: keeps_tag(repository, tag), told
        )
        if pushed.missing_layers:
            raise errors.missing_layers(pushed.missing_layers, repository)
        if pushed.missing_images:
            raise errors.missing_images(pushed.missing_images, repository)
        if pushed.holder:
            raise errors.immutable(tag, repository)
        return pushed

    async def image(self, repository: Repository, digest: str, tag: str) -> tuple[Image, str] | None:
        """An image and its manifest, by digest or else by tag."""
        digest = digest or await self.index.digest_of(repository.id, tag)
        return await self.index.manifest(repository.id, digest) if digest else None

    async def note_pull(self, repository: Repository, image: Image) -> None:
        now = self.clock.now()
        if image.pulled + _PULL_NOTED_S <= now:
            await self.index.pulled(repository.id, image.digest, now)

    async def remove(self, ctx: Context, repository: Repository, digest: str, tag: str) -> Removed:
        found = await self.image(repository, digest, tag)
        removed = await self.index.remove(repository.id, digest, tag)
        if found is not None and removed.digest and not removed.held_by:
            told = [
                await self.events.putting(ctx, repository, "DELETE", found[0], each) for each in removed.tags or ("",)
            ]
            await self.index.store.transact(*told)
        return removed

    async def expiries(self, repository: Repository, policy: str, now: float) -> list[Expiry]:
        """The images that a lifecycle policy would have go."""
        images = await self.index.images(repository.id)
        return lifecycle.expired(lifecycle.read(policy), images, await self.index.children(repository.id), now)

    async def apply_lifecycle(self, ctx: Context, repository: Repository) -> None:
        """As long as the policy stays what it is."""
        now = self.clock.now()
        for each in await self.expiries(repository, repository.lifecycle, now):
            if not self._has_policy(repository):
                return
            await self.remove(ctx, repository, each.image.digest, "")
        if self._has_policy(repository):
            await self.change(repository, lifecycle_evaluated=now)

    def _has_policy(self, repository: Repository) -> bool:
        current = self.repositories.get(repository.key)
        return current is not None and (current.id, current.lifecycle) == (repository.id, repository.lifecycle)

    # --- layers

    async def layer(self, repository: Repository, digest: str) -> Layer | None:
        """A layer of a repository, which stays for a while now, whether or not an image names it."""
        key = repository.id, digest
        if key in self._going:
            return None
        self._asked[key] = self.clock.now()
        return await self.index.layer(repository.id, digest)

    async def open(self, account: str, region: str, repository: str, digest: str) -> BinaryIO | None:
        """`core/images.ImageBytes`."""
        found = self.repositories.get((account, region, repository))
        layer = await self.layer(found, digest) if found is not None else None
        if layer is None:
            return None
        try:
            return await self.files.open_file(layer.file)
        except BlobMissing:
            return None  # its repository has just been deleted

    async def sweep(self) -> None:
        """Remove the layers that nothing needs any more."""
        await self.uploads.expire()
        horizon = self.clock.now() - GRACE_S
        self._asked = {key: when for key, when in self._asked.items() if when > horizon}
        if self._started > horizon:
            return  # whoever asked before the start isn't known
        busy = {upload.repository for upload in await self.index.uploads()}
        unnamed = await self.index.unnamed(horizon)
        gone = [layer for layer in unnamed if layer not in self._asked and layer[0] not in busy]
        for start in range(0, len(gone), _AT_ONCE):
            self._going = set(gone[start : start + _AT_ONCE]).difference(self._asked)
            try:
                await self.files.delete(*await self.index.drop_layers(sorted(self._going)))
            finally:
                self._going = set()

    async def clear(self) -> None:
        await self.repositories.clear()
        await self.registries.clear()
        await self.index.clear()
        await self.uploads.recover()
        await self.files.sweep(set())


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def keeps_tag(repository: Repository, tag: str) -> bool:
    """Whether a tag stays with the image that has it."""
    excepted = _matches(tag, (each["filter"] for each in repository.exclusions))
    return repository.mutability.startswith("IMMUTABLE") is not excepted


def _matches(tag: str, filters: Iterable[str]) -> bool:
    """Filters know no wildcard but `*`."""
    return any(fnmatchcase(tag, each) for each in filters)
