"""Layers on their way in: files that grow by what arrives, in any number of requests, and become a layer's at the end.

Owns: a folder with a file per upload, and how far each was hashed. Rules: a request is acknowledged when its bytes are
on the disk and the index says so; what stands behind that in a file is a crash's, and is cut off; one request at a time
writes to an upload. The hash is kept while the bytes arrive; only after a restart the file is read once more.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import msgspec

from samovar.core.clock import Clock
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.net.body import CutShort
from samovar.services.ecr import errors
from samovar.services.ecr.index import Index
from samovar.services.ecr.records import Layer, Repository, Upload
from samovar.store.errors import BlobMissing, StoreError
from samovar.store.files import Files, sync_directory

LARGEST: Final = 52_000 * 1024 * 1024
"""Bytes of a layer: ECR's quota."""
EXPIRY_S: Final = 24 * 3600
"""After which an upload that nobody goes on with is forgotten."""
_BATCH: Final = 1 << 20


Alive = Callable[[Repository], None]
"""Raises RepositoryNotFoundException when the repository has gone."""


class Busy(Exception):
    """Another request writes to the upload."""


class _Progress:
    """How far a file was hashed."""

    def __init__(self) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()

    def add(self, data: bytes) -> None:
        self.sha256.update(data)
        self.size += len(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self.sha256.hexdigest()}"


