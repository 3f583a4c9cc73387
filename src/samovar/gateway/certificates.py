"""What clients that speak TLS are shown: a given certificate, or ones of an authority that only this machine trusts.

Owns: the local authority (its key beside its certificate, in the data directory), the certificates that it issues, and
which names it issues them for. Refuses: names that aren't ours, for which clients get the certificate of `localhost`.

Rules:
- Only the authority lasts. What it issues lives in memory, for 90 days, and is issued anew when a third is left.
- Its key is one file, written whole or not at all; the certificate for clients is a copy of the one in there.
- Time is the machine's: clients judge certificates by theirs.
- Names come from whoever connects: those under `localhost` share certificates by wildcards, and few are kept.
"""

import fcntl
import ipaddress
import os
import re
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from samovar.core.clock import Clock
from samovar.gateway import origin
from samovar.gateway.asking import Askers, Domains, NoDomains
from samovar.net.tls import Asking
from samovar.store import private
from samovar.store.errors import StoreError

_KEY_FILE = "authority.key"
_AUTHORITY_DAYS = 3650
_AUTHORITY_LEFT_DAYS = 365
"""An authority that ends sooner is replaced when the server starts."""
_DAYS = 90
_RENEW_S = _DAYS * 86_400 * 2 // 3
_KEPT = 256
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_LOOK_S = 60.0
"""How often given files are looked at for a newer certificate."""


