"""Tokens of paged lists: opaque, and known when they come back."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from zlib import crc32

from samovar.core.errors import AwsError


def write_token(position: str) -> str:
    data = position.encode()
    return urlsafe_b64encode(crc32(data).to_bytes(4, "big") + data).decode()


def read_token(token: str | None, argument: str) -> str:
    """The position that a token tells; empty where there is none. Raises InvalidArgument."""
    if token is None:
        return ""
    try:
        data = urlsafe_b64decode(token)
        if not token or crc32(data[4:]).to_bytes(4, "big") != data[:4]:
            raise ValueError
        return data[4:].decode()
    except (ValueError, binascii.Error):
        text = "The continuation token provided is incorrect"
        raise AwsError("InvalidArgument", text, ArgumentName=argument) from None
