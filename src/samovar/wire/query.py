"""The query protocol: a form (or query string) in, XML out.

Owns: `Query`. Form keys spell a path into the parameters: `Tags.member.1.Key=a`; flattened lists leave `member` out
(`Tag.1.Key=a`), maps have `entry.1.key` and `entry.1.value` (facts/iam.md §1, facts/sqs.md §2). GET requests carry the
same in the query string. Unknown keys are ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any

from samovar.core.errors import AwsError
from samovar.wire import text, words
from samovar.wire.answer import Answer, Params, ReadRequest, WriteAnswer
from samovar.wire.markup import quoted
from samovar.wire.shapes import Description, Memo, OperationShape, Ref, Shape, wire_name
from samovar.wire.xml import XmlBody

Node = dict[str, Any] | str
"""A step of the path: what stands below it, or the value at its end."""
Reader = Callable[[Node], Any]


class Query:
    answers_events = False

    def __init__(self, service: Description, body: XmlBody) -> None:
        self._service = service
        self._body = body
        self._readers: Memo[Reader] = Memo()

    def request(self, operation: OperationShape) -> ReadRequest:
        shape = self._service.structure(operation.input)
        read = self._read_structure(shape)

        def request(labels: Mapping[str, str], query: str, headers: Mapping[str, str], body: bytes) -> Params:
            try:
                form = body.decode()
            except UnicodeDecodeError:
                raise AwsError("MalformedQueryString", "The form isn't UTF-8.") from None
            result: Params = read(_tree(text.pairs(query) + text.pairs(form)))
            for name, value in labels.items():
                if name not in shape.members:  # CreateQueue at the address of a queue
                    told = words.of(self._service.name).unknown_action
                    raise AwsError("InvalidAction", told.format(action=operation.name, version=""))
                result.setdefault(name, value)
            return result

        return request

    def answer(self, operation: OperationShape) -> WriteAnswer:
        name = operation.name
        namespace = quoted(self._service.metadata.xml_namespace)
        wrapper = operation.output.result_wrapper if operation.output else ""
        write = self._body.writer(operation.output) if operation.output else None

        def answer(result: Params, request_id: str) -> Answer:
            out = [f"<{name}Response xmlns={namespace}>"]
            if write:
                write(wrapper or f"{name}Result", result, out)
            out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>")
            headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)]
            return Answer(200, headers, "".join(out).encode())

        return answer

    def _reader(self, ref: Ref) -> Reader:
        shape = self._service.shapes[ref.shape]
        flattened = ref.flattened or shape.flattened
        return self._readers.get((ref.shape, flattened), lambda: self._compile(shape, flattened))

    def _compile(self, shape: Shape, flattened: bool) -> Reader:
        if shape.type == "structure":
            return self._read_structure(shape)
        if shape.member:
            return _read_list(self._reader(shape.member), "" if flattened else wire_name("member", shape.member))
        if shape.key and shape.value:
            names = (wire_name("key", shape.key), wire_name("value", shape.value))
            return _read_map(names, self._reader(shape.value), flattened)
        read = text.reader(shape.type)
        return lambda node: read(_leaf(node))

    def _read_structure(self, shape: Shape) -> Reader:
        table = {self._body.tag(name, ref): (name, self._reader(ref)) for name, ref in shape.members.items()}

        def read(node: Node) -> Params:
            result: Params = {}
            for key, below in _branch(node).items():
                if key in table:
                    name, read_member = table[key]
                    result[name] = read_member(below)
            return result

        return read


def _tree(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`[("A.member.1", "x")]` -> `{"A": {"member": {"1": "x"}}}`."""
    root: dict[str, Any] = {}
    for path, value in pairs:
        node = root
        *steps, last = path.split(".")
        for step in steps:
            below = node.get(step)
            if not isinstance(below, dict):
                below = node[step] = {}
            node = below
        if not isinstance(node.get(last), dict):
            node[last] = value
    return root


def _branch(node: Node) -> dict[str, Any]:
    """What stands below; a form says "nothing" with an empty value (`Tags=`)."""
    if isinstance(node, dict):
        return node
    if node == "":
        return {}
    raise AwsError("MalformedInput", "A scalar was found where a structure, a list or a map was expected.")


def _leaf(node: Node) -> str:
    if isinstance(node, str):
        return node
    raise AwsError("MalformedInput", "Start of structure or list found where not expected.")


def _in_order(node: Node) -> list[Any]:
    """The elements of a list by their numbers, which may have gaps."""
    branch = _branch(node)
    if not all(number.isascii() and number.isdigit() and len(number) < 10 for number in branch):
        raise AwsError("MalformedInput", "Key that isn't a number found in a list.")
    return [branch[number] for number in sorted(branch, key=int)]


def _read_list(read: Reader, element: str) -> Reader:
    if not element:  # flattened: one element goes without its number, `AttributeName=All`
        return lambda node: [read(item) for item in ([node] if isinstance(node, str) and node else _in_order(node))]
    return lambda node: [read(item) for item in _in_order(_branch(node).get(element, ""))]


def _read_map(names: tuple[str, str], read: Reader, flattened: bool) -> Reader:
    key_name, value_name = names

    def read_map(node: Node) -> dict[str, Any]:
        entries = _in_order(node if flattened else _branch(node).get("entry", ""))
        result: dict[str, Any] = {}
        for entry in entries:
            branch = _branch(entry)
            result[_leaf(branch.get(key_name, ""))] = read(branch[value_name]) if value_name in branch else None
        return result

    return read_map
