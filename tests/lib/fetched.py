"""Packages of others for tests: installed once from their registries, each set into a folder of its own below the
machine's temporary folder, where later runs find it again. Where there is no registry, a test is skipped, with the
installer's words.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def python(*requirements: str) -> Path:
    """The folder with requirements of PyPI and all that they need; it never changes once it is there."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", "."]
    return _installed(f"{'+'.join(requirements)}-{_PYTHON}", [*pip, *requirements])


def node(*packages: str) -> Path:
    """The folder whose `node_modules` has packages of npm and all that they need."""
    if not shutil.which("npm"):
        pytest.skip("npm isn't here")
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", "."]
    return _installed("+".join(packages), [*npm, *packages])


def _installed(wanted: str, command: list[str]) -> Path:
    shelf = Path(tempfile.gettempdir()) / f"samovar-clients-{os.getuid()}"
    shelf.mkdir(mode=0o700, exist_ok=True)
    name = wanted.replace("/", "_")
    folder = shelf / (name if len(name) < 100 else f"{name[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}")
    with (shelf / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            staging = Path(tempfile.mkdtemp(dir=shelf))
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=staging)
            if done.returncode:
                shutil.rmtree(staging)
                pytest.skip(f"{wanted} can't be installed: {done.stderr[-500:] or done.stdout[-500:]}")
            staging.rename(folder)
    return folder
