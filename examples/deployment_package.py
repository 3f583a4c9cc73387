"""Deployment packages for Python functions, as the examples make them: their own files, and packages from PyPI.

Wheels come from the package index that pip is configured for; nothing is compiled. They are fetched once, and kept. The
same inputs give the same bytes, so that deploying twice without a change changes nothing.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_24", "manylinux_2_27", "manylinux_2_28")
"""What Lambda's machines and every Linux of the last years can load; pip takes the newest wheel that fits one."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can say."""


class BuildError(Exception):
    """The package could not be made; the message says why."""


def packages(requirement: str, python: str, machine: str) -> Path:
    """The folder with a requirement unpacked, for Python `python` ("3.12") and processor `machine` (x86_64 or aarch64).

    Fetched on the first call, kept for the next.
    """
    shelf = HERE / "build" / requirement
    kept = shelf / f"python{python}-{machine}"
    if kept.is_dir():
        return kept
    shelf.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=shelf) as scratch:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--no-warn-script-location", "--implementation=cp"]
        command += [f"--platform={name}_{machine}" for name in PLATFORMS]
        done = subprocess.run(
            [*command, f"--python-version={python}", f"--target={scratch}/packages", requirement],
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise BuildError(
                f"pip could not fetch {requirement} for Python {python} on {machine}:\n{done.stderr.strip()}"
            )
        # Named only when complete: an interrupted download leaves nothing that looks finished.
        try:
            Path(scratch, "packages").rename(kept)
        except OSError:
            if not kept.is_dir():  # else another build was faster
                raise
    return kept


def files_below(folder: Path) -> dict[str, Path]:
    """Name in the package -> file."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path for path in found}


def write(output: Path, files: Mapping[str, Path]) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16  # a regular file that everybody may read, as Lambda asks
            package.writestr(entry, files[name].read_bytes())
    return output
