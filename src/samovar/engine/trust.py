"""What programs in boxes trust when they verify a server: what the machine trusts, and the platform's own authority.

Owns: the files that say so, and the variables by which AWS's SDKs, requests, Node.js, OpenSSL (so Python, curl, Ruby)
and Go find them; for Java it is a flag. Refuses: making the authority (`gateway/certificates`).
Rules:
- Nobody trusts less of the outside than without: BUNDLE has all that the machine trusts, and Node.js adds OWN to what
  it has. A variable that a function sets itself wins.
- The folder is mounted into boxes, so those that are there see what is written later. The variables are the same
  whether there is an authority yet or not.
"""

import contextlib
import importlib.util
import threading
from pathlib import Path
from typing import Final

import msgspec

from samovar.engine.keystore import keystore
from samovar.sandbox.spec import ZygoteSpec

_NAME = "ca-certs"
_BUNDLE, _OWN, _STORE = "bundle.pem", "platform.pem", "bundle.jks"
_INSIDE = f"/var/runtime/{_NAME}"
VARIABLES: Final = {
    "AWS_CA_BUNDLE": f"{_INSIDE}/{_BUNDLE}",
    "NODE_EXTRA_CA_CERTS": f"{_INSIDE}/{_OWN}",
    "REQUESTS_CA_BUNDLE": f"{_INSIDE}/{_BUNDLE}",
    "SSL_CERT_FILE": f"{_INSIDE}/{_BUNDLE}",
}
JAVA_STORE: Final = f"{_INSIDE}/{_STORE}"
"""The same as the bundle, for a flag of Java's. It is there in boxes of Java's kinds."""
IMAGES_VARIABLES: Final = {name: VARIABLES[name] for name in ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")}
"""An image may trust others than the machine does, and goes on to: this is for SDKs, which bring what they trust."""
_AT_ITS_START: Final = "NODE_EXTRA_CA_CERTS"
"""What Node.js reads before it knows its function."""
_MACHINES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep what they trust, in one file: Debian and Arch, Fedora and Amazon Linux, SUSE, Alpine."""


class Trust:
    def __init__(self, folder: Path, authority: Path) -> None:
        """`folder`: is made, for the files. `authority`: the certificate of the platform's own, which may not be there
        yet; `renew` when it is."""
        self._folder = folder
        self._authority = authority
        self._for_java = False
        self._writing = threading.Lock()
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # mkdir's mode is subject to the umask
        self.renew()

    def renew(self) -> bool:
        """Write what has changed; whether anything has."""
        own = b""
        with contextlib.suppress(FileNotFoundError):
            own = self._authority.read_bytes()
        bundle = _machines() + b"\n" + own
        with self._writing:
            kept = [self._keep(_OWN, own), self._keep(_BUNDLE, bundle)]
            if self._for_java:
                self._keep(_STORE, keystore(bundle.decode(errors="replace")))
        return any(kept)

    def shown(self, spec: ZygoteSpec, for_java: bool) -> ZygoteSpec:
        """With the files in its boxes. `for_java`: also what few servers need."""
        if for_java and not self._for_java:
            self._for_java = True
            self.renew()
        command = spec.command
        if command is not None:
            environ = {_AT_ITS_START: VARIABLES[_AT_ITS_START], **command.environ}
            command = msgspec.structs.replace(command, environ=environ)
        return msgspec.structs.replace(spec, command=command, packages=[*spec.packages, (self._folder, _NAME)])

    def _keep(self, name: str, content: bytes) -> bool:
        path = self._folder / name
        with contextlib.suppress(FileNotFoundError):
            if path.read_bytes() == content:
                return False
        aside = path.with_suffix(".new")
        aside.write_bytes(content)
        aside.chmod(0o644)
        aside.rename(path)
        return True


def _machines() -> bytes:
    """What the machine trusts; where it has no such file, what boto3 brings along."""
    botocore = importlib.util.find_spec("botocore")
    brought = [f"{folder}/cacert.pem" for folder in (botocore and botocore.submodule_search_locations) or ()]
    for place in [*_MACHINES, *brought]:
        with contextlib.suppress(OSError):
            return Path(place).read_bytes()
    return b""
