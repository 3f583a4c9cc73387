"""The service models: read from the files that the botocore distribution carries, compiled when first used.

Owns: `Models` and `ServiceModel`. Nobody else reads the files. botocore itself is not imported (its model code alone
costs 270 ms): the package is only located, and its JSON is decoded into `shapes`.
"""

import zlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec.structs import replace

from samovar.core import heap
from samovar.wire import words
from samovar.wire.buckets import BucketPaths
from samovar.wire.compile import PROTOCOLS, Operation, Protocol, unspoken
from samovar.wire.errors import Errors
from samovar.wire.javaregex import JavaRegex
from samovar.wire.names import Names
from samovar.wire.shapes import Description, ErrorTrait, OperationShape, Ref, Shape
from samovar.wire.text import GZIP
from samovar.wire.validate import Validator


class ServiceModel:
    """One service: what it is called where, and its operations."""

    def __init__(self, description: Description, regex: JavaRegex) -> None:
        metadata = description.metadata
        self.name = description.name
        signing_name = metadata.signing_name or metadata.endpoint_prefix
        self.names = Names(self.name, signing_name, metadata.endpoint_prefix, metadata.target_prefix)
        self.api_version = metadata.api_version
        self.xml_namespace = metadata.xml_namespace
        # A service that is "query compatible" once spoke query only, and still answers old clients.
        also = ["query"] if metadata.aws_query_compatible is not None and "query" not in metadata.protocols else []
        self.protocols = (*(metadata.protocols or [metadata.protocol]), *also)
        self.operation_names = frozenset(description.operations)
        self.errors = Errors(description)
        self._description = description
        self._validator = Validator(description, regex)
        self._spoken: dict[str, Protocol] = {}
        self._operations: dict[tuple[str, str], Operation] = {}

    def __repr__(self) -> str:
        return f"ServiceModel({self.name})"

    @property
    def shapes(self) -> Mapping[str, OperationShape]:
        """Operation name -> its entry in the model."""
        return self._description.operations

    def bucket_paths(self) -> BucketPaths:
        """For S3, whose operations are told apart in a way of its own."""
        return BucketPaths(self._description)

    @property
    def protocol(self) -> str:
        """The first of the service's protocols that this server speaks; its very first when there is none."""
        return next((name for name in self.protocols if name in PROTOCOLS), self.protocols[0])

    def operation(self, name: str, protocol: str = "") -> Operation:
        """An operation by its name in `protocol` (default: the service's own); KeyError when the service has none."""
        key = (name, protocol)
        found = self._operations.get(key)
        if found is None:
            shape = self._description.operations[name]
            found = Operation(self._description, shape, self._speak(protocol or self.protocol), self._validator)
            self._operations[key] = found
        return found

    def error_status(self, code: str) -> int:
        """HTTP status of an error code."""
        return self.errors.status(code)

    def _speak(self, protocol: str) -> Protocol:
        if protocol not in PROTOCOLS:
            raise unspoken(protocol)
        if protocol not in self._spoken:
            self._spoken[protocol] = PROTOCOLS[protocol](self._description, self.errors)
        return self._spoken[protocol]


class Models:
    """boto3's client name -> ServiceModel; each is read once, when first asked for."""

    def __init__(self) -> None:
        found = find_spec("botocore")
        if found is None or not found.submodule_search_locations:
            raise RuntimeError("The botocore distribution isn't installed; it carries the service models.")
        self._directory = Path(found.submodule_search_locations[0]) / "data"
        self._regex = JavaRegex()
        self._loaded: dict[str, ServiceModel] = {}

    def __getitem__(self, service: str) -> ServiceModel:
        """KeyError when botocore has no such service."""
        if service not in self._loaded:
            self._loaded[service] = ServiceModel(_mend(_read(self._directory / service)), self._regex)
            heap.give_back()
        return self._loaded[service]


def _read(directory: Path) -> Description:
    """The latest API version of a service; versions are dates."""
    files = sorted(directory.glob("*/service-2.json*"))
    if not files:
        raise KeyError(directory.name)
    content = files[-1].read_bytes()
    if files[-1].suffix == ".gz":
        content = zlib.decompress(content, GZIP, int.from_bytes(content[-4:], "little"))  # its size
    return replace(msgspec.json.decode(content, type=Description), name=directory.name)


def _mend(description: Description) -> Description:
    """Put back what the model lost (see `words`)."""
    said = words.of(description.name)
    shapes = dict(description.shapes)
    for name, (code, status) in said.errors.items():
        shape = shapes.get(name, Shape("structure", exception=True))
        shapes[name] = replace(shape, error=ErrorTrait(code, status))
    for name, names in said.names.items():
        shape = shapes[name]
        if shape.member:
            shapes[name] = replace(shape, member=_called(shape.member, names[0]))
        elif shape.key and shape.value:
            key, value = _called(shape.key, names[1]), _called(shape.value, names[2])
            shapes[name] = replace(shape, location_name=names[0], key=key, value=value)
    operations = dict(description.operations)
    for name, status in said.statuses.items():
        operation = operations[name]
        operations[name] = replace(operation, http=replace(operation.http, response_code=status))
    metadata = replace(description.metadata, xml_namespace=description.metadata.xml_namespace or said.xml_namespace)
    return replace(description, operations=operations, shapes=shapes, metadata=metadata)


def _called(ref: Ref, name: str) -> Ref:
    return replace(ref, location_name=name)
