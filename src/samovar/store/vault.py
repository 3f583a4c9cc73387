"""Secrets at rest: closed with a key that lies beside the data, readable by its owner only.

Owns: the key file of a data directory, and what it closes (AES-256-GCM). Rules: the file is made with mode 0600 and
refused when others can read it; without a directory the key lives as long as the server.
"""

import os
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from samovar.store.errors import StoreError

FILE = "secret.key"
_BYTES = 32
_NONCE = 12


class Vault:
    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(key)

    @classmethod
    def open(cls, directory: Path | None) -> "Vault":
        """With the key in `directory`, made if it isn't there; None: with one that nobody keeps."""
        if directory is None:
            return cls(os.urandom(_BYTES))
        return cls(read_key(directory) or _make_key(directory))

    def close(self, content: bytes, purpose: str) -> str:
        """Text that only `open_sealed` with the same purpose opens again."""
        nonce = os.urandom(_NONCE)
        return urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, content, purpose.encode())).decode()

    def open_sealed(self, text: str, purpose: str) -> bytes | None:
        """None for what this vault never closed for this purpose."""
        try:
            sealed = urlsafe_b64decode(text.encode())
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except (ValueError, InvalidTag):
            return None

    def derive(self, purpose: str) -> str:
        """A secret of its own for a purpose, always the same."""
        return derive(self._key, purpose)


def derive(key: bytes, purpose: str) -> str:
    return blake2b(purpose.encode(), key=key, digest_size=30).hexdigest()[:40]


def read_key(directory: Path) -> bytes | None:
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
    if len(key) != _BYTES:
        raise StoreError(
            f"{path} isn't a key of {_BYTES} bytes; secrets in this data directory can't be read without it"
        )
    return key


def _make_key(directory: Path) -> bytes:
    """Written aside and renamed, so that a crash leaves no half of a key."""
    key = os.urandom(_BYTES)
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
