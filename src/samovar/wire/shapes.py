"""The vocabulary of a service model: records for what a `service-2.json` says, and nothing else.

Owns: the records, and the two small tools every compiler of shapes needs (`Memo` and `wire_name`). Refuses: reading
files (`model`) and meaning (`json`, `xml`, `query`, `validate`). Documentation strings are skipped while decoding, so
that a model costs a tenth of its memory.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec


class Ref(msgspec.Struct, frozen=True, rename="camel"):
    """A use of a shape: as a member, an element, a key, a value, an input or an output."""

    shape: str
    location: str = ""
    """`uri`, `querystring`, `header`, `headers` (a prefix), `statusCode`; empty means the body."""
    location_name: str = ""
    flattened: bool = False
    xml_attribute: bool = False
    xml_namespace: dict[str, str] | str = ""
    timestamp_format: str = ""
    result_wrapper: str = ""
    eventpayload: bool = False
    """In an event: the member that is its payload."""
    streaming: bool = False
    """A payload that need not be there as a whole."""


class ErrorTrait(msgspec.Struct, frozen=True, rename="camel"):
    code: str = ""
    http_status_code: int = 0


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    members: dict[str, Ref] = {}
    required: list[str] = []
    member: Ref | None = None
    key: Ref | None = None
    value: Ref | None = None
    enum: list[str] = []
    min: int | float | None = None
    max: int | float | None = None
    pattern: str = ""
    payload: str = ""
    flattened: bool = False
    location_name: str = ""
    xml_namespace: dict[str, str] | str = ""
    timestamp_format: str = ""
    error: ErrorTrait | None = None
    exception: bool = False
    fault: bool = False
    eventstream: bool = False
    streaming: bool = False
    sensitive: bool = False
    document: bool = False


class Http(msgspec.Struct, frozen=True, rename="camel"):
    method: str = "POST"
    request_uri: str = "/"
    response_code: int = 200


class OperationShape(msgspec.Struct, frozen=True):
    name: str
    http: Http = Http()
    input: Ref | None = None
    output: Ref | None = None
    requestcompression: dict[str, list[str]] = {}


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    endpoint_prefix: str
    protocol: str = ""
    protocols: list[str] = []
    json_version: str = ""
    signing_name: str = ""
    target_prefix: str = ""
    xml_namespace: str = ""
    aws_query_compatible: dict[str, Any] | None = None


class Description(msgspec.Struct, frozen=True):
    """One service model, as the file has it; `name` (boto3's client name) is set by `model` after decoding."""

    metadata: Metadata
    operations: dict[str, OperationShape]
    shapes: dict[str, Shape] = {}
    name: str = ""

    def timestamp_format(self, ref: Ref, default: str) -> str:
        return ref.timestamp_format or self.shapes[ref.shape].timestamp_format or default

    def structure(self, ref: Ref | None) -> Shape:
        """The shape of an input or output; one without members where the model has none."""
        return self.shapes[ref.shape] if ref is not None else Shape("structure")


def wire_name(name: str, ref: Ref) -> str:
    """What a member is called in bytes."""
    return ref.location_name or name


F = TypeVar("F")


class Memo(Generic[F]):
    """Compiles each key once, also when a shape contains itself: inside its own compilation it is a forwarder."""

    def __init__(self) -> None:
        self._made: dict[object, Any] = {}

    def get(self, key: object, make: Callable[[], F]) -> F:
        if key not in self._made:
            self._made[key] = lambda *args: self._made[key](*args)
            self._made[key] = make()
        found: F = self._made[key]
        return found
