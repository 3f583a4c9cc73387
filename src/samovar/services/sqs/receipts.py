"""Receipt handles: which message of which queue, and which of its receives. Opaque to callers (facts/sqs.md §4). Pure.

A handle proves nothing: who holds one may delete what he may delete anyhow. Its check only tells a handle from a typo.
"""

import base64
import binascii
import struct
import zlib

import msgspec

from samovar.core.errors import AwsError

_LAYOUT = struct.Struct(">BQQQI")
_VERSION = 1


class Receipt(msgspec.Struct, frozen=True):
    queue: int
    """The queue's id."""
    box: int
    """Where its messages were kept then: another one after a purge."""
    seq: int
    receives: int
    """The how-manieth receive it is."""


def write(receipt: Receipt) -> str:
    packed = _LAYOUT.pack(_VERSION, receipt.queue, receipt.box, receipt.seq, receipt.receives)
    return base64.b64encode(packed + zlib.crc32(packed).to_bytes(4, "big")).decode()


def read(handle: str, queue: int) -> Receipt:
    """AwsError for what is no handle, or one of another queue."""
    try:
        content = base64.b64decode(handle, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid(handle) from None
    packed, check = content[:-4], content[-4:]
    if len(packed) != _LAYOUT.size or zlib.crc32(packed).to_bytes(4, "big") != check:
        raise _invalid(handle)
    version, *fields = _LAYOUT.unpack(packed)
    receipt = Receipt(*fields)
    if version != _VERSION or receipt.queue != queue:
        raise _invalid(handle)
    return receipt


def _invalid(handle: str) -> AwsError:
    return AwsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')
