"""The checksums of objects: made while bytes arrive, combined for multipart uploads, spelled as S3 spells them.

Owns: the algorithms' names and their arithmetic. Source: facts/s3.md §4.5. CRCs come from AWS's own library (awscrt):
its CRC64NVME is a thousand times faster than one in Python.
"""

import hashlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec
from awscrt import checksums as crt

FULL: Final = "FULL_OBJECT"
COMPOSITE: Final = "COMPOSITE"
ALGORITHMS: Final = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
DEFAULT: Final = "CRC64NVME"


class Checksum(msgspec.Struct, frozen=True):
    """Of one object or part."""

    algorithm: str
    value: str
    """Base64; a composite one ends in `-N`."""
    type: str = FULL


class Hasher(Protocol):
    def update(self, data: bytes, /) -> object: ...
    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, step: Callable[[bytes, int], int], size: int) -> None:
        self._step = step
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


_HASHERS: Final[dict[str, Callable[[], Hasher]]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(crt.crc32c, 4),
    "CRC64NVME": lambda: _Crc(crt.crc64nvme, 8),
    "SHA1": hashlib.sha1,
    "SHA256": hashlib.sha256,
}
_SIZES: Final = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
_COMBINE: Final[dict[str, Callable[[int, int, int], int]]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}


def hasher(algorithm: str) -> Hasher:
    return _HASHERS[algorithm]()


def of(algorithm: str, data: bytes) -> str:
    """The checksum of bytes, in base64."""
    made = hasher(algorithm)
    made.update(data)
    return spell(made.digest())


def spell(digest: bytes) -> str:
    return b64encode(digest).decode()


def is_value(algorithm: str, value: str) -> bool:
    """Whether a text can be a checksum of that algorithm."""
    try:
        return len(b64decode(value, validate=True)) == _SIZES[algorithm]
    except ValueError:
        return False


def member(algorithm: str) -> str:
    """What botocore calls it: `ChecksumCRC32`."""
    return f"Checksum{algorithm}"


def allows(algorithm: str, kind: str) -> bool:
    """Whether a multipart upload may have that algorithm in that type."""
    return algorithm in _COMBINE if kind == FULL else algorithm != "CRC64NVME"


def default_type(algorithm: str) -> str:
    return FULL if algorithm == "CRC64NVME" else COMPOSITE


def composite(algorithm: str, parts: Sequence[str]) -> str:
    """The checksum of parts' checksums."""
    return f"{of(algorithm, b''.join(b64decode(part) for part in parts))}-{len(parts)}"


def combined(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The checksum of the whole from those of its parts: (value, size) of each, in order."""
    whole, combine = 0, _COMBINE[algorithm]
    for value, size in parts:
        whole = combine(whole, int.from_bytes(b64decode(value), "big"), size)
    return spell(whole.to_bytes(_SIZES[algorithm], "big"))
