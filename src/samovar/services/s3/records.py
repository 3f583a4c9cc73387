"""What S3 keeps: buckets, versions of objects, uploads and their parts.

Owns: the records, version ids, and the names of the settings of a bucket. Pure. Source: facts/s3.md.
"""

import hashlib
from typing import Any, Final

import msgspec

from samovar.core.ids import hex_id
from samovar.services.s3.checksums import Checksum

NULL: Final = "null"
"""The version id of what was written without versioning."""
STORAGE_CLASSES: Final = frozenset(
    {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING"}
) | {"GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"}
ARCHIVED: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})


class Bucket(msgspec.Struct, frozen=True):
    name: str
    account: str
    region: str
    created: float
    versioning: str = ""
    """Never set, `Enabled` or `Suspended`."""
    object_lock: bool = False
    settings: dict[str, Any] = {}
    """What the Put operations were given, by the name of the sub-resource (`cors`, `tagging`)."""

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"


class Segment(msgspec.Struct, frozen=True):
    """A file that holds a piece of an object."""

    file: str
    size: int


class Part(msgspec.Struct, frozen=True):
    """Of a finished multipart upload."""

    number: int
    size: int
    checksum: str = ""


class Lock(msgspec.Struct, frozen=True):
    mode: str = ""
    until: float = 0.0
    hold: bool = False

    def forbids(self, now: float, bypass: bool) -> bool:
        """Whether the version may not go."""
        retained = self.until > now and not (self.mode == "GOVERNANCE" and bypass)
        return self.hold or retained


class Meta(msgspec.Struct, frozen=True):
    """What an object has besides its bytes."""

    headers: dict[str, str] = {}
    """Under botocore's names: ContentType, CacheControl, ..."""
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    storage_class: str = "STANDARD"
    checksum: Checksum | None = None
    segments: list[Segment] = []
    parts: list[Part] = []
    encryption: dict[str, Any] = {}
    """ServerSideEncryption, SSEKMSKeyId, BucketKeyEnabled as they were asked for; empty: the bucket's default."""
    lock: Lock = Lock()
    owner: str = ""
    restored_until: float = 0.0


class Version(msgspec.Struct, frozen=True):
    """One version of one object, or a delete marker."""

    bucket: str
    key: str
    seq: int
    """Grows with every write; orders the versions of a key."""
    id: str
    latest: bool
    marker: bool
    size: int
    etag: str
    """Without quotes."""
    modified: float
    meta: Meta

    @property
    def last_modified(self) -> float:
        """In headers and listings: whole seconds."""
        return float(int(self.modified))


class Upload(msgspec.Struct, frozen=True):
    id: str
    bucket: str
    key: str
    started: float
    seq: int
    """Of the bucket when it began: what has a later one was written meanwhile."""
    algorithm: str
    """Empty: none was asked for."""
    type: str
    """Of its checksum."""
    meta: Meta


class UploadedPart(msgspec.Struct, frozen=True):
    number: int
    size: int
    etag: str
    modified: float
    segment: Segment
    checksums: dict[str, str]
    """Algorithm -> value; the default one is always there."""


def new_version_id() -> str:
    """32 characters, of which the last eight are made from the others: an id that S3 never gave is known as such."""
    random = hex_id(24)
    return random + _seal(random)


def is_version_id(text: str) -> bool:
    """Whether S3 can have given this id."""
    return text == NULL or (len(text) == 32 and text[24:] == _seal(text[:24]))


def _seal(random: str) -> str:
    return hashlib.sha256(b"version " + random.encode()).hexdigest()[:8]


def owner_id(account: str) -> str:
    """An account's canonical user id."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()
