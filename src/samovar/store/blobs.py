"""Bodies, named by their sha256: function code, large payloads.

Owns: a directory of files `ab/abcdef...`. Refuses: knowing who still needs a blob; `sweep` is told.

1. A blob is complete or absent: temporary file, fsync, rename, fsync of the directory.
2. The same bytes are the same blob, written once; a damaged copy is replaced by the next `put`.
3. `get` verifies what it read.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from samovar.core.expressions import expression
from samovar.store.errors import BlobCorrupt, BlobMissing, StoreError

_DIGEST = expression(r"[0-9a-f]{64}")


class Blobs:
    def __init__(self, directory: Path, temporary: bool) -> None:
        self.directory = directory
        self._temporary = temporary
        self._unfinished = directory / "unfinished"

    @classmethod
    async def open(cls, directory: Path | None) -> "Blobs":
        """Open `directory`, which no other process may write to; None is a temporary one, removed by `close`."""
        return await asyncio.to_thread(cls._open, directory)

    @classmethod
    def _open(cls, directory: Path | None) -> "Blobs":
        try:
            blobs = cls(directory or Path(tempfile.mkdtemp(prefix="samovar-")), temporary=directory is None)
            # Whatever a crash left half-written was never acknowledged.
            shutil.rmtree(blobs._unfinished, ignore_errors=True)
            blobs.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            blobs._unfinished.mkdir(mode=0o700)
        except OSError as error:
            raise StoreError(f"cannot use blob directory {directory}: {error.strerror}") from error
        return blobs

    def path(self, digest: str) -> Path:
        """Where the blob is, or would be."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"not a sha256 digest: {digest!r}")
        return self.directory / digest[:2] / digest

    async def put(self, data: bytes) -> str:
        """Store `data` durably; its digest in hex."""
        return await asyncio.to_thread(self._put, data)

    async def get(self, digest: str) -> bytes:
        """Raises BlobMissing, or BlobCorrupt when the bytes are not those that were put."""
        return await asyncio.to_thread(self._get, digest)

    async def delete(self, digest: str) -> bool:
        """Whether there was such a blob."""
        return await asyncio.to_thread(_unlink, self.path(digest))

    async def sweep(self, keep: set[str]) -> int:
        """Remove every blob not in `keep`; how many went.

        Only while nobody puts: a blob that was just put is in nobody's `keep` yet.
        """
        return await asyncio.to_thread(self._sweep, keep)

    async def close(self) -> None:
        if self._temporary:
            await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)

    def _put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        try:
            if not self._holds(path, digest):
                self._write(path, data)
            # Also for a blob that was there: its rename, by another put, may not have reached the disk yet.
            _sync_directory(path.parent)
        except OSError as error:
            raise StoreError(f"cannot write blob {path}: {error.strerror}") from error
        return digest

    def _write(self, path: Path, data: bytes) -> None:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_directory(self.directory)
        descriptor, name = tempfile.mkstemp(dir=self._unfinished)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.rename(name, path)
        except OSError:
            _unlink(Path(name))
            raise

    def _get(self, digest: str) -> bytes:
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise BlobMissing(f"no blob {digest} in {self.directory}") from None
        except OSError as error:
            raise StoreError(f"cannot read blob {path}: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobCorrupt(f"blob {path} is damaged: its bytes don't have the digest that names it")
        return data

    def _holds(self, path: Path, digest: str) -> bool:
        with contextlib.suppress(BlobMissing, BlobCorrupt):
            self._get(digest)
            return True
        return False

    def _sweep(self, keep: set[str]) -> int:
        found = (path for path in self.directory.glob("[0-9a-f][0-9a-f]/*") if path.name not in keep)
        return sum(_unlink(path) for path in found)


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
