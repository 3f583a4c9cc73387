"""Tar archives from strangers, as image layers are: entry by entry out of a stream, in bounded memory. Pure.

Owns: Entry, Tar. Refuses, with `BadImage`: what isn't a whole tar of the POSIX or GNU kind, sparse files, names that
could mean a place outside of the root, headers larger than any name needs, more bytes than the budget has.

Rules:
- Nothing is held but one header. A file's bytes are taken piece by piece, before the next entry is asked for.
- Extended headers count for path, link target, size and time only; of other members nobody hears.
- The end is two blocks of zeros, or the stream's end between two entries, as every implementation takes it.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from typing import Final, Protocol

import msgspec

IMAGE_LIMIT: Final = 10 << 30
"""Bytes of all layers of an image, uncompressed (facts/lambda-limits.md §1)."""
ENTRY_LIMIT: Final = 1_000_000
"""Of all layers: a disk has inodes as well."""
NAME_LIMIT: Final = 3072
"""Bytes of a path or a link's target: together with where the tree is it must remain below PATH_MAX."""

_BLOCK = 512
_HEADER_LIMIT = 1 << 20
_CHUNK = 1 << 20
_KINDS = {
    b"0": stat.S_IFREG,
    b"\0": stat.S_IFREG,
    b"7": stat.S_IFREG,
    b"2": stat.S_IFLNK,
    b"5": stat.S_IFDIR,
    b"1": 0,
    b"3": stat.S_IFCHR,
    b"4": stat.S_IFBLK,
    b"6": stat.S_IFIFO,
}


class BadImage(Exception):
    """The image can't be unpacked; the text says why, for whoever made it."""


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Budget:
    """What an image's layers may still have together, and whether anybody still wants it."""

    def __init__(self, limit: int = IMAGE_LIMIT, entries: int = ENTRY_LIMIT) -> None:
        self._bytes = limit
        self._entries = entries
        self.cancelled = False
        """Set from another thread."""

    def spend(self, size: int) -> None:
        if self.cancelled:
            raise BadImage("nobody waits for it any more")
        self._bytes -= size
        if self._bytes < 0:
            raise BadImage(f"its uncompressed layers exceed {IMAGE_LIMIT} bytes")

    def count(self) -> None:
        self._entries -= 1
        if self._entries < 0:
            raise BadImage(f"it has more than {ENTRY_LIMIT} files")


class Entry(msgspec.Struct):
    path: str
    """Without `.` parts or slashes at the ends; the root is ''."""
    kind: int
    """S_IFREG, S_IFDIR, S_IFLNK, a device's or a pipe's; 0 for another name of a file (`target`)."""
    permissions: int
    size: int
    modified_s: float
    target: str
    """Of a link: as it stands for a symbolic one, a path like `path` for a hard one."""


class Tar:
    def __init__(self, stream: Stream, budget: Budget) -> None:
        """`stream`: the uncompressed archive."""
        self._stream = stream
        self._budget = budget
        self._digest = hashlib.sha256()
        self._left = 0
        """Bytes of the present entry that nobody has taken yet, and its padding."""
        self._padding = 0

    def entries(self) -> Iterator[Entry]:
        everyone: dict[str, str] = {}
        own: dict[str, str] = {}
        while (block := self._header()) is not None:
            kind = block[156:157]
            size = _number(block[124:136])
            if kind in (b"x", b"g", b"L", b"K"):
                text = self._whole(size)
                if kind == b"g":
                    everyone |= _extended(text)
                else:
                    own |= _extended(text) if kind == b"x" else {_LONG[kind]: _text(text.rstrip(b"\0"))}
                continue
            self._budget.count()
            entry = _entry(block, kind, size, everyone | own)
            own = {}
            self._expect(entry.size)
            yield entry

    def contents(self) -> Iterator[bytes]:
        """The bytes of the entry that came last."""
        while self._left:
            piece = self._read(min(self._left, _CHUNK))
            self._left -= len(piece)
            yield piece

    def digest(self) -> str:
        """`sha256:...` of the whole stream, which is read to its end."""
        while piece := self._stream.read(_CHUNK):
            self._budget.spend(len(piece))
            self._digest.update(piece)
        return f"sha256:{self._digest.hexdigest()}"

    def _header(self) -> bytes | None:
        for _ in self.contents():
            pass
        if self._padding:
            self._read(self._padding)
            self._padding = 0
        block = self._stream.read(_BLOCK)
        if not block:
            return None
        if len(block) < _BLOCK:
            block += self._read(_BLOCK - len(block), at_start=block)
        else:
            self._account(block)
        if not block.strip(b"\0"):
            return None
        checked = sum(block) - sum(block[148:156]) + 8 * 0x20
        if _number(block[148:156]) != checked:
            raise BadImage("a layer is no tar archive")
        return block

    def _expect(self, size: int) -> None:
        self._left = size
        self._padding = -size % _BLOCK

    def _whole(self, size: int) -> bytes:
        if size > _HEADER_LIMIT:
            raise BadImage("a layer has an extended header of more than 1 MB")
        self._expect(size)
        return b"".join(self.contents())

    def _read(self, size: int, at_start: bytes = b"") -> bytes:
        """Exactly so many bytes. `at_start`: what was read of them before, not accounted for yet."""
        pieces, missing = [], size
        while missing:
            piece = self._stream.read(missing)
            if not piece:
                raise BadImage("a layer ends in the middle of a file")
            pieces.append(piece)
            missing -= len(piece)
        found = b"".join(pieces)
        self._account(at_start + found)
        return found

    def _account(self, data: bytes) -> None:
        self._budget.spend(len(data))
        self._digest.update(data)


