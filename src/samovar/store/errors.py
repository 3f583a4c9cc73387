"""What can go wrong with what lasts. Nothing was applied when one of these is raised."""

from pathlib import Path


class StoreError(Exception):
    """A write or a read that the disk or the database refused."""


class StoreBusy(StoreError):
    """Another server holds the data directory."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        owner = f"process {pid}" if pid else "another process"
        super().__init__(f"data directory {directory} is in use by {owner}; stop that, or choose another (--data-dir)")
        self.directory = directory
        self.pid = pid


class BlobMissing(StoreError):
    """No blob has this digest."""


class BlobCorrupt(StoreError):
    """A blob's bytes don't have the digest that names it."""