class Authority:
    """Issues certificates. `open` it."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate

    @classmethod
    def open(cls, file: Path, clock: Clock) -> "Authority":
        """The one whose certificate is `file`, made if it isn't there or ends soon. StoreError when it can't be."""
        folder = file.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise StoreError(f"cannot use {folder}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # servers that start at once share one authority
            found = _read(folder / _KEY_FILE)
            if found is None or _ends_soon(found[1], clock):
                found = _make(clock)
                private.write(folder / _KEY_FILE, _pem(found[0]) + _pem(found[1]))
            if not _holds(file, _pem(found[1])):
                private.write(file, _pem(found[1]), 0o644)
        finally:
            os.close(lock)
        return cls(*found, clock)

    def issue(self, names: Iterable[str]) -> bytes:
        """Certificate, authority and key in PEM. Names are host names, with wildcards or not, and addresses."""
        names = list(dict.fromkeys(names))
        builder = (
            _builder(names[0], self.certificate.subject, self._leaf_key.public_key(), _DAYS, self._clock)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        leaf = builder.sign(self._key, hashes.SHA256())
        return _pem(leaf) + _pem(self.certificate) + _pem(self._leaf_key)


class Issued:
    """The contexts of a server that shows what its authority issues. Call it with the address a client came to."""

    def __init__(
        self, authority: Authority, names: Iterable[str], regions: Iterable[str], clock: Clock, *also: str
    ) -> None:
        """`names` are further ones of this server; `regions` those whose wildcards every client gets, for clients
        that don't name whom they want."""
        self._authority = authority
        self._clock = clock
        self._names = frozenset(name.lower() for name in names)
        services = ("execute-api", "lambda-url", "elb")
        wildcards = [f"*.{label}.{region}.localhost" for region in regions for label in services[:2]]
        wildcards += [f"*.{region}.{services[2]}.localhost" for region in regions]
        self._standard = ["localhost", "127.0.0.1", "::1", *wildcards, *sorted(self._names), *also]
        self._contexts: dict[str, tuple[float, ssl.SSLContext]] = {}
        self._askers = Askers(self._fill)
        self.domains: Domains = NoDomains()
        """Host names that services answer under: custom domain names."""

    def __call__(self, address: str) -> ssl.SSLContext:
        return self._context("" if address in ("", "127.0.0.1", "::1") else address)

    def _named(self, secured: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """The client has said whom it wants (server name indication)."""
        wanted = _wanted(name)
        trust = self.domains.trust(wanted)
        if trust is not None:
            secured.context = self._askers.find(trust, self._clock.machine() // _RENEW_S)
        elif wanted and wanted not in self._standard and self._is_ours(wanted):
            secured.context = self._context(_group(wanted))

    def _fill(self, context: Asking, domain: str) -> None:
        _fill(context, self._authority.issue([domain]))

    def _is_ours(self, name: str) -> bool:
        return bool(_HOST.fullmatch(name)) and (origin.is_local_name(name) or self.domains.known(name))

    def _context(self, subject: str) -> ssl.SSLContext:
        renew_at, context = self._contexts.pop(subject, (0.0, None))
        if context is None or self._clock.machine() > renew_at:
            names = [subject, *self._standard] if not subject or _is_address(subject) else [subject]
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            _fill(context, self._authority.issue(filter(None, names)))
            context.sni_callback = self._named
            renew_at = self._clock.machine() + _RENEW_S
        self._contexts[subject] = (renew_at, context)
        while len(self._contexts) > _KEPT:
            del self._contexts[next(iter(self._contexts))]
        return context


class Given:
    """The contexts of a server that shows a certificate of the user's, which may be replaced while it runs."""

    def __init__(self, certificate: Path, key: Path, clock: Clock) -> None:
        """ValueError says why the files can't be used."""
        self._files = (certificate, key)
        self._clock = clock
        self._looked = clock.monotonic()
        self._seen = self._stamp()
        self._askers = Askers(lambda context, domain: self._fill(context))
        self.domains: Domains = NoDomains()
        """Custom domain names, of which some want to see certificates."""
        self._context = self._load()

    def __call__(self, address: str) -> ssl.SSLContext:
        if self._clock.monotonic() - self._looked > _LOOK_S:
            self._looked = self._clock.monotonic()
            self._renew()
        return self._context

    def _renew(self) -> None:
        stamp = self._stamp()
        if stamp != self._seen:
            try:
                self._context = self._load()
            except ValueError:
                return  # half replaced: what there was still counts, and it is looked at again
            self._seen = stamp

    def _stamp(self) -> tuple[float, ...]:
        try:
            return tuple(file.stat().st_mtime for file in self._files)
        except OSError:
            return ()

    def _named(self, secured: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """The client has said whom it wants (server name indication)."""
        trust = self.domains.trust(_wanted(name))
        if trust is not None:
            secured.context = self._askers.find(trust, self._seen)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._fill(context)
        context.sni_callback = self._named
        return context

    def _fill(self, context: ssl.SSLContext) -> None:
        certificate, key = self._files
        _harden(context)
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ValueError(f"the certificate {certificate} with the key {key} can't be used: {reason}") from None


def _no_password() -> bytes:
    raise ValueError("the key is closed with a password")


def _group(name: str) -> str:
    """What a certificate for `name` is made for. Clients take wildcards above two labels or more."""
    parent = name.partition(".")[2]
    return f"*.{parent}" if name.endswith(".localhost") and parent.count(".") >= 1 else name


def _wanted(name: str | None) -> str:
    return (name or "").lower().rstrip(".")


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])


def _fill(context: ssl.SSLContext, chain: bytes) -> None:
    """`ssl` reads certificates from files only: this one is in memory."""
    _harden(context)
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(chain)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")


# --- the authority's files


def _read(path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
    content = private.read(path)
    if content is None:
        return None
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content[content.index(b"-----BEGIN CERTIFICATE") :])
    except ValueError as error:
        raise StoreError(f"{path} isn't the key of an authority: {error}. Without it another is made.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StoreError(f"{path} isn't the key of an authority. Without it another is made.")
    return key, certificate


def _make(clock: Clock) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"Samovar on this machine {os.urandom(3).hex()}"
    builder = (
        _builder(name, None, key.public_key(), _AUTHORITY_DAYS, clock)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signature=False), critical=True)
    )
    return key, builder.sign(key, hashes.SHA256())


def _builder(
    name: str, issuer: x509.Name | None, key: ec.EllipticCurvePublicKey, days: int, clock: Clock
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    start = datetime.fromtimestamp(int(clock.machine()) - 86_400, UTC)  # clocks differ
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days + 1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signature: bool) -> x509.KeyUsage:
    """Of a server's certificate, or of an authority's."""
    return x509.KeyUsage(
        digital_signature=signature,
        key_cert_sign=not signature,
        crl_sign=not signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if _is_address(name) else x509.DNSName(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _ends_soon(certificate: x509.Certificate, clock: Clock) -> bool:
    return certificate.not_valid_after_utc.timestamp() - clock.machine() < _AUTHORITY_LEFT_DAYS * 86_400


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _pem(what: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(what, x509.Certificate):
        return what.public_bytes(serialization.Encoding.PEM)
    return what.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
