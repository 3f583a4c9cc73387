"""What an API says of itself: its defaults, its patch paths, what is refused of it (facts/apigateway.md §2). Pure."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from samovar.services.apigateway.patch import Rules, boolean, element, integer, text
from samovar.services.apigateway.state import Definition, Resource, Shape, bad, new_id

LARGEST_COMPRESSION = 10_485_760
KEPT = (
    "name", "description", "version", "binaryMediaTypes", "minimumCompressionSize", "apiKeySource",
    "endpointConfiguration", "policy", "disableExecuteApiEndpoint", "securityPolicy", "endpointAccessMode",
)  # fmt: skip
RULES: Rules = {
    "/name": text(),
    "/description": text(),
    "/version": text(),
    "/policy": text("add replace remove"),
    "/minimumCompressionSize": integer("add replace remove"),
    "/apiKeySource": text(),
    "/disableExecuteApiEndpoint": boolean(),
    "/binaryMediaTypes/*": element(),
    "/endpointConfiguration/types/*": element(),
    "/endpointConfiguration/vpcEndpointIds/*": element("add remove"),
    "/endpointConfiguration/ipAddressType": text(),
    "/securityPolicy": text(),
    "/endpointAccessMode": text(),
}
EMPTY_SCHEMA = """{
  "$schema": "http://json-schema.org/draft-04/schema#",
  "title" : "Empty Schema",
  "type" : "object"
}"""
ERROR_SCHEMA = """{
  "$schema" : "http://json-schema.org/draft-04/schema#",
  "title" : "Error Schema",
  "type" : "object",
  "properties" : {
    "message" : { "type" : "string" }
  }
}"""
_TYPES = ("EDGE", "REGIONAL", "PRIVATE")


def blank(described: Shape, root: str = "") -> Definition:
    """An API with nothing but its root, which keeps its id if it has one, and the two models that each begins with."""
    root = root or new_id(10)
    models = {
        "Empty": ("This is a default empty schema model", EMPTY_SCHEMA),
        "Error": ("This is a default error schema model", ERROR_SCHEMA),
    }
    return Definition(
        described,
        resources={root: Resource(root)},
        models={
            name: {
                "id": new_id(6),
                "name": name,
                "description": description,
                "schema": schema,
                "contentType": "application/json",
            }
            for name, (description, schema) in models.items()
        },
    )


def checked(given: Mapping[str, Any], api: str, account: str, region: str) -> Shape:
    """The settings that `given` describes, defaults filled in."""
    if given.get("description") == "":
        raise bad("Description cannot be an empty string")
    if not str(given.get("name") or "").strip():
        raise bad("API name cannot be an empty string")
    size = given.get("minimumCompressionSize")
    if size is not None and not 0 <= size <= LARGEST_COMPRESSION:
        raise bad(f"Invalid minimum compression size, must be between 0 and {LARGEST_COMPRESSION}")
    source = given.get("apiKeySource") or "HEADER"
    if source not in ("HEADER", "AUTHORIZER"):
        raise bad(f"Invalid API key source type specified: {source}")
    found = {name: given[name] for name in KEPT if given.get(name) is not None}
    found["apiKeySource"] = source
    found["endpointConfiguration"] = _endpoint(given.get("endpointConfiguration") or {})
    found["disableExecuteApiEndpoint"] = bool(given.get("disableExecuteApiEndpoint"))
    if found.get("policy"):
        found["policy"] = expanded(found["policy"], api, account, region)
    return found


def _endpoint(given: Mapping[str, Any]) -> Shape:
    types = list(given.get("types") or ["EDGE"])
    if len(types) != 1:
        raise bad("Only one endpoint type is allowed") if types else bad("Invalid endpoint type specified")
    if types[0] not in _TYPES:
        raise bad(f"Invalid EndpointTypes specified. Valid options are {', '.join(_TYPES)}")
    ids = list(given.get("vpcEndpointIds") or ())
    if ids and types[0] != "PRIVATE":
        raise bad("VPCEndpoints can only be specified with PRIVATE apis.")
    addresses = given.get("ipAddressType") or ("dualstack" if types[0] == "PRIVATE" else "ipv4")
    return {"types": types, "ipAddressType": addresses, **({"vpcEndpointIds": ids} if ids else {})}


def expanded(policy: str, api: str, account: str, region: str) -> str:
    """A resource policy with the shorthand `execute-api:/STAGE/METHOD/path` written out."""
    return written_out(policy, lambda path: f"arn:aws:execute-api:{region}:{account}:{api}/{path}")


def written_out(policy: str, resource: Callable[[str], str]) -> str:
    """`resource`: what `execute-api:/PATH` stands for, by PATH."""
    try:
        document = json.loads(policy)
        statements = document["Statement"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise bad(
            "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
        ) from None
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict):
            raise bad("Invalid policy document. Please check the policy syntax and ensure that Principals are valid.")
        for member in ("Resource", "NotResource"):
            if member in statement:
                given = statement[member]
                listed = [_arn(each, resource) for each in (given if isinstance(given, list) else [given])]
                statement[member] = listed if isinstance(given, list) else listed[0]
    return json.dumps(document, separators=(",", ":"))


def _arn(given: object, resource: Callable[[str], str]) -> object:
    if isinstance(given, str) and given.startswith("execute-api:/"):
        return resource(given.removeprefix("execute-api:/"))
    return given
