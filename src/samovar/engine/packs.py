"""Runtime packs: AWS's client and SDK for an interpreter that Samovar's own copies don't fit, fetched with pip.

Owns: how a pack is made. A pack appears whole or not at all. An interpreter that doesn't need one is faster with one,
too: it then has the compiled parts for its own version.
"""

import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_PACKAGES = ("awslambdaric", "boto3")
_LAST = {"3.8": ("boto3<1.38", "urllib3<1.27"), "3.9": ("boto3<1.43", "urllib3<1.27")}
"""The last releases for old interpreters. pip would look at conditions on the version for its own interpreter only."""
_WITHIN_S = 300.0


class PackFailed(Exception):
    """A pack could not be made; the message is pip's, or says what to do."""


def prepare(identifier: str, folder: Path) -> None:
    """Make the pack of a runtime (`python3.9`) in `folder`; replaces one that is there. Takes seconds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{identifier}-", dir=folder.parent))
    try:
        _fetch(identifier.removeprefix("python"), unfinished)
        for needless in [*unfinished.glob("*.dist-info"), unfinished / "bin", unfinished / "__pycache__"]:
            shutil.rmtree(needless, ignore_errors=True)
        unfinished.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _fetch(version: str, target: Path) -> None:
    machine = platform.machine()
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-conflicts"]
    command += ["--target", str(target), "--python-version", version, "--implementation", "cp"]
    command += ["--only-binary", ":all:", "--platform", f"manylinux_2_28_{machine}"]
    command += ["--platform", f"manylinux2014_{machine}", "--platform", "any", *_PACKAGES, *_LAST.get(version, ())]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise PackFailed(f"pip did not finish within {_WITHIN_S:.0f} s; is a package index reachable?") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
        raise PackFailed("\n".join(errors) or "pip failed without saying why")
