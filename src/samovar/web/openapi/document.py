"""OpenAPI documents as text: reading JSON and YAML, following references inside them, writing.

Owns: `read`, `Document`, `write`. Rules: YAML is read as AWS reads it, so only `true` and `false` are booleans, dates
stay text and keys become strings; no tag makes an object. Aliases may not make a document larger than it could be
without them. Nothing outside the document is ever fetched.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import yaml

MAX_BYTES = 6 * 1024 * 1024
MAX_VALUES = 500_000
_MAX_DEPTH = 200
_MAX_STEPS = 20
VERBS = ("get", "put", "post", "delete", "options", "head", "patch")
ANY = "x-amazon-apigateway-any-method"
INVALID = "Invalid OpenAPI input."

Node = dict[str, Any]


class OpenApiError(ValueError):
    """What AWS answers with BadRequestException."""


class Document:
    """A document that was read: Swagger 2.0 or OpenAPI 3.0."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.is_v3 = str(root.get("openapi", "")).startswith("3.")
        if not self.is_v3 and str(root.get("swagger", "")) != "2.0":
            raise OpenApiError(INVALID)
        self.warnings: list[str] = []

    @property
    def info(self) -> Node:
        return mapping(self.root.get("info"))

    def part(self, name: str) -> Node:
        """`schemas`, `securitySchemes`, ...: under `components`, or where version 2 has them."""
        if self.is_v3:
            return mapping(mapping(self.root.get("components")).get(name))
        return mapping(
            self.root.get({"schemas": "definitions", "securitySchemes": "securityDefinitions"}.get(name, name))
        )

    def followed(self, node: Any, where: str = "") -> Node:
        """The node, or what its `$ref` leads to; empty, with a warning, where there is nothing."""
        for _ in range(_MAX_STEPS):
            reference = node.get("$ref") if isinstance(node, dict) else None
            if not isinstance(reference, str):
                break
            node = self._at(reference)
            if node is None:
                self.warnings.append(f"Parse issue: attribute {where}{reference} is missing")
        return mapping(node)

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            return None
        node: Any = self.root
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        return node

    def operations(self) -> Iterator[tuple[str, str, Node, list[Any]]]:
        """(path, VERB, operation, parameters with those of its path)."""
        for path, item in mapping(self.root.get("paths")).items():
            item = self.followed(item, f"paths.'{path}'.")
            shared = listed(item.get("parameters"))
            for verb in (*VERBS, ANY):
                if isinstance(item.get(verb), dict):
                    operation = item[verb]
                    own = listed(operation.get("parameters"))
                    yield path, "ANY" if verb == ANY else verb.upper(), operation, [*shared, *own]

    def base_path(self) -> str:
        """Where the API begins: version 2's `basePath`, the path of version 3's first server."""
        if not self.is_v3:
            return str(self.root.get("basePath") or "")
        servers = listed(self.root.get("servers"))
        if len(servers) > 1:
            self.warnings.append(
                "More than one server provided. Ignoring all but the first for defining endpoint configuration"
            )
        if not servers:
            return ""
        server = mapping(servers[0])
        url = str(server.get("url") or "")
        for name, variable in mapping(server.get("variables")).items():
            url = url.replace(f"{{{name}}}", str(mapping(variable).get("default", "")))
        return "/" + url.partition("://")[2].partition("/")[2] if "://" in url else url


def based(path: str, base: str, mode: str) -> str:
    """A path under its base path: `ignore` leaves it out, `prepend` puts it before, `split` all but its first part."""
    parts = [part for part in base.split("/") if part]
    if mode == "ignore" or not parts:
        return path
    kept = parts[1:] if mode == "split" else parts
    return "/" + "/".join([*kept, *(part for part in path.split("/") if part)])


def mapping(value: Any) -> Node:
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def read(body: bytes | str) -> Document:
    text = body.encode() if isinstance(body, str) else body
    if len(text) > MAX_BYTES:
        raise OpenApiError("Invalid OpenAPI input. The body is larger than 6 MB.")
    try:
        root = msgspec.json.decode(text) if text.lstrip()[:1] == b"{" else _yaml(text)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        raise OpenApiError(INVALID) from None
    if not isinstance(root, dict):
        raise OpenApiError(INVALID)
    _measure(root)
    return Document(root)


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """YAML as Jackson reads it."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's own way to say which plain words are what
        first: [each for each in resolvers if each[0].rpartition(":")[2] not in ("timestamp", "bool", "value")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false|True|False|TRUE|FALSE"), list("tTfF"))


def _yaml(text: bytes) -> Any:
    return _with_names(yaml.load(text, Loader=_Loader), {})  # a safe loader's child


def _with_names(value: Any, done: dict[int, Any]) -> Any:
    """Keys as strings. What an alias repeats stays one object."""
    if not isinstance(value, dict | list):
        return value
    if id(value) not in done:
        if isinstance(value, list):
            made: list[Any] = []
            done[id(value)] = made
            made.extend(_with_names(item, done) for item in value)
        else:
            named: Node = {}
            done[id(value)] = named
            named.update((_name(key), _with_names(item, done)) for key, item in value.items())
    return done[id(value)]


def _name(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _measure(root: Any) -> None:
    """Refuse what would be too large, too deep or endless once aliases are written out."""
    sizes: dict[int, int] = {}
    open_: set[int] = set()

    def size(value: Any, depth: int) -> int:
        if not isinstance(value, dict | list):
            return 1
        known = sizes.get(id(value))
        if known is None:
            if id(value) in open_ or depth > _MAX_DEPTH:
                raise OpenApiError(INVALID)
            open_.add(id(value))
            inside = value.values() if isinstance(value, dict) else value
            known = sizes[id(value)] = 1 + sum(size(item, depth + 1) for item in inside)
            open_.discard(id(value))
        if known > MAX_VALUES:
            raise OpenApiError(INVALID)
        return known

    size(root, 0)


class _Dumper(yaml.CSafeDumper):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


def write(document: Node, as_yaml: bool) -> bytes:
    if not as_yaml:
        return msgspec.json.format(msgspec.json.encode(document), indent=2)
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, explicit_start=True, width=4096)
    return cast(str, text).encode()
