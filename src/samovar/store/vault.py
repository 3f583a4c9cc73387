"""Secrets at rest: closed with a key that lies beside the data, readable by its owner only.

Owns: what the key in `keyfile` closes (AES-256-GCM). Without a directory the key lives as long as the server.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from samovar.core.later import later
from samovar.store import keyfile

if TYPE_CHECKING:
    from cryptography import exceptions
    from cryptography.hazmat.primitives.ciphers import aead
else:
    exceptions = later("cryptography.exceptions")
    aead = later("cryptography.hazmat.primitives.ciphers.aead")

_NONCE = 12


class Vault:
    def __init__(self, key: bytes) -> None:
        self._key = key

    @cached_property
    def _cipher(self) -> "aead.AESGCM":
        return aead.AESGCM(self._key)

    @classmethod
    def open(cls, directory: Path | None) -> "Vault":
        """With the key in `directory`, made if it isn't there; None: with one that nobody keeps."""
        if directory is None:
            return cls(os.urandom(keyfile.BYTES))
        return cls(keyfile.read(directory) or keyfile.make(directory))

    def close(self, content: bytes, purpose: str) -> str:
        """Text that only `open_sealed` with the same purpose opens again."""
        nonce = os.urandom(_NONCE)
        return urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, content, purpose.encode())).decode()

    def open_sealed(self, text: str, purpose: str) -> bytes | None:
        """None for what this vault never closed for this purpose."""
        try:
            sealed = urlsafe_b64decode(text.encode())
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except (ValueError, exceptions.InvalidTag):
            return None

    def derive(self, purpose: str) -> str:
        """A secret of its own for a purpose, always the same."""
        return keyfile.derive(self._key, purpose)
