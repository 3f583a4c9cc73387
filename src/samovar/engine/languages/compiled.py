"""Runtime clients that are compiled on this machine, once, out of sources that come along."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

_WITHIN_S = 120.0


class NotCompiled(OSError):
    """The client could not be compiled; the message is the compiler's."""


def compile_by(compiler: str, command: Sequence[str]) -> None:
    """Run a compiler; NotCompiled, in its own words, unless it does its work in two minutes."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise NotCompiled(f"{compiler} did not finish within {_WITHIN_S:.0f} s") from None
    if done.returncode != 0:
        raise NotCompiled(f"{compiler} failed: {(done.stdout + done.stderr).strip()[-2000:]}")


def digest(sources: Sequence[Path]) -> str:
    """Tells one state of the sources from others."""
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def made_once(target: Path, make: Callable[[Path], None]) -> Path:
    """The folder `target`, which `make` fills if it isn't there: whole or not at all. May take seconds."""
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            make(unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(target)
        except OSError:
            if not target.is_dir():  # another server may have made it meanwhile
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return target
