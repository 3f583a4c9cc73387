"""What goes back to a client, and the shape of the functions that every protocol consists of."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from samovar.wire.shapes import OperationShape, Ref, Shape

Params = dict[str, Any]
Sent = bytes | AsyncIterable[bytes]
"""The body of a request; one that still arrives where the operation `streams_in`."""
ReadRequest = Callable[[Mapping[str, str], str, Mapping[str, str], Any], Params]
"""(labels, raw query, headers in lower case, body: `Sent`) -> parameters."""
WriteAnswer = Callable[[Params, str], "Answer"]
"""(result, request id) -> answer."""


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes | AsyncIterator[bytes]
    """An iterator where the answer is a stream; one with a `close`, for whoever doesn't read it to its end."""


class Spelled(Mapping[str, Any]):
    """A structure in a result that is JSON already, under the names of the wire; to all others it is a mapping."""

    __slots__ = ("json",)

    def __init__(self, json: msgspec.Raw) -> None:
        self.json = json

    def _read(self) -> Params:
        return msgspec.json.decode(self.json, type=dict[str, Any])

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


class Framing(Protocol):
    """How a protocol lays an operation over HTTP."""

    answers_events: bool
    """Whether an answer may be an event stream."""

    def request(self, operation: OperationShape) -> ReadRequest: ...

    def answer(self, operation: OperationShape) -> WriteAnswer: ...


class Body(Protocol):
    """How a protocol writes structures into a body."""

    content_type: str

    def read_members(self, shape: Shape) -> Callable[[bytes], Params]:
        """Reads the members without a location."""
        ...

    def read_payload(self, ref: Ref) -> Callable[[bytes], Any]:
        """Reads a body that is one member."""
        ...

    def write_members(self, ref: Ref) -> Callable[[Params], bytes]:
        """Writes the members without a location."""
        ...

    def write_payload(self, name: str, ref: Ref) -> Callable[[Any], bytes]:
        """Writes a body that is one member."""
        ...
