"""Signatures of notifications: a key of this platform's own, and the certificate that proves it (facts/sns.md §5).

Owns: key and certificate, made when first needed and kept in the data directory. The certificate is served by the
platform itself: validators that insist on an address of amazonaws.com have to be told so.
"""

import asyncio
import base64
import datetime
import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from samovar.core.clock import Clock
from samovar.core.links import SNS_CERTIFICATES
from samovar.store import private

_YEARS = 10


class Signer:
    def __init__(self, folder: Path, clock: Clock) -> None:
        """`folder` is private to this platform."""
        self._folder = folder
        self._clock = clock
        self._key: rsa.RSAPrivateKey | None = None
        self._certificate = b""
        self._making = asyncio.Lock()

    async def certificate_path(self) -> str:
        """Below the platform's address: `/_samovar/sns/SimpleNotificationService-<32 hex>.pem`."""
        await self._ready()
        digest = hashlib.md5(self._certificate, usedforsecurity=False).hexdigest()
        return f"{SNS_CERTIFICATES}SimpleNotificationService-{digest}.pem"

    async def serve(self, path: str, query: str) -> bytes | None:
        return self._certificate if path == await self.certificate_path() else None

    async def sign(self, text: str, version: str) -> str:
        """RSA with SHA-1 (version 1) or SHA-256 (2), base64."""
        await self._ready()
        return await asyncio.to_thread(self._sign, text.encode(), version)

    def _sign(self, text: bytes, version: str) -> str:
        assert self._key is not None
        digest = hashes.SHA256() if version == "2" else hashes.SHA1()
        return base64.b64encode(self._key.sign(text, padding.PKCS1v15(), digest)).decode()

    async def _ready(self) -> None:
        if self._key is None:
            async with self._making:
                if self._key is None:
                    await asyncio.to_thread(self._load)

    def _load(self) -> None:
        key_file, certificate_file = self._folder / "key.pem", self._folder / "certificate.pem"
        if not certificate_file.exists():
            self._make(key_file, certificate_file)
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._certificate = certificate_file.read_bytes()
        self._key = key

    def _make(self, key_file: Path, certificate_file: Path) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        start = datetime.datetime.fromtimestamp(self._clock.machine() - 86_400, datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=365 * _YEARS))
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        private.write(key_file, secret)
        private.write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
