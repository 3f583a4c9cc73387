"""Zip files from strangers: a checked list of entries, and their contents. Pure.

Owns: Entry, `read`, `contents`, the size limits and AWS's words for a bad zip (facts/lambda-api.md §5).
Refuses: what isn't a whole, plain zip; more than 250 MB in it; names that could mean a place outside of the package.

Rules:
- The zip's directory decides what is there, and every entry must bear it out: the same name in its local header, no
  entry inside another, exactly the announced bytes and checksum. So the announced sizes can be relied on before the
  first byte is inflated, for an entry that would exceed its own is stopped there.
- Nobody else's reading of the same bytes matters to us: an ambiguous zip is refused, not interpreted. So is zip64,
  which below 50 MB only 65,535 entries or more need, and every method but store and deflate.
- Unix modes count, whatever system the zip claims to come from; without one a file is 644. But everybody may read:
  zips made by Python's `writestr` have 600. (On AWS such a function fails with EACCES; SPECIFICATION.md says so.)
"""

import re
import stat
import struct
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec

from samovar.core.errors import AwsError

UNZIPPED_LIMIT: Final = 262_144_000
NAME_LIMIT: Final = 1024
"""Bytes of a path inside the package, and of a link's target."""
DEPTH_LIMIT: Final = 128

_END = struct.Struct("<4s4H2IH")
_LINE = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x2041  # flag bits 0, 6 and 13: encrypted, strongly encrypted, masked headers
_CHUNK_IN, _CHUNK_OUT = 1 << 16, 1 << 20


class Entry(msgspec.Struct):
    """One line of the zip's directory, checked."""

    raw_name: bytes
    path: str
    """Without `.` parts or slashes at the ends; the package's root is ''."""
    kind: int
    """S_IFREG, S_IFDIR or S_IFLNK."""
    permissions: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    data: memoryview = memoryview(b"")


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message, Type="User")


def bad_zip() -> AwsError:
    return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")


def read(data: bytes) -> list[Entry]:
    """The entries of the zip's directory, each with its packed bytes."""
    if not data:
        raise invalid("Uploaded file must be a non-empty zip")
    end = data.rfind(b"PK\5\6", max(0, len(data) - _END.size - 0xFFFF))
    if end < 0 or end + _END.size > len(data):
        raise bad_zip()
    _, disk, first_disk, _, count, length, offset, _ = _END.unpack_from(data, end)
    if count == 0 and length == 0:
        raise invalid("Uploaded file must be a non-empty zip")
    # What precedes the zip (a shebang line) shifts every offset in it.
    shift = end - length - offset
    if disk or first_disk or count == 0xFFFF or shift < 0:
        raise bad_zip()
    view = memoryview(data)
    entries = []
    at = free = shift + offset
    for _ in range(count):
        entry, at = _read_entry(view[:end], at)
        entries.append(entry)
    if at != end:
        raise bad_zip()
    # From the last to the first, each must end where the one behind it begins, or earlier.
    for entry in sorted(entries, key=lambda entry: entry.offset, reverse=True):
        start = shift + entry.offset
        entry.data = _packed(view[:free], start, entry)
        free = start
    if sum(entry.size for entry in entries) > UNZIPPED_LIMIT:
        raise invalid(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
    return entries


def _read_entry(view: memoryview, at: int) -> tuple[Entry, int]:
    """The directory line at `at`, and where the next one begins."""
    if at + _LINE.size > len(view):
        raise bad_zip()
    signature, _, _, flags, method, _, _, crc, packed, size, n_name, n_extra, n_comment, disk, _, attributes, offset = (
        _LINE.unpack_from(view, at)
    )
    name_end = at + _LINE.size + n_name
    following = name_end + n_extra + n_comment
    if (
        signature != b"PK\1\2"
        or following > len(view)
        or flags & _ENCRYPTED
        or method not in (_STORED, _DEFLATED)
        or disk
        or 0xFFFFFFFF in (packed, size, offset)  # zip64
    ):
        raise bad_zip()
    raw_name = bytes(view[at + _LINE.size : name_end])
    mode = attributes >> 16  # zero when the zip was made on Windows
    kind = stat.S_IFMT(mode) or (stat.S_IFDIR if raw_name.endswith(b"/") else stat.S_IFREG)
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise bad_zip()
    if size if kind == stat.S_IFDIR else raw_name.endswith(b"/"):  # a directory with contents, a file named like one
        raise bad_zip()
    permissions = (mode & 0o777 or 0o644) | 0o444
    return Entry(raw_name, _path(raw_name), kind, permissions, method, crc, packed, size, offset), following


def _path(raw_name: bytes) -> str:
    """The entry's path inside the package; refuses every name that could mean a place outside of it."""
    try:
        name = raw_name.decode()
    except UnicodeDecodeError:
        raise bad_zip() from None
    if not name or len(raw_name) > NAME_LIMIT or name.startswith("/") or "\\" in name or "\0" in name:
        raise bad_zip()
    parts = [part for part in name.removesuffix("/").split("/") if part != "."]
    if (
        "" in parts
        or ".." in parts
        or len(parts) > DEPTH_LIMIT
        or (parts and re.match("[A-Za-z]:", parts[0]))
        or any(len(part.encode()) > 255 for part in parts)
    ):
        raise bad_zip()
    return "/".join(parts)


def _packed(view: memoryview, start: int, entry: Entry) -> memoryview:
    """The entry's packed bytes, behind its local header at `start`."""
    if start + _LOCAL.size > len(view):
        raise bad_zip()
    signature, _, flags, method, _, _, _, _, _, n_name, n_extra = _LOCAL.unpack_from(view, start)
    name_end = start + _LOCAL.size + n_name
    data_start = name_end + n_extra
    if (
        signature != b"PK\3\4"
        or flags & _ENCRYPTED
        or method != entry.method
        or view[start + _LOCAL.size : name_end] != entry.raw_name
        or data_start + entry.packed > len(view)
    ):
        raise bad_zip()
    return view[data_start : data_start + entry.packed]


def contents(entry: Entry) -> Iterator[bytes | memoryview]:
    """The entry's bytes in pieces; refuses them as soon as they exceed what was announced, or at the end."""
    size, crc = 0, 0
    for piece in (entry.data,) if entry.method == _STORED else _inflate(entry.data):
        size += len(piece)
        if size > entry.size:
            raise bad_zip()
        crc = zlib.crc32(piece, crc)
        yield piece
    if size != entry.size or crc != entry.crc:
        raise bad_zip()


def _inflate(packed: memoryview) -> Iterator[bytes]:
    """The raw deflate stream `packed`, all of it and nothing behind it, in pieces of limited size."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for at in range(0, len(packed), _CHUNK_IN):
            if inflater.eof:  # what follows would only be collected, and copied for each piece
                raise bad_zip()
            rest: bytes | memoryview = packed[at : at + _CHUNK_IN]
            while rest:
                yield inflater.decompress(rest, _CHUNK_OUT)
                rest = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error:
        raise bad_zip() from None
    if packed and (not inflater.eof or inflater.unused_data):
        raise bad_zip()
