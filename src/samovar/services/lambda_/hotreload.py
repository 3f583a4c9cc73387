"""Code and layers that are folders of the host: `S3Bucket="hot-reload"`, `S3Key="/absolute/path"`.

Owns: the convention, which other tools use as well, and what is refused of it. The engine mounts such a folder and
watches it; its path stands where the digest of a package would. The CodeSha256 that is shown is that of the path.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samovar.engine.package import Package, is_folder
from samovar.services.lambda_.names import invalid

BUCKET = "hot-reload"
_NEVER = ("/", "/proc", "/sys", "/dev")
"""Not folders of anybody's code, and views of the whole machine."""


def wanted(source: Mapping[str, Any]) -> bool:
    """Whether a request's code or content is a folder of the host."""
    return source.get("S3Bucket") == BUCKET


def folder(source: Mapping[str, Any], allowed: bool) -> Package:
    """What stands for a package; raises what is refused."""
    path = str(source.get("S3Key") or "")
    if not allowed:
        raise invalid(
            f"S3Bucket={BUCKET} mounts a folder of the server's machine, which this server doesn't allow: start it "
            "with --allow-hot-reload always."
        )
    if "ZipFile" in source:
        raise invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
    real = Path(path).resolve() if is_folder(path) and "\0" not in path else None
    if real is None or not real.is_dir():
        raise invalid(f"S3Key must be the absolute path of a folder on the server's machine, which {path!r} isn't.")
    if str(real) in _NEVER or str(real).startswith(tuple(f"{system}/" for system in _NEVER[1:])):
        raise invalid(f"S3Key can't be {path!r}: that is no folder of code.")
    name = "/" + path.strip("/")
    return Package(name, base64.b64encode(hashlib.sha256(name.encode()).digest()).decode(), 0, Path(name))
