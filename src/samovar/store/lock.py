"""One server per data directory, held by flock(2): the kernel lets go when the process dies, however it dies."""

import fcntl
import os
from pathlib import Path

from samovar.store.errors import StoreBusy, StoreError


class DirectoryLock:
    """Holds `<directory>/lock`, which carries the owner's pid, from construction until `release`."""

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Close-on-exec (Python's default) keeps sandboxes from holding the lock after this process is gone.
            self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            why = "it is a file" if isinstance(error, FileExistsError) else error.strerror
            raise StoreError(
                f"cannot use data directory {directory}: {why}; it must be a directory that this user may write to, so "
                "set that right, or choose another data directory (--data-dir)"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise StoreBusy(directory, int(owner) if owner.isdigit() else None) from None
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._descriptor)
            raise StoreError(f"cannot write to {directory}: {error.strerror}") from error

    def release(self) -> None:
        os.close(self._descriptor)
