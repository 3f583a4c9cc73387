"""XML bodies: for rest-xml both ways, and for the answers of the query protocol.

Owns: `XmlBody`. Rules: lists are `<Name><member>..</member></Name>`, flattened ones repeat their own tag; maps are
`<entry><key/><value/></entry>`; times are ISO 8601. A document type is refused: entities have no use here and many
abuses.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from samovar.core.errors import AwsError
from samovar.core.later import later
from samovar.wire import text, words
from samovar.wire.answer import Params
from samovar.wire.markup import escape, quoted
from samovar.wire.shapes import Description, Memo, Ref, Shape, wire_name

if TYPE_CHECKING:
    from xml.etree import ElementTree
else:
    ElementTree = later("xml.etree.ElementTree")

Reader = Callable[[list["ElementTree.Element"]], Any]
"""Reads a member from all the elements that carry its tag: one, or several when it is flattened."""
Writer = Callable[[str, Any, list[str]], None]
"""(tag, value, pieces of text to append to)."""

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


class XmlBody:
    content_type = "application/xml"

    def __init__(self, service: Description) -> None:
        self._service = service
        self._words = words.of(service.name)
        self._readers: Memo[Reader] = Memo()
        self._writers: Memo[Writer] = Memo()

    def read_members(self, shape: Shape) -> Callable[[bytes], Params]:
        read = self._read_structure({n: r for n, r in shape.members.items() if not r.location})
        return lambda body: read([parse(body)]) if body else {}

    def read_payload(self, ref: Ref) -> Callable[[bytes], Any]:
        read = self.reader(ref)
        return lambda body: read([parse(body)])

    def write_members(self, ref: Ref) -> Callable[[Params], bytes]:
        shape = self._service.shapes[ref.shape]
        members = {n: r for n, r in shape.members.items() if not r.location}
        if not members:
            return lambda value: b""
        write = self._write_structure(ref.shape, members)
        root = self._words.roots.get(ref.shape) or shape.location_name or ref.shape
        if list(members) == [root]:
            # The one member is the document (S3's LocationConstraint).
            only = self._document(root, ref, self.writer(members[root]))
            return lambda value: only(value.get(root) or "")
        return self._document(root, ref, write)

    def write_payload(self, name: str, ref: Ref) -> Callable[[Any], bytes]:
        root = ref.location_name or self._service.shapes[ref.shape].location_name or name
        return self._document(root, ref, self.writer(ref))

    def reader(self, ref: Ref) -> Reader:
        shape = self._service.shapes[ref.shape]
        flattened = ref.flattened or shape.flattened
        return self._readers.get((ref.shape, flattened), lambda: self._compile_reader(shape, flattened))

    def writer(self, ref: Ref) -> Writer:
        shape = self._service.shapes[ref.shape]
        flattened = ref.flattened or shape.flattened
        spelling = self._service.timestamp_format(ref, self._words.time)
        key = (ref.shape, flattened, spelling)
        return self._writers.get(key, lambda: self._compile_writer(ref.shape, flattened, spelling))

    def tag(self, name: str, ref: Ref) -> str:
        """A member's tag; a flattened list or map may be called after its elements instead."""
        shape = self._service.shapes[ref.shape]
        if ref.flattened or shape.flattened:
            if shape.member and shape.member.location_name:
                return shape.member.location_name
            if shape.type == "map" and shape.location_name:
                return shape.location_name
        return wire_name(name, ref)

    def _document(self, root: str, ref: Ref, write: Writer) -> Callable[[Any], bytes]:
        namespace = _namespace(ref) or self._service.metadata.xml_namespace
        opening = f"{root} xmlns={quoted(namespace)}" if namespace else root

        def document(value: Any) -> bytes:
            out = ['<?xml version="1.0" encoding="UTF-8"?>\n']
            write(opening, value, out)
            return "".join(out).encode()

        return document

    def _compile_reader(self, shape: Shape, flattened: bool) -> Reader:
        if shape.type == "structure":
            return self._read_structure(shape.members)
        if shape.member:
            return _read_list(self.reader(shape.member), "" if flattened else wire_name("member", shape.member))
        if shape.key and shape.value:
            names = (wire_name("key", shape.key), wire_name("value", shape.value))
            return _read_map(names, self.reader(shape.key), self.reader(shape.value), flattened)
        read = text.reader(shape.type)
        return lambda elements: read(elements[0].text or "")

    def _read_structure(self, members: Mapping[str, Ref]) -> Reader:
        children = {self.tag(n, r): (n, self.reader(r)) for n, r in members.items() if not r.xml_attribute}
        attributes = {_attribute(wire_name(n, r)): n for n, r in members.items() if r.xml_attribute}

        def read(elements: "list[ElementTree.Element]") -> Params:
            element = elements[0]
            found: dict[str, list[ElementTree.Element]] = {}
            for child in element:
                found.setdefault(child.tag, []).append(child)
            result = {name: element.attrib[key] for key, name in attributes.items() if key in element.attrib}
            for tag, carriers in found.items():
                if tag in children:
                    name, read_member = children[tag]
                    result[name] = read_member(carriers)
            return result

        return read

    def _compile_writer(self, name: str, flattened: bool, spelling: str) -> Writer:
        shape = self._service.shapes[name]
        if shape.type == "structure":
            return self._write_structure(name, shape.members)
        if shape.member:
            return _write_list(self.writer(shape.member), "" if flattened else wire_name("member", shape.member))
        if shape.key and shape.value:
            names = (wire_name("key", shape.key), wire_name("value", shape.value))
            return _write_map(names, self.writer(shape.key), self.writer(shape.value), flattened)
        write = text.writer(shape.type, spelling)
        return lambda tag, value, out: _element(tag, escape(write(value)).replace("\r", "&#xD;"), out)

    def _write_structure(self, structure: str, members: Mapping[str, Ref]) -> Writer:
        children = {n: (self.tag(n, r), self._opening(self.tag(n, r), r), self.writer(r)) for n, r in members.items()}
        attributes = {n: wire_name(n, r) for n, r in members.items() if r.xml_attribute}
        elsewhere = self._service.shapes[structure].members.keys() - members.keys()

        def write(tag: str, value: Params, out: list[str]) -> None:
            marks = [f" {key}={quoted(str(value[name]))}" for name, key in attributes.items() if name in value]
            inner: list[str] = []
            for name, item in value.items():
                if name in children:
                    if item is not None and name not in attributes:
                        _, opening, write_member = children[name]
                        write_member(opening, item, inner)
                elif name not in elsewhere:
                    raise TypeError(f"{structure} has no member {name!r}")
            _element(tag + "".join(marks), "".join(inner), out)

        return write

    def _opening(self, tag: str, ref: Ref) -> str:
        """The tag with the namespace that its attributes need (`<Grantee xmlns:xsi=.. xsi:type=..>`)."""
        namespace = ref.xml_namespace or self._service.shapes[ref.shape].xml_namespace
        if isinstance(namespace, dict) and "prefix" in namespace:
            return f"{tag} xmlns:{namespace['prefix']}={quoted(namespace['uri'])}"
        return tag


