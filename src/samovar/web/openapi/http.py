"""An HTTP API read out of an OpenAPI 3.0 document with AWS's extensions, and written into one (facts/apigateway.md
§9, §11).

Owns: `read_http`, `write_http`. Both speak in the shapes of `apigatewayv2`'s operations. Integrations under
`components/x-amazon-apigateway-integrations` are one integration for all routes that refer to them, both ways.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from samovar.web.openapi.document import ANY, Document, Node, OpenApiError, based, listed, mapping

X = "x-amazon-apigateway-"
_SHARED = "#/components/x-amazon-apigateway-integrations/"
_CORS = {
    "allowCredentials": "AllowCredentials",
    "allowHeaders": "AllowHeaders",
    "allowMethods": "AllowMethods",
    "allowOrigins": "AllowOrigins",
    "exposeHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
}
_INTEGRATION = {
    "uri": "IntegrationUri",
    "httpMethod": "IntegrationMethod",
    "payloadFormatVersion": "PayloadFormatVersion",
    "connectionType": "ConnectionType",
    "connectionId": "ConnectionId",
    "credentials": "CredentialsArn",
    "timeoutInMillis": "TimeoutInMillis",
    "requestParameters": "RequestParameters",
    "responseParameters": "ResponseParameters",
    "tlsConfig": "TlsConfig",
    "description": "Description",
}
_AUTHORIZER = {
    "authorizerUri": "AuthorizerUri",
    "authorizerCredentials": "AuthorizerCredentialsArn",
    "authorizerResultTtlInSeconds": "AuthorizerResultTtlInSeconds",
    "authorizerPayloadFormatVersion": "AuthorizerPayloadFormatVersion",
    "enableSimpleResponses": "EnableSimpleResponses",
    "identityValidationExpression": "IdentityValidationExpression",
}
_DEFAULT_PATH = "/$default"


class Route(msgspec.Struct, frozen=True):
    shape: Node
    """CreateRoute's members."""
    authorizer: str | None
    integration: Node | None
    """CreateIntegration's members."""
    shared: str | None
    """The name under which others use the same integration."""


class HttpDocument(msgspec.Struct, frozen=True):
    settings: Node
    """CreateApi's members."""
    authorizers: list[Node]
    """CreateAuthorizer's."""
    routes: list[Route]
    warnings: list[str]


def read_http(document: Document, basepath: str = "ignore") -> HttpDocument:
    if not document.is_v3:
        raise OpenApiError("Invalid OpenAPI input. HTTP APIs are imported from OpenAPI 3.0 documents.")
    schemes = {name: document.followed(each) for name, each in document.part("securitySchemes").items()}
    authorizers = [made for name, scheme in schemes.items() if (made := _authorizer(name, scheme))]
    base = document.base_path()
    routes = [
        _route(document, schemes, based(path, base, basepath) if path != _DEFAULT_PATH else path, verb, operation)
        for path, verb, operation, _ in document.operations()
    ]
    return HttpDocument(_settings(document), authorizers, routes, list(dict.fromkeys(document.warnings)))


def _settings(document: Document) -> Node:
    root, info = document.root, document.info
    shape: Node = {"Name": str(info.get("title") or ""), "ProtocolType": "HTTP"}
    for member, name in (("version", "Version"), ("description", "Description")):
        if info.get(member) not in (None, ""):
            shape[name] = str(info[member])
    cors = mapping(root.get(X + "cors"))
    if cors:
        shape["CorsConfiguration"] = {name: cors[member] for member, name in _CORS.items() if member in cors}
    servers = listed(root.get("servers"))
    endpoint = mapping(root.get(X + "endpoint-configuration")) or (
        mapping(mapping(servers[0]).get(X + "endpoint-configuration")) if servers else {}
    )
    if "disableExecuteApiEndpoint" in endpoint:
        shape["DisableExecuteApiEndpoint"] = endpoint["disableExecuteApiEndpoint"] in (True, "true")
    tags = {
        str(tag.get("name")): str(tag[X + "tag-value"])
        for tag in listed(root.get("tags"))
        if isinstance(tag, dict) and X + "tag-value" in tag
    }
    return {**shape, "Tags": tags} if tags else shape


