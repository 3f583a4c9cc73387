"""Large bodies under names of their own: written as they arrive, in constant memory.

Owns: a directory of files `ab/abcdef...`. Refuses: knowing who needs one; `sweep` is told.

1. A file is complete or absent: written aside, fsync, rename, fsync of the directory. Then its name may be kept.
2. A copy is a link: it costs nothing, and each name goes by itself.
3. A file that is being read stays until it has been read, whoever deletes its name.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from samovar.core.ids import hex_id
from samovar.store.errors import BlobMissing, StoreError

_READ = 1 << 20


class Files:
    def __init__(self, directory: Path, temporary: bool) -> None:
        self.directory = directory
        self._temporary = temporary
        self._unfinished = directory / "unfinished"
        self._readers: Counter[str] = Counter()
        self._doomed: set[str] = set()

    @classmethod
    async def open(cls, directory: Path | None) -> "Files":
        """Open `directory`, which no other process may write to; None is a temporary one, removed by `close`."""
        return await asyncio.to_thread(cls._open, directory)

    @classmethod
    def _open(cls, directory: Path | None) -> "Files":
        try:
            files = cls(directory or Path(tempfile.mkdtemp(prefix="samovar-")), temporary=directory is None)
            shutil.rmtree(files._unfinished, ignore_errors=True)  # what a crash left was never acknowledged
            files._unfinished.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise StoreError(f"cannot use directory {directory}: {error.strerror}") from error
        return files

    def create(self) -> "Draft":
        """A new file, to be written and finished on any one thread."""
        name = hex_id(32)
        return Draft(name, self._unfinished / name, self._path(name))

    async def link(self, name: str) -> str:
        """Another name for the same bytes. Raises BlobMissing."""
        copy = hex_id(32)
        try:
            await asyncio.to_thread(_link, self._path(name), self._path(copy))
        except FileNotFoundError:
            raise BlobMissing(f"no file {name} in {self.directory}") from None
        except OSError as error:
            raise StoreError(f"cannot link {name}: {error.strerror}") from error
        return copy

    async def adopt(self, path: Path) -> str:
        """A name for a file that lies elsewhere on the same disk, complete and synced; it is moved here."""
        name = hex_id(32)
        try:
            await asyncio.to_thread(_move, path, self._path(name))
        except OSError as error:
            raise StoreError(f"cannot move {path}: {error.strerror}") from error
        return name

    async def open_file(self, name: str) -> BinaryIO:
        """The file, open for reading: it can be read to its end, whoever deletes its name. Raises BlobMissing."""
        return await asyncio.to_thread(_open, self._path(name))

    async def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start`. Raises BlobMissing before the first part, StoreError when it breaks off."""
        self._readers[name] += 1
        try:
            file = await asyncio.to_thread(_open, self._path(name))
            try:
                while length:
                    data = await asyncio.to_thread(os.pread, file.fileno(), min(_READ, length), start)
                    if not data:
                        raise StoreError(f"file {name} is shorter than it was")
                    start += len(data)
                    length -= len(data)
                    yield data
            finally:
                file.close()
        finally:
            self._readers[name] -= 1
            if not self._readers[name]:
                del self._readers[name]
                if name in self._doomed:
                    self._doomed.discard(name)
                    _unlink(self._path(name))

    async def delete(self, *names: str) -> None:
        """Those that are being read go when they have been read."""
        now = [name for name in names if name not in self._readers]
        self._doomed.update(name for name in names if name in self._readers)
        if now:
            await asyncio.to_thread(self._delete, now)

    async def sweep(self, keep: set[str]) -> int:
        """Remove every file not in `keep`; how many went. Only while nobody writes."""
        return await asyncio.to_thread(self._sweep, keep)

    async def close(self) -> None:
        if self._temporary:
            await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)

    def _delete(self, names: list[str]) -> None:
        for name in names:
            _unlink(self._path(name))

    def _path(self, name: str) -> Path:
        return self.directory / name[:2] / name

    def _sweep(self, keep: set[str]) -> int:
        found = [path for path in self.directory.glob("[0-9a-f][0-9a-f]/*") if path.name not in keep]
        for path in found:
            _unlink(path)
        return len(found)


class Draft:
    """A file that nobody sees yet. Its methods block, so they belong on a thread. Raises StoreError."""

    def __init__(self, name: str, aside: Path, path: Path) -> None:
        self.name = name
        self._aside = aside
        self._path = path
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> None:
        try:
            if self._file is None:
                self._file = self._aside.open("xb")
            self._file.write(data)
        except OSError as error:
            raise StoreError(f"cannot write {self.name}: {error.strerror}") from error

    def finish(self) -> None:
        """Make it durable, under its name."""
        try:
            self.write(b"")
            assert self._file is not None
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            _into(self._path)
            self._aside.rename(self._path)
            sync_directory(self._path.parent)
        except OSError as error:
            raise StoreError(f"cannot write {self.name}: {error.strerror}") from error

    def discard(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        _unlink(self._aside)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise BlobMissing(f"no file {path.name}") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def _link(source: Path, target: Path) -> None:
    _into(target)
    os.link(source, target)
    sync_directory(target.parent)


def _move(source: Path, target: Path) -> None:
    _into(target)
    source.rename(target)
    sync_directory(target.parent)


def _into(path: Path) -> None:
    """Make the folder of a file, durably."""
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        sync_directory(path.parent.parent)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def sync_directory(directory: Path) -> None:
    """Make what was made, moved and removed in a folder durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