def parse(body: bytes) -> "ElementTree.Element":
    """The root element with all namespaces taken off the tags."""
    if b"<!DOCTYPE" in body:
        raise AwsError("MalformedXML", "A document type isn't allowed.")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", f"The XML isn't well-formed: {error}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _element(tag: str, inner: str, out: list[str]) -> None:
    """Append an element; `tag` may carry attributes."""
    out.append(f"<{tag}>{inner}</{tag.partition(' ')[0]}>" if inner else f"<{tag}/>")


def _read_list(read: Reader, element_tag: str) -> Reader:
    if not element_tag:
        return lambda elements: [read([element]) for element in elements]
    return lambda elements: [read([child]) for child in elements[0] if child.tag == element_tag]


def _read_map(names: tuple[str, str], read_key: Reader, read_value: Reader, flattened: bool) -> Reader:
    def read_map(elements: "list[ElementTree.Element]") -> dict[str, Any]:
        result: dict[str, Any] = {}
        for entry in elements if flattened else elements[0]:
            key, value = entry.find(names[0]), entry.find(names[1])
            if key is not None and value is not None:
                result[read_key([key])] = read_value([value])
        return result

    return read_map


def _write_list(write: Writer, element_tag: str) -> Writer:
    def write_flattened(tag: str, value: list[Any], out: list[str]) -> None:
        for item in value:
            write(tag, item, out)

    def write_list(tag: str, value: list[Any], out: list[str]) -> None:
        inner: list[str] = []
        for item in value:
            write(element_tag, item, inner)
        _element(tag, "".join(inner), out)

    return write_list if element_tag else write_flattened


def _write_map(names: tuple[str, str], write_key: Writer, write_value: Writer, flattened: bool) -> Writer:
    def write_map(tag: str, value: Mapping[str, Any], out: list[str]) -> None:
        entries: list[str] = []
        for key, item in value.items():
            entry: list[str] = []
            write_key(names[0], key, entry)
            write_value(names[1], item, entry)
            _element(tag if flattened else "entry", "".join(entry), entries)
        if flattened:
            out.extend(entries)
        else:
            _element(tag, "".join(entries), out)

    return write_map


def _namespace(ref: Ref) -> str:
    return ref.xml_namespace if isinstance(ref.xml_namespace, str) else ref.xml_namespace.get("uri", "")


def _attribute(name: str) -> str:
    return name.replace("xsi:", f"{{{_XSI}}}")