class _Growth:
    """One request's writing; its methods block. Raises StoreError."""

    def __init__(self, path: Path, size: int, progress: _Progress | None) -> None:
        """`size`: what was acknowledged; nothing behind it counts."""
        self._path = path
        self._new = not size
        try:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0)
            self._file.truncate(size)
            if progress is None or progress.size != size:
                progress = _Progress()
                while progress.size < size:
                    data = self._file.read(min(_BATCH, size - progress.size))
                    if not data:
                        raise StoreError(f"the upload {path} is shorter than it was")
                    progress.add(data)
            self.progress = progress
            self._file.seek(size)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}") from error

    def add(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise StoreError(f"cannot write an upload: {error.strerror}") from error
        self.progress.add(data)

    def sync(self) -> None:
        try:
            os.fdatasync(self._file.fileno())
            if self._new:
                sync_directory(self._path.parent)
        except OSError as error:
            raise StoreError(f"cannot write an upload: {error.strerror}") from error

    def close(self, size: int) -> None:
        """Keep `size` bytes: what a full disk didn't take must not fill it."""
        with contextlib.suppress(OSError):
            self._file.truncate(size)
        self._file.close()


class Uploads:
    def __init__(self, folder: Path, files: Files, index: Index, clock: Clock) -> None:
        self._folder = folder
        self._files = files
        self._index = index
        self._clock = clock
        self._progress: dict[str, _Progress] = {}
        self._writing: set[str] = set()

    async def recover(self) -> None:
        """After a crash: files without an upload go, and uploads without a file."""
        there = {upload.id: upload for upload in await self._index.uploads()}
        found = await asyncio.to_thread(_tidy, self._folder, set(there))
        await self._index.end([id for id, upload in there.items() if upload.size and id not in found])

    async def begin(self, repository: Repository) -> Upload:
        upload = Upload(uuid4(), repository.id, 0, self._clock.now())
        await self._index.begin(upload)
        return upload

    async def append(self, upload: Upload, parts: AsyncIterator[bytes], small: bool = False) -> Upload:
        """Take in what comes; the upload as it is then. Raises Busy, CutShort (what has come is kept), AwsError."""
        if upload.id in self._writing:
            raise Busy
        self._writing.add(upload.id)
        try:
            current = await self._index.upload(upload.repository, upload.id)
            if current is None or current.size != upload.size:
                raise Busy  # somebody else has just written, or ended it
            return await self._append(upload, parts, small)
        finally:
            self._writing.discard(upload.id)

    async def _append(self, upload: Upload, parts: AsyncIterator[bytes], small: bool) -> Upload:
        progress = self._progress.pop(upload.id, None)
        growth = await asyncio.to_thread(_Growth, self._path(upload.id), upload.size, progress)
        cut, kept = False, upload.size
        try:
            try:
                await _pour(parts, growth)
            except CutShort:
                cut = True
            grown = upload
            if growth.progress.size > upload.size:
                await asyncio.to_thread(growth.sync)
                small_now = 2 if upload.small else int(small)
                grown = msgspec.structs.replace(upload, size=growth.progress.size, small=small_now)
            grown = msgspec.structs.replace(grown, touched=self._clock.now())
            there = await self._index.grow(grown)
            kept = grown.size
        finally:
            await asyncio.shield(asyncio.to_thread(growth.close, kept))
        if not there:
            await self._discard(upload.id)
            raise AwsError("UploadNotFoundException", f"The upload with id '{upload.id}' has been ended")
        self._progress[upload.id] = growth.progress
        if cut:
            raise CutShort
        return grown

    async def digest(self, upload: Upload) -> str:
        """What has arrived, named by its content."""
        progress = self._progress.get(upload.id)
        if progress is None or progress.size != upload.size:
            await self.append(upload, _nothing())
            progress = self._progress[upload.id]
        return progress.digest

    async def finish(self, repository: Repository, upload: Upload, digest: str, alive: Alive) -> bool:
        """Make it a layer; whether it is new to the repository. Its bytes are kept once, whoever else has them.

        Raises InvalidLayerException where it isn't what `digest` says; the upload has gone then as well.
        """
        found = await self.digest(upload)
        if found != digest:
            await self.abort(upload)
            raise errors.wrong_digest(digest, found)
        if upload.id in self._writing:
            raise Busy
        self._writing.add(upload.id)
        try:
            file = await self._keep(upload, digest)
            layer = Layer(digest, upload.size, file, self._clock.now())
            new = False
            try:
                alive(repository)
                new = await self._index.add_layer(repository.id, layer, upload.id)
            finally:
                if not new:
                    await self._files.delete(file)
            await self._discard(upload.id)
            return new
        finally:
            self._writing.discard(upload.id)

    async def mount(self, repository: Repository, layer: Layer, alive: Alive) -> bool:
        """Give a repository a layer of another; whether that was still there."""
        try:
            file = await self._files.link(layer.file)
        except BlobMissing:
            return False
        new = False
        try:
            alive(repository)
            new = await self._index.add_layer(
                repository.id, msgspec.structs.replace(layer, file=file, pushed=self._clock.now())
            )
        finally:
            if not new:
                await self._files.delete(file)
        return True

    async def abort(self, upload: Upload) -> None:
        await self._index.end([upload.id])
        await self._discard(upload.id)

    async def expire(self) -> None:
        """Forget what nobody goes on with."""
        now = self._clock.now()
        for upload in await self._index.uploads():
            if upload.touched + EXPIRY_S <= now and upload.id not in self._writing:
                await self.abort(upload)

    async def forget(self, ids: list[str]) -> None:
        """Their repository has gone, and they with it. Who still writes finds out."""
        for id in ids:
            await self._discard(id)

    async def _keep(self, upload: Upload, digest: str) -> str:
        for file in await self._index.copies(digest):
            try:
                return await self._files.link(file)
            except StoreError:
                break  # it has just gone, or has as many names as a file can have
        return await self._files.adopt(self._path(upload.id))

    async def _discard(self, id: str) -> None:
        self._progress.pop(id, None)
        await asyncio.to_thread(self._path(id).unlink, missing_ok=True)

    def _path(self, id: str) -> Path:
        return self._folder / id


async def _pour(parts: AsyncIterator[bytes], growth: _Growth) -> None:
    waiting: list[bytes] = []
    size, total = 0, growth.progress.size
    try:
        async for part in parts:
            waiting.append(part)
            size, total = size + len(part), total + len(part)
            if total > LARGEST:
                text = f"Layer size of {total} bytes exceeds the limit of {LARGEST} bytes"
                raise AwsError("LimitExceededException", text)
            if size >= _BATCH:
                await asyncio.to_thread(growth.add, b"".join(waiting))
                waiting, size = [], 0
    finally:
        if waiting:
            await asyncio.to_thread(growth.add, b"".join(waiting))


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


def _tidy(folder: Path, keep: set[str]) -> set[str]:
    """Remove the files that nobody knows; the names of the others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = set()
    for path in folder.iterdir():
        if path.name in keep:
            found.add(path.name)
        else:
            path.unlink(missing_ok=True)
    return found
