"""What ECR keeps: repositories, images, layers, uploads. Pure."""

import base64
import binascii
from typing import Any, Final

import msgspec

from samovar.core import arn

MUTABLE: Final = "MUTABLE"


class Preview(msgspec.Struct, frozen=True):
    """Of a lifecycle policy, as it would have been evaluated at a moment."""

    text: str
    started: float


class Repository(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    """Of this one alone, also when another of the same name follows."""
    account: str
    region: str
    name: str
    created: float
    mutability: str = MUTABLE
    exclusions: list[dict[str, str]] = []
    """Filters of tags to which the opposite of `mutability` applies."""
    scan_on_push: bool = False
    encryption: dict[str, str] = {}
    policy: str = ""
    lifecycle: str = ""
    lifecycle_evaluated: float = 0.0
    """0: not yet."""
    preview: Preview | None = None
    tags: dict[str, str] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        return self.account, self.region, self.name

    @property
    def arn(self) -> str:
        return arn.make("ecr", self.region, self.account, f"repository/{self.name}")


class Registry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is set for an account in a region."""

    policy: str = ""
    scanning: dict[str, Any] = {}
    replication: dict[str, Any] = {}


class Image(msgspec.Struct, frozen=True):
    digest: str
    pushed: float
    pulled: float
    """0: never."""
    size: int
    media_type: str
    artifact_type: str
    subject: str
    tags: tuple[str, ...] = ()


class Layer(msgspec.Struct, frozen=True):
    digest: str
    size: int
    file: str
    pushed: float


class Upload(msgspec.Struct, frozen=True):
    """A layer on its way in."""

    id: str
    repository: str
    """Its id."""
    size: int
    """What has arrived and is durable."""
    touched: float
    small: int = 0
    """Whether a part below the API's least size has come: 1 as long as it may have been the last, 2 when it wasn't."""


def next_token(*parts: str) -> str:
    return base64.b64encode(msgspec.json.encode(parts)).decode()


def read_token(text: str, count: int) -> tuple[str, ...] | None:
    """What `next_token` was given; None for anything else."""
    try:
        parts = msgspec.json.decode(base64.b64decode(text, validate=True), type=list[str])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    return tuple(parts) if len(parts) == count else None