_LONG = {b"L": "path", b"K": "linkpath"}


def _entry(block: bytes, kind: bytes, size: int, extended: dict[str, str]) -> Entry:
    if kind == b"S" or any(name.startswith("GNU.sparse.") for name in extended):
        raise BadImage("a layer has a sparse file")
    if kind not in _KINDS:
        raise BadImage(f"a layer has an entry of the unknown type {kind!r}")
    name = _text(block[:100].split(b"\0", 1)[0])
    prefix = block[345:500].split(b"\0", 1)[0]
    if block[257:263] == b"ustar\0" and prefix:
        name = f"{_text(prefix)}/{name}"
    name = extended.get("path", name)
    mode = _KINDS[kind]
    if kind in (b"0", b"\0") and name.endswith("/"):
        mode = stat.S_IFDIR  # as the oldest tars have it
    has_content = mode == stat.S_IFREG
    target = extended.get("linkpath", _text(block[157:257].split(b"\0", 1)[0]))
    if kind == b"1":
        target = inner_path(target.lstrip("/"))
    return Entry(
        inner_path(name),
        mode,
        _number(block[100:108]) & 0o777,
        _decimal(extended.get("size"), size) if has_content else 0,
        float(_seconds(extended.get("mtime"), _number(block[136:148]))),
        target,
    )


def inner_path(name: str) -> str:
    """The path inside the root that an entry's name means; refuses every name that means none."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not name or (name.startswith("/") and parts) or ".." in parts or "\0" in name:
        raise BadImage(f"a layer has an entry outside of its root: {name[:200]!r}")
    if len(os.fsencode(name)) > NAME_LIMIT or any(len(os.fsencode(part)) > 255 for part in parts):
        raise BadImage(f"a layer has a name that is too long: {name[:200]!r}")
    return "/".join(parts)


def _number(field: bytes) -> int:
    """Octal digits, or GNU's base 256 where the first bit is set."""
    if field[0] & 0x80:
        if field[0] != 0x80:
            raise BadImage("a layer has a header with a negative number")
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise BadImage("a layer is no tar archive") from None


def _extended(text: bytes) -> dict[str, str]:
    """The members of a pax header that count: `LENGTH NAME=VALUE\\n`, each."""
    found = {}
    while text:
        length, _, _ = text.partition(b" ")
        if not length.isdigit() or not len(length) < int(length) <= len(text):
            raise BadImage("a layer has a damaged extended header")
        record, text = text[: int(length)], text[int(length) :]
        name, equals, value = record[len(length) + 1 :].partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise BadImage("a layer has a damaged extended header")
        known = name.decode(errors="replace")
        if known in ("path", "linkpath", "size", "mtime") or known.startswith("GNU.sparse."):
            found[known] = _text(value[:-1])
    return found


def _decimal(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not text.isdecimal() or len(text) > 18:
        raise BadImage("a layer has a damaged extended header")
    return int(text)


def _seconds(text: str | None, otherwise: int) -> float:
    try:
        seconds = float(otherwise if text is None else text)
    except ValueError:
        raise BadImage("a layer has a damaged extended header") from None
    return seconds if 0 <= seconds < 1 << 33 else 0.0


def _text(data: bytes) -> str:
    """Names are bytes to Linux; those that aren't UTF-8 come through as they are."""
    return data.decode(errors="surrogateescape")