def _authorizer(name: str, scheme: Node) -> Node | None:
    given = scheme.get(X + "authorizer")
    if not isinstance(given, dict):
        return None
    shape: Node = {"Name": name, "AuthorizerType": str(given.get("type") or "").upper()}
    shape |= {member: given[key] for key, member in _AUTHORIZER.items() if given.get(key) not in (None, "")}
    source = given.get("identitySource")
    if isinstance(source, str) and source:
        shape["IdentitySource"] = [each.strip() for each in source.split(",")]
    elif isinstance(source, list):
        shape["IdentitySource"] = [str(each) for each in source]
    tokens = mapping(given.get("jwtConfiguration"))
    if tokens:
        shape["JwtConfiguration"] = {
            "Audience": [str(each) for each in listed(tokens.get("audience"))],
            "Issuer": str(tokens.get("issuer") or ""),
        }
    return shape


def _route(document: Document, schemes: Node, path: str, verb: str, operation: Node) -> Route:
    key = "$default" if path == _DEFAULT_PATH else f"{verb} {path}"
    shape: Node = {"RouteKey": key, "AuthorizationType": "NONE"}
    if isinstance(operation.get("operationId"), str):
        shape["OperationName"] = operation["operationId"]
    authorizer = None
    security = operation.get("security", document.root.get("security"))
    for requirement in listed(security):
        for name, scopes in mapping(requirement).items():
            scheme = schemes.get(name, {})
            kind = str(mapping(scheme.get(X + "authorizer")).get("type") or "").lower()
            if scheme.get(X + "authtype") == "awsSigv4":
                shape["AuthorizationType"] = "AWS_IAM"
            elif kind:
                authorizer = name
                shape["AuthorizationType"] = "JWT" if kind == "jwt" else "CUSTOM"
                if listed(scopes):
                    shape["AuthorizationScopes"] = [str(scope) for scope in scopes]
    given = operation.get(X + "integration")
    reference = mapping(given).get("$ref")
    shared = reference.removeprefix(_SHARED) if isinstance(reference, str) and reference.startswith(_SHARED) else None
    integration = _integration(document.followed(given, f"{key}.")) if isinstance(given, dict) else None
    return Route(shape, authorizer, integration, shared)


def _integration(given: Node) -> Node:
    shape: Node = {"IntegrationType": str(given.get("type") or "").upper(), "PayloadFormatVersion": "1.0"}
    subtype = given.get("integrationSubtype") or given.get("subtype")
    if subtype:
        shape["IntegrationSubtype"] = str(subtype)
    for key, member in _INTEGRATION.items():
        if given.get(key) not in (None, ""):
            shape[member] = given[key]
    for member in ("PayloadFormatVersion",):
        shape[member] = str(shape[member])
    for member in ("IntegrationMethod", "ConnectionType"):
        if member in shape:
            shape[member] = str(shape[member]).upper()
    if "RequestParameters" in shape:
        shape["RequestParameters"] = {name: str(value) for name, value in mapping(shape["RequestParameters"]).items()}
    if "TlsConfig" in shape:
        shape["TlsConfig"] = {"ServerNameToVerify": str(mapping(shape["TlsConfig"]).get("serverNameToVerify", ""))}
    if "ResponseParameters" in shape:
        shape["ResponseParameters"] = {
            str(status): {name: str(value) for name, value in mapping(each).items()}
            for status, each in mapping(shape["ResponseParameters"]).items()
        }
    return shape


