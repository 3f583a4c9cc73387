"""Request models: JSON schema draft 4, as API Gateway checks a body against it.

Owns: `compile` and `Model.errors`. API Gateway validates with a Java library (json-schema-validator), whose messages
reach the client through `$context.error.validationErrorString`: its words, and its habit not to look into an object
or array whose own keywords have already failed. Rules: a schema is read once; `$ref` names a part of the schema or a
model of the API (facts/apigateway.md §7); a schema is a user's and a body a stranger's, so validating has an account
of steps.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from samovar.web import model_keywords as keywords
from samovar.web.model_keywords import Account, Check, ModelError
from samovar.web.regex import RegexError

__all__ = ["Model", "ModelError", "compile"]

MAX_STEPS = 200_000
_MAX_NESTING = 100
Node = Callable[[Any, Account], list[str]]
"""Validates one value, with what is in it."""


class Model:
    """A schema that was read."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def errors(self, body: str | bytes) -> str | None:
        """`[object has missing required properties (["name"])]`, None for a body that fits. An empty one is `{}`."""
        try:
            document = msgspec.json.decode(body) if body else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return f"[Invalid JSON: {error}]"
        return self.errors_in(document)

    def errors_in(self, document: Any) -> str | None:
        try:
            found = self._node(document, Account(MAX_STEPS))
        except (ModelError, RecursionError) as error:
            return f"[{error}]"
        return f"[{', '.join(found)}]" if found else None


def compile(schema: str, models: Mapping[str, str] | None = None) -> Model:
    """ModelError when the schema can't be understood. `models` are the schemas of the API's models, by name."""
    try:
        return Model(_Reader(models or {}).node(_decode(schema), "", 0))
    except RegexError as error:
        raise ModelError(str(error)) from None


def _decode(schema: str) -> Any:
    try:
        return msgspec.json.decode(schema)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelError(f"Unable to parse JSON: {error}") from None


class _Reader:
    """Turns schemas into functions; a reference is looked up once and may lead back to where it stands."""

    def __init__(self, models: Mapping[str, str]) -> None:
        self._models = models
        self._decoded: dict[str, Any] = {}
        self._known: dict[tuple[str, str], list[Node]] = {}

    def node(self, schema: Any, root: str, depth: int, whole: Any = None) -> Node:
        """`root` is the model that `#` means, `whole` its schema."""
        if depth > _MAX_NESTING:
            raise ModelError("Model schema is nested too deeply")
        if not isinstance(schema, dict):
            raise ModelError("Model schema must be an object")
        whole = schema if whole is None else whole
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema["$ref"], root, whole, depth)
        checks = keywords.checks(schema, lambda part: self.node(part, root, depth + 1, whole))
        inner = self._children(schema, root, depth, whole)
        return _both(checks, inner)

    def _reference(self, reference: str, root: str, whole: Any, depth: int) -> Node:
        base, _, pointer = reference.partition("#")
        if base:
            root = base.rstrip("/").rpartition("/")[2]
            whole = self._model(root)
        known = self._known.get((root, pointer))
        if known is None:
            known = self._known[root, pointer] = []
            known.append(self.node(_at(whole, pointer), root, depth + 1, whole))

        def follow(value: Any, account: Account) -> list[str]:
            account.pay(1)
            return known[0](value, account)

        if not known:
            return _guarded(follow)
        return follow

    def _model(self, name: str) -> Any:
        if name not in self._models:
            raise ModelError(f"Invalid model reference: {name}")
        if name not in self._decoded:
            self._decoded[name] = _decode(self._models[name])
        return self._decoded[name]

    def _children(self, schema: dict[str, Any], root: str, depth: int, whole: Any) -> Node:
        def node(part: Any) -> Node:
            return self.node(part, root, depth + 1, whole)

        properties = {name: node(part) for name, part in keywords.schemas(schema, "properties").items()}
        patterns = [
            (keywords.pattern(spelled), node(part))
            for spelled, part in keywords.schemas(schema, "patternProperties").items()
        ]
        others = schema.get("additionalProperties")
        additional = node(others) if isinstance(others, dict) else None
        items = schema.get("items")
        each = node(items) if isinstance(items, dict) else None
        places = [node(part) for part in items] if isinstance(items, list) else []
        rest = schema.get("additionalItems")
        beyond = node(rest) if isinstance(rest, dict) and places else None

        def of_object(value: dict[str, Any], account: Account) -> list[str]:
            found: list[str] = []
            for name in sorted(value):
                account.pay(1)
                nodes = [properties[name]] if name in properties else []
                nodes += [one for matches, one in patterns if matches(name, account)]
                if not nodes and additional:
                    nodes = [additional]
                for one in nodes:
                    found += one(value[name], account)
            return found

        def of_array(value: list[Any], account: Account) -> list[str]:
            found: list[str] = []
            for index, item in enumerate(value):
                account.pay(1)
                one = places[index] if index < len(places) else each or beyond
                if one:
                    found += one(item, account)
            return found

        def inside(value: Any, account: Account) -> list[str]:
            if isinstance(value, dict) and (properties or patterns or additional):
                return of_object(value, account)
            if isinstance(value, list) and (each or places):
                return of_array(value, account)
            return []

        return inside


def _both(checks: list[Check], inner: Node) -> Node:
    def validate(value: Any, account: Account) -> list[str]:
        account.pay(1 + len(checks))
        found = [error for check in checks if (error := check(value, account))]
        return found or inner(value, account)

    return validate


def _guarded(follow: Node) -> Node:
    """A reference into what is still being read. One that leads only to itself would never end."""

    def validate(value: Any, account: Account) -> list[str]:
        account.depth += 1
        if account.depth > _MAX_NESTING * 2:
            raise ModelError("The body, or a reference of its model to itself, is nested too deeply")
        try:
            return follow(value, account)
        finally:
            account.depth -= 1

    return validate


def _at(schema: Any, pointer: str) -> Any:
    for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(schema, dict) and name in schema:
            schema = schema[name]
        elif isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        else:
            raise ModelError(f"Invalid model reference: #{pointer}")
    return schema
