"""The key file of a data directory: what the server's secrets are closed with, and its operator is known by.

Rules: it is made with mode 0600, whole or not at all, and refused when others can read it.
"""

import os
import stat
from hashlib import blake2b
from pathlib import Path

from samovar.store.errors import StoreError

FILE = "secret.key"
BYTES = 32


def derive(key: bytes, purpose: str) -> str:
    return blake2b(purpose.encode(), key=key, digest_size=30).hexdigest()[:40]


def read(directory: Path) -> bytes | None:
    """The key in a data directory; None when there is none; StoreError when it can't or mustn't be used."""
    path = directory / FILE
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise StoreError(f"{path} can be read by others than its owner: chmod 600 {path}")
            key = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    if len(key) != BYTES:
        raise StoreError(
            f"{path} isn't a key of {BYTES} bytes; secrets in this data directory can't be read without it"
        )
    return key


def make(directory: Path) -> bytes:
    """Written aside and renamed, so that a crash leaves no half of a key."""
    key = os.urandom(BYTES)
    path, aside = directory / FILE, directory / f"{FILE}.new"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    return key
