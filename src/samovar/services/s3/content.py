"""Bytes into and out of the store: small objects with their row, large ones as files.

Owns: `Contents`. Rules: memory doesn't grow with an object; what is larger than `INLINE` is hashed and written on a
thread, a megabyte at a time; a file that didn't become an object's is deleted.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from samovar.core.errors import AwsError
from samovar.net.message import BrokenOff
from samovar.services.s3 import checksums
from samovar.services.s3.records import Segment
from samovar.store.errors import StoreError
from samovar.store.files import Files

INLINE: Final = 64 * 1024
LARGEST: Final = 5 * 1024**3
"""Of one PUT, and of one part."""
_BATCH: Final = 1 << 20



class Arriving(Protocol):
    """An object that is still on its way."""

    announced: str
    """The name of the trailer that comes behind it; empty: none."""
    trailers: Mapping[str, str]
    """There at its end."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


Source = bytes | Arriving


class Content(msgspec.Struct, frozen=True):
    """What has arrived."""

    size: int
    md5: bytes
    checksums: dict[str, str]
    """Algorithm -> base64."""
    inline: bytes
    """All of it, where there is no segment."""
    segments: list[Segment]

    @property
    def etag(self) -> str:
        return self.md5.hex()


NOTHING: Final = Content(0, b"", {}, b"", [])


class _Intake:
    """One body on its way in."""

    def __init__(self, files: Files, algorithms: Iterable[str]) -> None:
        self._draft = files.create()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._hashers = {name: checksums.hasher(name) for name in algorithms}
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self.size = 0
        self._written = False

    async def add(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > LARGEST:
            raise too_large(self.size)
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size >= _BATCH:
            await asyncio.to_thread(self._absorb, write=True)

    async def finish(self, keep_inline: bool) -> Content:
        inline = keep_inline and not self._written and self.size <= INLINE
        whole = b"".join(self._waiting) if inline else b""
        if inline:
            self._absorb(write=False)
        else:
            await asyncio.to_thread(self._close)
        segments = [] if inline else [Segment(self._draft.name, self.size)]
        digests = {name: checksums.spell(hasher.digest()) for name, hasher in self._hashers.items()}
        return Content(self.size, self._md5.digest(), digests, whole, segments)

    def discard(self) -> None:
        self._draft.discard()

    def _absorb(self, write: bool) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        self._md5.update(data)
        for hasher in self._hashers.values():
            hasher.update(data)
        if write:
            self._written = True
            self._draft.write(data)

    def _close(self) -> None:
        self._absorb(write=True)
        self._draft.finish()


class Contents:
    def __init__(self, files: Files) -> None:
        self._files = files

    async def receive(
        self, source: Source | AsyncIterator[bytes], algorithms: Iterable[str], keep_inline: bool = True
    ) -> Content:
        """Take in a body. `keep_inline`: a small one needs no file."""
        intake = _Intake(self._files, algorithms)
        try:
            if isinstance(source, bytes):
                await intake.add(source)
            else:
                async for part in source:
                    await intake.add(part)
            return await intake.finish(keep_inline)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(intake.discard))
            raise

    async def copy(self, segments: Sequence[Segment]) -> list[Segment]:
        """The same bytes under names of their own."""
        return [Segment(await self._files.link(each.file), each.size) for each in segments]

    async def delete(self, segments: Sequence[Segment]) -> None:
        await self._files.delete(*(each.file for each in segments))

    async def sweep(self, keep: set[str]) -> int:
        return await self._files.sweep(keep)

    async def read(self, inline: bytes, segments: Sequence[Segment], start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start`. Raises BlobMissing before the first part when the object has just gone."""
        if not segments:
            yield inline[start : start + length]
            return
        begun = False
        for each in segments:
            if start >= each.size:
                start -= each.size
                continue
            if not length:
                return
            here = min(length, each.size - start)
            try:
                async for data in self._files.read(each.file, start, here):
                    begun = True
                    yield data
            except StoreError as error:
                if begun:
                    raise BrokenOff from error
                raise
            start, length = 0, length - here


def too_large(size: int) -> AwsError:
    text = "Your proposed upload exceeds the maximum allowed size"
    return AwsError("EntityTooLarge", text, ProposedSize=size, MaxSizeAllowed=LARGEST)
