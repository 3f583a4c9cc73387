"""Files that only their owner may read: keys.

Rules: written whole or not at all, so that a crash leaves no half of one; refused when others can read them.
"""

import os
import stat
from pathlib import Path

from samovar.store.errors import StoreError


def read(path: Path) -> bytes | None:
    """Its content; None when there is none; StoreError when it can't or mustn't be used."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise StoreError(f"{path} can be read by others than its owner: chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Aside, and renamed. StoreError says why it can't be."""
    aside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
