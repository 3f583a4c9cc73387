"""The key file of a data directory: what the server's secrets are closed with, and its operator is known by."""

import os
from hashlib import blake2b
from pathlib import Path

from samovar.store import private
from samovar.store.errors import StoreError

FILE = "secret.key"
BYTES = 32


def derive(key: bytes, purpose: str) -> str:
    return blake2b(purpose.encode(), key=key, digest_size=30).hexdigest()[:40]


def read(directory: Path) -> bytes | None:
    """The key in a data directory; None when there is none; StoreError when it can't or mustn't be used."""
    path = directory / FILE
    key = private.read(path)
    if key is not None and len(key) != BYTES:
        raise StoreError(
            f"{path} isn't a key of {BYTES} bytes; secrets in this data directory can't be read without it"
        )
    return key


def make(directory: Path) -> bytes:
    key = os.urandom(BYTES)
    private.write(directory / FILE, key)
    return key
