"""One operation in one protocol, compiled: bytes to parameters, results and errors to bytes.

Owns: `Operation`, `Protocols` of a service, and the table of protocols. Each is a pair (how members are laid over HTTP,
how structures are written). Events can't be read yet, nor written but by the rest protocols: a request that needs
that is told so.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from samovar.core.errors import AwsError
from samovar.wire import query_json, text
from samovar.wire.answer import Answer as Answer
from samovar.wire.answer import Framing, Params, Sent
from samovar.wire.buckets import request_ids
from samovar.wire.errors import Errors, WriteError
from samovar.wire.json import JsonBody, JsonRpc
from samovar.wire.query import Query
from samovar.wire.rest import Rest
from samovar.wire.rpcv2 import CborBody, CborRpc
from samovar.wire.shapes import Description, OperationShape, Ref
from samovar.wire.validate import Validator, violation
from samovar.wire.xml import XmlBody


class Protocol(NamedTuple):
    """A protocol as one service speaks it."""

    framing: Framing
    write_error: WriteError
    errors: Errors


def _rest_json(service: Description, errors: Errors) -> Protocol:
    body = JsonBody(service)
    return Protocol(Rest(service, body), errors.in_rest_json(body), errors)


def _rest_xml(service: Description, errors: Errors) -> Protocol:
    body = XmlBody(service)
    if service.name == "s3":
        return Protocol(Rest(service, body, _s3_ids), errors.in_s3(body), errors)
    return Protocol(Rest(service, body), errors.in_query(body), errors)


def _s3_ids(request_id: str) -> list[tuple[str, str]]:
    short, long = request_ids(request_id)
    return [("x-amz-request-id", short), ("x-amz-id-2", long), ("Server", "AmazonS3")]


def _query(service: Description, errors: Errors) -> Protocol:
    body = XmlBody(service)
    return Protocol(Query(service, body), errors.in_query(body), errors)


def _json(service: Description, errors: Errors) -> Protocol:
    body = JsonBody(service)
    rpc = JsonRpc(service, body)
    return Protocol(rpc, errors.in_json(body, rpc.content_type), errors)


def _cbor(service: Description, errors: Errors) -> Protocol:
    body = CborBody(service)
    return Protocol(CborRpc(service, body), errors.in_json(body, CborBody.content_type), errors)


PROTOCOLS: Mapping[str, Callable[[Description, Errors], Protocol]] = {
    "rest-json": _rest_json,
    "rest-xml": _rest_xml,
    "query": _query,
    "json": _json,
    "smithy-rpc-v2-cbor": _cbor,
}


def unspoken(protocol: str) -> AwsError:
    """The error for a protocol without an entry in the table."""
    spoken = ", ".join(PROTOCOLS)
    return AwsError("NotImplementedException", f"The protocol {protocol} isn't spoken by this server; {spoken} are.")


class Operation:
    """`parse` and `serialize` raise nothing but AwsError for what a caller can send."""

    def __init__(self, service: Description, shape: OperationShape, protocol: Protocol, validator: Validator) -> None:
        self.name = shape.name
        self._unzips = "gzip" in shape.requestcompression.get("encodings", ())
        self.service = service.name
        self._read = protocol.framing.request(shape)
        self._check = validator.check(shape.input) if shape.input else None
        self.serialize = protocol.framing.answer(shape)
        """From a result and the request id."""
        self.serialize_error = protocol.write_error
        self._told: tuple[Description, OperationShape, Errors] | None = None
        """Of the query protocol, whose answers may be JSON."""
        if isinstance(protocol.framing, Query):
            self._told = (service, shape, protocol.errors)
        answers = _streams_events(service, shape.output) and not protocol.framing.answers_events
        self._unspoken = answers or _streams_events(service, shape.input)
        members = service.structure(shape.input)
        self.streams_in = bool(members.payload) and members.members[members.payload].streaming

    def __repr__(self) -> str:
        return f"Operation({self.service}.{self.name})"

    def parse(self, labels: Mapping[str, str], query: str, headers: Mapping[str, str], body: Sent) -> Params:
        """The parameters of a request under botocore's names: bytes for blobs, epoch seconds for times; validated."""
        if self._unspoken:
            raise AwsError("NotImplementedException", f"{self.name} needs an event stream, which isn't spoken yet.")
        if self._unzips and headers.get("content-encoding") == "gzip" and isinstance(body, bytes):
            body = text.unzip(body)
        params = self._read(labels, query, headers, body)
        if self._check:
            broken: list[str] = []
            self._check(params, "", broken)
            if broken:
                raise violation(self.service, broken)
        return params

    def validate(self, params: Params) -> None:
        """Hold parameters that never were bytes (`ctx.call`) against the same constraints."""
        broken: list[str] = []
        if self._check:
            self._check(params, "", broken)
        if broken:
            raise violation(self.service, broken)

    @property
    def has_json(self) -> bool:
        """Whether its answers may be JSON, though its protocol has another form."""
        return self._told is not None

    def serialize_json(self, result: Params, request_id: str) -> Answer:
        assert self._told is not None
        return query_json.answer(*self._told[:2], result, request_id)

    def serialize_json_error(self, error: AwsError, request_id: str) -> Answer:
        assert self._told is not None
        errors = self._told[2]
        return query_json.error(errors.query_code(error.code), error, errors.status(error.code), request_id)


def _streams_events(service: Description, ref: Ref | None) -> bool:
    return any(service.shapes[member.shape].eventstream for member in service.structure(ref).members.values())
