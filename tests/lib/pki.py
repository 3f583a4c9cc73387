"""Certificates for tests: authorities, and clients that they have signed. Real ones, on disk as clients want them."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


class Party:
    """Whoever has a certificate: an authority, or a client."""

    def __init__(
        self,
        name: str,
        issuer: "Party | None" = None,
        *,
        days: tuple[int, int] = (-1, 30),
        serial: int | None = None,
        authority: bool = True,
        hash: hashes.HashAlgorithm | None = None,
        bits: int | None = None,
    ) -> None:
        """`bits`: an RSA key of so many."""
        self.key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")
        subject = x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(NOW + days[0] * DAY)
            .not_valid_after(NOW + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        self.certificate = builder.sign(issuer.key if issuer else self.key, hash or hashes.SHA256())

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def client(self, name: str, **made: object) -> "Party":
        return Party(name, self, authority=False, **made)  # type: ignore[arg-type]

    def save(self, folder: Path, *more: "Party") -> str:
        """A file with the certificate, `more` that a client sends along, and the key."""
        file = folder / f"{x509.random_serial_number()}.pem"
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_text("".join(each.pem for each in (self, *more)) + key.decode())
        return str(file)
