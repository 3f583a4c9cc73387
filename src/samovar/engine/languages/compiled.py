"""Runtime clients that are compiled on this machine, once, out of sources that come along."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path


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
