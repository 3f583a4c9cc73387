"""Mutual TLS of custom domains: which certificates of clients a truststore trusts, and what is told of them.

Owns: reading a truststore's text, its warnings, the judgement of a client's certificate, its description in events and
logs (facts/apigateway.md §4, §5; AWS's guide, "mutual TLS authentication"). Refuses: the handshake, in which OpenSSL
has checked the client's signature and its chain (`net/tls`). Pure: the time is an argument.

Rules:
- The issuer and everything above it, up to a root, must be in the truststore, whatever a client sends along.
- A chain has four authorities at most, the client's own certificate not counted.
- SHA-256, RSA with 2048 bits and elliptic curves of 256 bits, or stronger. Nobody is asked whether one was revoked.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_LONGEST = 4
"""Authorities above a client's certificate."""
_STRONG = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_SHORT_NUMBER = 8
"""Bytes of a serial number that OpenSSL writes as a number; longer ones come in pairs of digits."""
_JUDGED = 1000
"""Clients of a domain whose certificates are remembered."""

NO_ISSUER = "Could not find issuer for certificate"
INSECURE = "Client cert using an insecure Signature Algorithm"
SELF_SIGNED = "self signed certificate"


class Untrusted(Exception):
    """A client's certificate doesn't count; the message says why, in AWS's words where there are some."""


class Known(msgspec.Struct, frozen=True):
    """A client's certificate that is trusted."""

    shown: dict[str, Any]
    """`clientCert` of events and `$context`."""
    not_before: float
    not_after: float


class Trust:
    """A domain's truststore."""

    def __init__(self, domain: str, text: str) -> None:
        self.domain = domain
        """Its name; may begin with `*.`."""
        self.text = text
        self._roots = [certificate for certificate, _ in _read(text.encode()) if certificate is not None]
        self.authorities = b"".join(each.public_bytes(serialization.Encoding.DER) for each in self._roots)
        """For OpenSSL."""
        self._judged: dict[bytes, Known | str] = {}

    def judge(self, content: bytes, now: float) -> Known:
        """A client's certificate (DER) that it has proved to be its own; Untrusted unless it counts."""
        found = self._judged.get(content)
        if found is None:
            if len(self._judged) >= _JUDGED:
                self._judged.clear()
            found = self._judged[content] = self._judgement(content)
        if isinstance(found, str):
            raise Untrusted(found)
        if not found.not_before <= now <= found.not_after:
            raise Untrusted("certificate has expired" if now > found.not_after else "certificate is not yet valid")
        return found

    def _judgement(self, content: bytes) -> Known | str:
        try:
            certificate = x509.load_der_x509_certificate(content)
        except ValueError:
            return "the certificate can't be read"
        if not _is_strong(certificate):
            return INSECURE
        if not _leads_up(certificate, self._roots, _LONGEST):
            return SELF_SIGNED if certificate.issuer == certificate.subject else NO_ISSUER
        return Known(
            _shown(certificate),
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
        )


def examined(text: bytes, now: float) -> tuple[int, list[str]]:
    """(how many certificates a truststore has, what is wrong with which of them)."""
    read = _read(text)
    roots = [certificate for certificate, _ in read if certificate is not None]
    warnings = [warning for _, warning in read if warning]
    for each in roots:
        wrong = _wrong(each, roots, now)
        if wrong:
            warnings.append(f"{wrong}: {_name(each.subject)}")
    return len(roots), warnings


def _read(text: bytes) -> list[tuple[x509.Certificate | None, str]]:
    """Each certificate, or why it isn't one."""
    found: list[tuple[x509.Certificate | None, str]] = []
    for number, pem in enumerate(_PEM.findall(text), 1):
        try:
            found.append((x509.load_pem_x509_certificate(pem), ""))
        except ValueError:
            found.append((None, f"Certificate number {number} is not a valid X.509 certificate"))
    return found


def _wrong(certificate: x509.Certificate, roots: list[x509.Certificate], now: float) -> str:
    if now > certificate.not_valid_after_utc.timestamp():
        return "Certificate has expired"
    if now < certificate.not_valid_before_utc.timestamp():
        return "Certificate is not yet valid"
    if not _is_strong(certificate):
        return "Certificate uses an unsupported algorithm"
    if not _leads_up(certificate, roots, _LONGEST - 1):
        above = _leads_up(certificate, roots, len(roots))
        return "Certificate chain is longer than four" if above else "Could not find the issuer of certificate"
    return ""


def _leads_up(certificate: x509.Certificate, roots: Iterable[x509.Certificate], longest: int) -> bool:
    """Whether there is a chain of at most `longest` authorities above it, up to a root."""
    if certificate.issuer == certificate.subject:
        return certificate in roots
    if not longest:
        return False
    issuers = (each for each in roots if each.subject == certificate.issuer and _has_signed(each, certificate))
    return any(_leads_up(each, roots, longest - 1) for each in issuers)


def _has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _is_strong(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
        signed = isinstance(certificate.signature_hash_algorithm, _STRONG)
    except (UnsupportedAlgorithm, ValueError):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return signed and key.key_size >= 2048
    return signed and isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= 256


def _shown(certificate: x509.Certificate) -> dict[str, Any]:
    return {
        "clientCertPem": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "subjectDN": _name(certificate.subject),
        "issuerDN": _name(certificate.issuer),
        "serialNumber": _serial(certificate.serial_number),
        "validity": {
            "notBefore": f"{certificate.not_valid_before_utc:%b %e %H:%M:%S %Y} GMT",
            "notAfter": f"{certificate.not_valid_after_utc:%b %e %H:%M:%S %Y} GMT",
        },
    }


def _name(name: x509.Name) -> str:
    """`C=US,O=Example,CN=client`: in the certificate's own order."""
    return ",".join(each.rfc4514_string() for each in name.rdns)


def _serial(number: int) -> str:
    size = number.bit_length() // 8 + 1
    return str(number) if size <= _SHORT_NUMBER else number.to_bytes(-(-number.bit_length() // 8)).hex(":")
