"""Which bytes of an object are asked for: ranges and part numbers; and a body that has begun already.

Pure but for `chain`. Source: facts/s3.md §0.7, §0.8, §4.2.
"""

import re
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from quopri import encodestring

import msgspec

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.s3 import checksums
from samovar.services.s3.records import Version

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Chosen(msgspec.Struct, frozen=True):
    start: int
    length: int
    content_range: str = ""
    """Empty: the whole object, 200."""
    parts_count: int = 0
    checksum: Params = {}


async def chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A first part that was read already, and the rest."""
    try:
        yield first
        async for part in rest:
            yield part
    finally:
        if isinstance(rest, AsyncGenerator):
            await rest.aclose()


def choose(version: Version, params: Params) -> Chosen:
    """Raises InvalidRange, InvalidPartNumber, InvalidRequest."""
    wanted, number = params.get("Range"), params.get("PartNumber")
    if wanted and number is not None:
        raise AwsError("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    if number is not None:
        return _part(version, number)
    limits = _limits(wanted, version.size) if wanted else None
    if limits is None:
        return Chosen(0, version.size, checksum=_whole(version))
    start, end = limits
    whole = start == 0 and end == version.size
    told = f"bytes {start}-{end - 1}/{version.size}"
    return Chosen(start, end - start, told, checksum=_whole(version) if whole else {})


def _limits(text: str, size: int) -> tuple[int, int] | None:
    """(start, end) of a range; None for one that is ignored. Raises InvalidRange."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if match[1] and match[2] and int(match[2]) < int(match[1]):
        return None
    if match[1]:
        start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    else:
        start, end = max(0, size - int(match[2])), size
    if start >= size or start >= end:
        message = "The requested range is not satisfiable"
        raise AwsError("InvalidRange", message, ActualObjectSize=size, RangeRequested=text)
    return start, end


def _part(version: Version, number: int) -> Chosen:
    parts = version.meta.parts
    count = max(1, len(parts))
    if not 1 <= number <= 10_000:
        text = "Part number must be an integer between 1 and 10000, inclusive"
        raise AwsError("InvalidArgument", text, ArgumentName="partNumber", ArgumentValue=number)
    if number > count:
        text = "The requested partnumber is not satisfiable"
        raise AwsError("InvalidPartNumber", text, ActualPartCount=count, PartNumberRequested=number)
    if not parts:
        told = f"bytes 0-{version.size - 1}/{version.size}" if version.size else ""
        return Chosen(0, version.size, told, checksum=_whole(version))
    start = sum(part.size for part in parts[: number - 1])
    part = parts[number - 1]
    checksum = {}
    whole = version.meta.checksum
    if whole is not None and whole.type == checksums.COMPOSITE and part.checksum:
        checksum = {checksums.member(whole.algorithm): part.checksum, "ChecksumType": whole.type}
    told = f"bytes {start}-{start + part.size - 1}/{version.size}"
    return Chosen(start, part.size, told, count, checksum)


def _whole(version: Version) -> Params:
    checksum = version.meta.checksum
    if checksum is None:
        return {}
    return {checksums.member(checksum.algorithm): checksum.value, "ChecksumType": checksum.type}


def encode_word(value: str) -> str:
    """RFC 2047: Q where most of it is ASCII, B otherwise."""
    data = value.encode()
    if sum(char.isascii() for char in value) * 2 > len(value):
        quoted = encodestring(data, quotetabs=True, header=True).decode().replace("=\n", "")
        return f"=?UTF-8?Q?{quoted}?="
    return f"=?UTF-8?B?{b64encode(data).decode()}?="