class HttpApi(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written: records as AWS shows them."""

    api: Node
    endpoint: str
    stage: str | None
    created: str
    routes: Sequence[Node]
    integrations: dict[str, Node]
    """By id."""
    authorizers: dict[str, Node]


def write_http(given: HttpApi, extensions: bool = True) -> Node:
    api = given.api
    info = {"title": api["Name"], "version": api.get("Version") or given.created}
    if api.get("Description"):
        info["description"] = api["Description"]
    base = given.stage if given.stage and given.stage != "$default" else ""
    server: Node = {"url": f"{given.endpoint}/{{basePath}}", "variables": {"basePath": {"default": base}}}
    if extensions and api.get("DisableExecuteApiEndpoint"):
        server[X + "endpoint-configuration"] = {"disableExecuteApiEndpoint": True}
    document: Node = {"openapi": "3.0.1", "info": info, "servers": [server]}
    tags = [{"name": name, X + "tag-value": value} for name, value in (api.get("Tags") or {}).items()]
    if tags:
        document["tags"] = tags
    paths: Node = {}
    used = [route.get("Target") for route in given.routes]
    shared = {target for target in used if target and used.count(target) > 1}
    for route in sorted(given.routes, key=lambda each: str(each["RouteKey"])):
        verb, _, path = str(route["RouteKey"]).partition(" ")
        place = paths.setdefault(path or _DEFAULT_PATH, {})
        if not path:
            place["isDefaultRoute"] = True
        place[ANY if verb in ("ANY", "$default") else verb.lower()] = _operation(given, route, path, shared, extensions)
    for path, place in paths.items():
        if place.pop("isDefaultRoute", False):
            place[ANY] = {"isDefaultRoute": True, **place[ANY]}
        paths[path] = place
    document["paths"] = paths
    components = _components(given, shared, extensions)
    if components:
        document["components"] = components
    cors = api.get("CorsConfiguration")
    if extensions and cors:
        document[X + "cors"] = {member: cors[name] for member, name in _CORS.items() if name in cors}
    if extensions:
        document[X + "importexport-version"] = "1.0"
    return document


def _operation(given: HttpApi, route: Node, path: str, shared: set[Any], extensions: bool) -> Node:
    made: Node = {}
    if route.get("OperationName"):
        made["operationId"] = route["OperationName"]
    names = [part[1:-1].rstrip("+") for part in path.split("/") if part.startswith("{") and part.endswith("}")]
    if names:
        made["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    made["responses"] = {"default": {"description": f"Default response for {route['RouteKey']}"}}
    authorizer = given.authorizers.get(route.get("AuthorizerId") or "")
    if authorizer:
        made["security"] = [{authorizer["Name"]: route.get("AuthorizationScopes") or []}]
    elif route.get("AuthorizationType") == "AWS_IAM":
        made["security"] = [{"sigv4": []}]
    target = route.get("Target")
    integration = given.integrations.get(str(target or "").removeprefix("integrations/"))
    if extensions and integration:
        made[X + "integration"] = (
            {"$ref": _SHARED + integration["IntegrationId"]} if target in shared else _written(integration)
        )
    return made


def _written(integration: Node) -> Node:
    made: Node = {}
    for key, member in _INTEGRATION.items():
        if integration.get(member) not in (None, "", {}):
            made[key] = integration[member]
    if integration.get("IntegrationSubtype"):
        made["integrationSubtype"] = integration["IntegrationSubtype"]
    if "tlsConfig" in made:
        made["tlsConfig"] = {"serverNameToVerify": made["tlsConfig"].get("ServerNameToVerify", "")}
    made["type"] = str(integration["IntegrationType"]).lower()
    return dict(sorted(made.items()))


def _components(given: HttpApi, shared: set[Any], extensions: bool) -> Node:
    schemes: Node = {}
    for authorizer in sorted(given.authorizers.values(), key=lambda each: str(each["Name"])):
        is_jwt = authorizer["AuthorizerType"] == "JWT"
        scheme: Node = {"type": "oauth2"} if is_jwt else {"type": "apiKey", "name": "Unused", "in": "header"}
        if extensions:
            scheme[X + "authorizer"] = _authorizer_written(authorizer)
        schemes[authorizer["Name"]] = scheme
    if any(route.get("AuthorizationType") == "AWS_IAM" for route in given.routes):
        schemes["sigv4"] = {"type": "apiKey", "name": "Authorization", "in": "header", X + "authtype": "awsSigv4"}
    components: Node = {"securitySchemes": schemes} if schemes else {}
    if extensions and shared:
        ids = sorted(str(target).removeprefix("integrations/") for target in shared)
        components[X + "integrations"] = {
            id: _written(given.integrations[id]) for id in ids if id in given.integrations
        }
    return components


def _authorizer_written(authorizer: Node) -> Node:
    made = {key: authorizer[member] for key, member in _AUTHORIZER.items() if authorizer.get(member) is not None}
    source = ",".join(authorizer.get("IdentitySource") or ())
    if source:
        made["identitySource"] = source
    tokens = authorizer.get("JwtConfiguration")
    if tokens:
        made["jwtConfiguration"] = {"audience": tokens.get("Audience") or [], "issuer": tokens.get("Issuer") or ""}
    made["type"] = str(authorizer["AuthorizerType"]).lower()
    return made
