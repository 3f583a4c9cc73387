"""The local authority: made once, kept by its owner, trusted until it ends; and certificates that users give."""

import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from samovar.core.clock import FakeClock
from samovar.gateway.certificates import Authority, Given, Issued
from samovar.store.errors import StoreError

DAY = 86_400
FILE = "ca.pem"


def shown(context: ssl.SSLContext, ca: Path, name: str | None = "localhost") -> x509.Certificate:
    """What a client that trusts `ca` sees, which needn't believe in its time."""
    trusting = ssl.create_default_context(cafile=ca)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    content = client.getpeercert(binary_form=True)
    assert content is not None
    return x509.load_der_x509_certificate(content)


def names(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(general.value) for general in found]


class Custom:
    """Custom domains."""

    def __init__(self, known: set[str], **trusted: object) -> None:
        self._known, self._trusted = known, trusted

    def known(self, domain: str) -> bool:
        return domain in self._known

    def trust(self, domain: str) -> Any:
        return self._trusted.get(domain)


def issued(folder: Path, clock: FakeClock, *more: str) -> Issued:
    return Issued(Authority.open(folder / FILE, clock), more, ["us-east-1"], clock)


def test_an_authority_is_made_once_and_its_key_is_its_owners(tmp_path: Path) -> None:
    clock = FakeClock()
    first = Authority.open(tmp_path / FILE, clock).certificate
    assert Authority.open(tmp_path / FILE, clock).certificate == first
    assert stat.S_IMODE((tmp_path / "authority.key").stat().st_mode) == 0o600
    assert x509.load_pem_x509_certificate((tmp_path / FILE).read_bytes()) == first


def test_servers_that_start_at_once_share_one_authority(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from samovar.core.clock import SystemClock; from samovar.gateway.certificates import *;"
        "print(Authority.open(pathlib.Path(sys.argv[1], 'ca.pem'), SystemClock()).certificate.serial_number)"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_what_a_kill_left_behind_is_replaced(tmp_path: Path) -> None:
    clock = FakeClock()
    folder = tmp_path
    (folder / "authority.key.new").write_bytes(b"half a k")
    certificate = Authority.open(tmp_path / FILE, clock).certificate
    (folder / FILE).unlink()  # killed between the two
    assert Authority.open(tmp_path / FILE, clock).certificate == certificate
    (folder / FILE).write_bytes(b"")
    assert Authority.open(tmp_path / FILE, clock).certificate == certificate
    assert x509.load_pem_x509_certificate((folder / FILE).read_bytes()) == certificate


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    Authority.open(tmp_path / FILE, FakeClock())
    key = tmp_path / "authority.key"
    key.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        Authority.open(tmp_path / FILE, FakeClock())
    key.write_bytes(b"nonsense")
    key.chmod(0o600)
    with pytest.raises(StoreError, match="isn't the key of an authority"):
        Authority.open(tmp_path / FILE, FakeClock())


def test_an_authority_that_ends_within_a_year_is_replaced(tmp_path: Path) -> None:
    clock = FakeClock()
    first = Authority.open(tmp_path / FILE, clock).certificate
    clock.advance(3280 * DAY)
    assert Authority.open(tmp_path / FILE, clock).certificate == first
    clock.advance(10 * DAY)
    second = Authority.open(tmp_path / FILE, clock).certificate
    assert second != first
    assert x509.load_pem_x509_certificate((tmp_path / FILE).read_bytes()) == second


def test_a_certificate_is_renewed_when_a_third_of_its_time_is_left(tmp_path: Path) -> None:
    clock = FakeClock()
    contexts = issued(tmp_path, clock)
    first = contexts("127.0.0.1")
    clock.advance(59 * DAY)
    assert contexts("127.0.0.1") is first
    clock.advance(2 * DAY)
    renewed = shown(contexts("127.0.0.1"), tmp_path / FILE)
    assert renewed.not_valid_after_utc.timestamp() > clock.now() + 85 * DAY


def test_names_below_localhost_share_a_certificate_and_others_have_their_own(tmp_path: Path) -> None:
    contexts, ca = issued(tmp_path, FakeClock(), "build.lan"), tmp_path / FILE
    contexts.domains = Custom(known={"api.example.com"})
    seen = {
        name: names(shown(contexts(""), ca, name))
        for name in ("a.b.localhost", "c.b.localhost", "one.localhost", "api.example.com", "evil.com", "build.lan")
    }
    assert seen["a.b.localhost"] == seen["c.b.localhost"] == ["*.b.localhost"]
    assert seen["one.localhost"] == ["one.localhost"]
    assert seen["api.example.com"] == ["api.example.com"]
    assert seen["evil.com"] == seen["build.lan"] == names(shown(contexts(""), ca, None))
    assert {"localhost", "127.0.0.1", "::1", "*.us-east-1.elb.localhost", "build.lan"} <= set(seen["evil.com"])


def test_a_client_that_came_to_an_address_sees_a_certificate_for_it(tmp_path: Path) -> None:
    contexts = issued(tmp_path, FakeClock())
    assert "10.1.2.3" in names(shown(contexts("10.1.2.3"), tmp_path / FILE, None))


def test_what_is_kept_for_names_is_bounded(tmp_path: Path) -> None:
    contexts, ca = issued(tmp_path, FakeClock()), tmp_path / FILE
    for n in range(300):
        shown(contexts(""), ca, f"n{n}.localhost")
    assert len(contexts._contexts) == 256


def test_a_given_certificate_is_shown_and_taken_anew_when_it_is_replaced(tmp_path: Path) -> None:
    clock, ca = FakeClock(), tmp_path / FILE
    authority = Authority.open(tmp_path / FILE, clock)
    file = tmp_path / "mine.pem"
    file.write_bytes(authority.issue(["mine.example"]))
    given = Given(file, file, clock)
    assert names(shown(given(""), ca, "other.example")) == ["mine.example"]
    file.write_bytes(b"half")
    clock.advance(61)
    assert names(shown(given(""), ca)) == ["mine.example"]
    file.write_bytes(authority.issue(["new.example"]))
    clock.advance(61)
    assert names(shown(given(""), ca)) == ["new.example"]


def test_a_given_certificate_that_can_not_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        Given(tmp_path / "no.pem", tmp_path / "no.key", FakeClock())
    (tmp_path / "no.pem").write_text("nonsense")
    with pytest.raises(ValueError, match=r"no\.pem with the key .* can't be used"):
        Given(tmp_path / "no.pem", tmp_path / "no.pem", FakeClock())
