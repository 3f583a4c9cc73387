"""Certificates as a key store that every version of Java reads: the format JKS, version 2.

There is no specification; it is what `sun.security.provider.JavaKeyStore` of OpenJDK writes. Pure.
"""

import base64
import hashlib
import struct
from typing import Final

PASSWORD: Final = "changeit"
"""Java's own store has it too: it protects nothing, and who gives none isn't asked for it."""
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_SALT = b"Mighty Aphrodite"


def keystore(pem: str) -> bytes:
    """A store that trusts every certificate of a text in PEM; those that aren't base64 are left out."""
    texts = [each.partition(_END)[0] for each in pem.split(_BEGIN)[1:]]
    entries = [entry for number, text in enumerate(texts) if (entry := _entry(str(number), text))]
    content = struct.pack("!3I", _MAGIC, _VERSION, len(entries)) + b"".join(entries)
    return content + hashlib.sha1(PASSWORD.encode("utf-16-be") + _SALT + content).digest()


def _entry(alias: str, text: str) -> bytes:
    try:
        certificate = base64.b64decode(text)
    except ValueError:
        return b""
    head = struct.pack("!I", _TRUSTED) + _utf(alias) + bytes(8)  # the moment in which it was made
    return head + _utf("X.509") + struct.pack("!I", len(certificate)) + certificate


def _utf(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()
