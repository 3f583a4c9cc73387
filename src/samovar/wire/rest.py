"""The rest protocols: members travel in the path, the query string, headers, the status and the body.

Owns: `Rest`, over any `Body` (JSON or XML). Rules: where a member goes stands in the model (`location`); the rest is
the body, unless one member is the whole body (`payload`), and then bytes stay the same bytes, and a stream of events
stays a stream. Times are RFC 822 in headers and ISO 8601 elsewhere.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec

from samovar.core.errors import AwsError
from samovar.wire import eventstream, text, words
from samovar.wire.answer import Answer, Body, Params, ReadRequest, WriteAnswer
from samovar.wire.shapes import Description, OperationShape, Ref, Shape, wire_name

Written = bytes | AsyncIterator[bytes]
ReadText = Callable[[str], Any]
WriteText = Callable[[Any], str]
Identify = Callable[[str], list[tuple[str, str]]]


class Rest:
    answers_events = True

    def __init__(self, service: Description, body: Body, identify: Identify | None = None) -> None:
        """`identify`: the headers that tell an answer's request id, where they aren't the usual one."""
        self._service = service
        self._body = body
        self._identify = identify or _identify

    def request(self, operation: OperationShape) -> ReadRequest:
        shape = self._service.structure(operation.input)
        labels = [(wire_name(n, r), n, self._read_text(r)) for n, r in shape.members.items() if r.location == "uri"]
        headers = {wire: (name, read) for wire, name, read in self._read_headers(shape)}
        known = frozenset(headers)
        prefixed = [(wire_name(n, r).lower(), n) for n, r in shape.members.items() if r.location == "headers"]
        read_query = self._read_query(shape)
        read_body = self._read_body(shape)

        def request(found: Mapping[str, str], query: str, sent: Mapping[str, str], body: bytes) -> Params:
            params: Params = {}
            for wire, name, read in labels:
                params[name] = read(found[wire])
            if read_query and query:
                read_query(query, params)
            if not known.isdisjoint(sent):
                for wire in known.intersection(sent):
                    name, read = headers[wire]
                    params[name] = read(sent[wire])
            for prefix, name in prefixed:
                params[name] = {key[len(prefix) :]: sent[key] for key in sent if key.startswith(prefix)}
            if read_body and body:
                read_body(body, params)
            return params

        return request

    def answer(self, operation: OperationShape) -> WriteAnswer:
        shape = self._service.structure(operation.output)
        status_member = next((n for n, r in shape.members.items() if r.location == "statusCode"), "")
        headers = {
            n: (wire_name(n, r), self._write_text(r)) for n, r in shape.members.items() if r.location == "header"
        }
        prefixed = [(n, wire_name(n, r)) for n, r in shape.members.items() if r.location == "headers"]
        write_body, content_type = self._write_body(operation, shape)
        default_status = operation.http.response_code
        identify = self._identify
        partial = "ContentRange" in shape.members
        streams = bool(shape.payload) and shape.members[shape.payload].streaming

        def answer(result: Params, request_id: str) -> Answer:
            status = result.get(status_member, default_status) if status_member else default_status
            if partial and result.get("ContentRange"):
                status = 206  # RFC 9110 §15.3.7
            sent = identify(request_id)
            for name, value in result.items():
                if name in headers and value is not None:
                    wire, write = headers[name]
                    sent.append((wire, write(value)))
            for name, prefix in prefixed:
                sent.extend((prefix + key, value) for key, value in (result.get(name) or {}).items())
            body = write_body(result) if status != 204 else b""
            if streams and isinstance(body, bytes):  # its length is told by whoever sends it
                sent = [header for header in sent if header[0] != "Content-Length"]
            if body and content_type:
                sent.append(("Content-Type", content_type))
            return Answer(status, sent, body)

        return answer

    def _read_text(self, ref: Ref) -> ReadText:
        return text.reader(self._service.shapes[ref.shape].type)

    def _write_text(self, ref: Ref) -> WriteText:
        shape = self._service.shapes[ref.shape]
        if shape.member:
            write = self._write_text(shape.member)
            return lambda value: ",".join(_quote(write(item)) for item in value)
        return text.writer(shape.type, self._service.timestamp_format(ref, "rfc822"))

    def _read_headers(self, shape: Shape) -> list[tuple[str, str, ReadText]]:
        found: list[tuple[str, str, ReadText]] = []
        for name, ref in shape.members.items():
            if ref.location == "header":
                inner = self._service.shapes[ref.shape].member
                read = _split_header(self._read_text(inner)) if inner else self._read_text(ref)
                found.append((wire_name(name, ref).lower(), name, read))
        return found

    def _read_query(self, shape: Shape) -> Callable[[str, Params], None] | None:
        """Scalars, repeated names for lists, and a map for all that has no name of its own."""
        scalars: dict[str, tuple[str, ReadText]] = {}
        lists: dict[str, tuple[str, ReadText]] = {}
        rest: tuple[str, bool] | None = None
        for name, ref in shape.members.items():
            if ref.location == "querystring":
                target = self._service.shapes[ref.shape]
                if target.member:
                    lists[wire_name(name, ref)] = (name, self._read_text(target.member))
                elif target.value:
                    rest = (name, self._service.shapes[target.value.shape].member is not None)
                else:
                    scalars[wire_name(name, ref)] = (name, self._read_text(ref))
        if not (scalars or lists or rest):
            return None

        def read(query: str, params: Params) -> None:
            for key, value in text.pairs(query):
                if key in scalars:
                    name, read_value = scalars[key]
                    params[name] = read_value(value)
                elif key in lists:
                    name, read_value = lists[key]
                    params.setdefault(name, []).append(read_value(value))
                elif rest and rest[1]:
                    params.setdefault(rest[0], {}).setdefault(key, []).append(value)
                elif rest:
                    params.setdefault(rest[0], {})[key] = value

        return read

    def _read_body(self, shape: Shape) -> Callable[[bytes, Params], None] | None:
        if shape.payload:
            name, ref = shape.payload, shape.members[shape.payload]
            kind = self._service.shapes[ref.shape].type
            if kind == "blob":
                return lambda body, params: params.__setitem__(name, body)
            if kind == "string":
                return lambda body, params: params.__setitem__(name, _utf8(body))
            read = self._body.read_payload(ref)
            return lambda body, params: params.__setitem__(name, read(body))
        if all(ref.location for ref in shape.members.values()):
            return None
        read_members = self._body.read_members(shape)
        return lambda body, params: params.update(read_members(body))

    def _write_body(self, operation: OperationShape, shape: Shape) -> tuple[Callable[[Params], Written], str]:
        """The function that makes the body of a result, and the content type of what it makes."""
        if not shape.payload:
            if operation.output is None:
                return (lambda result: b""), ""
            if operation.output.shape in words.of(self._service.name).status_in_body:
                return msgspec.json.encode, self._body.content_type
            return self._body.write_members(operation.output), self._body.content_type
        name, ref = shape.payload, shape.members[shape.payload]
        target = self._service.shapes[ref.shape]
        if target.eventstream:
            write_events = eventstream.writer(self._service, target, self._body)
            return (lambda result: write_events(result[name])), eventstream.CONTENT_TYPE
        named = any(
            r.location == "header" and wire_name(n, r).lower() == "content-type" for n, r in shape.members.items()
        )
        if target.type in ("blob", "string"):
            # Lambda's Invoke says application/json whatever the function answered; a stream is what its header says.
            content_type = "" if named else "application/octet-stream" if target.streaming else "application/json"
            if target.type == "string":
                return (lambda result: (result.get(name) or "").encode()), content_type
            return (lambda result: result.get(name) or b""), content_type
        write = self._body.write_payload(name, ref)

        def write_payload(result: Params) -> bytes:
            value = result.get(name)
            return write(value) if value is not None else b""

        return write_payload, "" if named else self._body.content_type


def _identify(request_id: str) -> list[tuple[str, str]]:
    return [("x-amzn-RequestId", request_id)]


def _split_header(read: ReadText) -> ReadText:
    """A list in one header: `a, "b, c"` -> `a` and `b, c`."""

    def split(value: str) -> list[Any]:
        items: list[str] = []
        item, quoted, escaped = "", False, False
        for char in value:
            if escaped or (char not in '",\\') or (quoted and char == ","):
                item, escaped = item + char, False
            elif char == "\\" and quoted:
                escaped = True
            elif char == '"':
                quoted = not quoted
            else:
                items.append(item.strip())
                item = ""
        return [read(part) for part in [*items, item.strip()]]

    return split


def _quote(value: str) -> str:
    if "," in value or '"' in value:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return value


def _utf8(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise AwsError("SerializationException", "The body isn't UTF-8.") from None
