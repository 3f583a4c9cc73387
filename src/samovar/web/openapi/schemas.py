"""Models of an OpenAPI document: schemas to models of the API, and back.

Owns: `Models`, which gathers what an import needs. Rules: `#/definitions/Pet` becomes the URL that models of API
Gateway reference each other by; a schema that stands where it is used becomes a model with a name of its own, an
array of a model `ArrayOfPet`.
"""

import hashlib
from typing import Any

import msgspec

from samovar.web.openapi.document import Document, Node, mapping

JSON = "application/json"
_URL = "https://apigateway.amazonaws.com/restapis/"
_PREFIXES = ("#/definitions/", "#/components/schemas/")


class Models:
    """The models that a document defines or needs."""

    def __init__(self, document: Document, api: str) -> None:
        self._document = document
        self._api = api
        self.found: dict[str, Node] = {}
        """By name: contentType, schema (JSON text), description."""
        for name, schema in document.part("schemas").items():
            self._add(name, schema)

    def of(self, schema: Any, where: str) -> str | None:
        """The name of the model that `schema` is; None, with a warning, where there is no such."""
        if not isinstance(schema, dict) or not schema:
            return None
        name = _referenced(schema)
        if name is not None:
            if name in self.found or name in ("Empty", "Error"):
                return name
            self._document.warnings.append(f"Parse issue: attribute {where}{schema['$ref']} is missing")
            return None
        item = _referenced(mapping(schema.get("items")))
        if schema.get("type") == "array" and item in self.found:
            name = f"ArrayOf{item}"
        else:
            digest = hashlib.sha256(msgspec.json.encode(schema, order="deterministic")).hexdigest()
            name = f"MODEL{digest[:6]}"
        self._add(name, schema)
        return name

    def _add(self, name: str, schema: Any) -> None:
        shape: Node = {"contentType": JSON, "schema": msgspec.json.encode(self._rewritten(schema)).decode()}
        if isinstance(mapping(schema).get("description"), str):
            shape["description"] = schema["description"]
        self.found[name] = shape

    def _rewritten(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._rewritten(item) for item in value]
        if not isinstance(value, dict):
            return value
        name = _referenced(value)
        if name is not None:
            return {"$ref": f"{_URL}{self._api}/models/{name}"}
        return {key: self._rewritten(item) for key, item in value.items()}


def _referenced(schema: Node) -> str | None:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return None
    return next((reference.removeprefix(prefix) for prefix in _PREFIXES if reference.startswith(prefix)), None)


def exported(schema: str, prefix: str) -> Any:
    """A model's schema with references as documents have them; `prefix` is `#/definitions/` or version 3's."""
    try:
        return _pointed(msgspec.json.decode(schema), prefix)
    except (msgspec.DecodeError, RecursionError):
        return {"type": "object"}


def _pointed(value: Any, prefix: str) -> Any:
    if isinstance(value, list):
        return [_pointed(item, prefix) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith(_URL):
        return {"$ref": prefix + reference.rpartition("/")[2]}
    return {key: _pointed(item, prefix) for key, item in value.items() if key != "$schema"}
