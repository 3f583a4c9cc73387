"""A REST API written as Swagger 2.0 or OpenAPI 3.0 (GetExport; facts/apigateway.md §2, §11).

Owns: `write_rest`. Rules: what is written can be read back by `rest` and gives the same API, as far as the extensions
that were asked for tell it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from samovar.web.openapi.document import ANY, Node
from samovar.web.openapi.schemas import exported

X = "x-amazon-apigateway-"
_VARIABLE = re.compile(r"\{([^}+]+)\+?\}")
_LONGEST_MS = 29_000
_KEPT = (
    "httpMethod", "uri", "credentials", "requestParameters", "requestTemplates", "contentHandling", "tlsConfig",
    "cacheKeyParameters", "connectionId",
)  # fmt: skip


class RestApi(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written, in the shapes that AWS shows."""

    settings: Node
    scheme: str
    host: str
    stage: str
    version: str
    resources: Sequence[tuple[str, str, Mapping[str, Node]]]
    """(path, resource id, methods), sorted by path."""
    authorizers: Mapping[str, Node]
    """By id."""
    models: Mapping[str, Node]
    validators: Mapping[str, Node]
    """By id."""
    gateway_responses: Mapping[str, Node]
    documentation: Sequence[Node] = ()
    tags: Mapping[str, str] = {}


def write_rest(
    api: RestApi, v3: bool, integrations: bool = False, authorizers: bool = False, all_: bool = False
) -> Node:
    """`all_`: with every extension, as `extensions=apigateway` asks."""
    return _Writer(api, v3, integrations or all_, authorizers or all_, all_).document()


class _Writer:
    def __init__(self, api: RestApi, v3: bool, integrations: bool, authorizers: bool, all_: bool) -> None:
        self._api = api
        self._v3 = v3
        self._integrations = integrations
        self._authorizers = authorizers
        self._all = all_
        self._models = "#/components/schemas/" if v3 else "#/definitions/"
        self._used: set[str] = set()
        self._schemes: Node = {}

    def document(self) -> Node:
        api = self._api
        info = {"title": api.settings["name"], "version": api.version}
        if api.settings.get("description"):
            info["description"] = api.settings["description"]
        paths: Node = {}
        for path, id, methods in api.resources:
            if methods:
                paths[path] = {
                    ANY if verb == "ANY" else verb.lower(): self._operation(path, id, methods[verb])
                    for verb in sorted(methods)
                }
        head: Node = {"openapi": "3.0.1"} if self._v3 else {"swagger": "2.0"}
        document: Node = {**head, "info": info, **self._place(), "paths": paths}
        models = {
            name: exported(shape.get("schema") or "{}", self._models)
            for name, shape in sorted(api.models.items())
            if name in self._used or name not in ("Empty", "Error")
        }
        schemes = dict(sorted(self._schemes.items()))
        if self._v3:
            parts = {"schemas": models, "securitySchemes": schemes}
            document["components"] = {name: part for name, part in parts.items() if part}
        else:
            document |= {"securityDefinitions": schemes} if schemes else {}
            document |= {"definitions": models} if models else {}
        return {**document, **(self._extensions() if self._all else {})}

    def _place(self) -> Node:
        api = self._api
        if not self._v3:
            return {"host": api.host, "basePath": f"/{api.stage}", "schemes": [api.scheme]}
        variables = {"basePath": {"default": api.stage}}
        return {"servers": [{"url": f"{api.scheme}://{api.host}/{{basePath}}", "variables": variables}]}

    def _extensions(self) -> Node:
        api, settings = self._api, self._api.settings
        made: Node = {}
        if api.validators:
            made[X + "request-validators"] = {
                each["name"]: {name: each[name] for name in ("validateRequestBody", "validateRequestParameters")}
                for each in sorted(api.validators.values(), key=lambda each: str(each.get("name")))
                if each.get("name")
            }
        if api.gateway_responses:
            made[X + "gateway-responses"] = {
                kind: {name: value for name, value in shape.items() if name != "responseType"}
                for kind, shape in sorted(api.gateway_responses.items())
            }
        if settings.get("binaryMediaTypes"):
            made[X + "binary-media-types"] = settings["binaryMediaTypes"]
        if settings.get("minimumCompressionSize") is not None:
            made[X + "minimum-compression-size"] = settings["minimumCompressionSize"]
        if settings.get("apiKeySource", "HEADER") != "HEADER":
            made[X + "api-key-source"] = settings["apiKeySource"]
        if settings.get("policy"):
            made[X + "policy"] = msgspec.json.decode(settings["policy"])
        if settings.get("disableExecuteApiEndpoint"):
            made[X + "endpoint-configuration"] = {"disableExecuteApiEndpoint": True}
        if api.documentation:
            parts = [
                {"location": part["location"], "properties": msgspec.json.decode(part["properties"])}
                for part in api.documentation
            ]
            made[X + "documentation"] = {"version": api.version, "documentationParts": parts}
        if api.tags:
            made["tags"] = [{"name": name, X + "tag-value": value} for name, value in sorted(api.tags.items())]
        return made

    def _operation(self, path: str, resource: str, method: Node) -> Node:
        made: Node = {}
        if method.get("operationName"):
            made["operationId"] = method["operationName"]
        responses = method.get("methodResponses") or {}
        models = method.get("requestModels") or {}
        self._used |= {*models.values()}
        if not self._v3:
            if models:
                made["consumes"] = sorted(models)
            kinds = sorted({kind for each in responses.values() for kind in each.get("responseModels") or {}})
            if kinds:
                made["produces"] = kinds
        parameters = self._parameters(path, method)
        if models and not self._v3:
            name = next(iter(models.values()))
            parameters.append({"in": "body", "name": name, "required": True, "schema": self._reference(name)})
        if parameters:
            made["parameters"] = parameters
        if models and self._v3:
            content = {kind: {"schema": self._reference(name)} for kind, name in sorted(models.items())}
            made["requestBody"] = {"content": content, "required": True}
        made["responses"] = {status: self._response(status, each) for status, each in sorted(responses.items())}
        security = self._security(method)
        if security:
            made["security"] = security
        validator = self._api.validators.get(method.get("requestValidatorId") or "", {}).get("name")
        if self._all and validator:
            made[X + "request-validator"] = validator
        if self._integrations and method.get("methodIntegration"):
            made[X + "integration"] = _integration(method["methodIntegration"], resource)
        return made

    def _parameters(self, path: str, method: Node) -> list[Node]:
        given = dict(method.get("requestParameters") or {})
        for name in _VARIABLE.findall(path):
            given[f"method.request.path.{name}"] = True
        made = []
        for spelled, required in sorted(given.items()):
            _, _, place, name = spelled.split(".", 3)
            where = {"querystring": "query"}.get(place, place)
            kind: Node = {"schema": {"type": "string"}} if self._v3 else {"type": "string"}
            made.append({"name": name, "in": where, **({"required": True} if required else {}), **kind})
        return made

    def _response(self, status: str, response: Node) -> Node:
        made: Node = {"description": f"{status} response"}
        kind: Node = {"schema": {"type": "string"}} if self._v3 else {"type": "string"}
        names = [name.removeprefix("method.response.header.") for name in response.get("responseParameters") or {}]
        if names:
            made["headers"] = dict.fromkeys(sorted(names), kind)
        models = response.get("responseModels") or {}
        self._used |= {*models.values()}
        if models and self._v3:
            made["content"] = {kind: {"schema": self._reference(name)} for kind, name in sorted(models.items())}
        elif models:
            made["schema"] = self._reference(next(iter(models.values())))
        return made

    def _reference(self, model: str) -> Node:
        return {"$ref": self._models + model}

    def _security(self, method: Node) -> list[Any]:
        made: list[Any] = []
        authorizer = self._api.authorizers.get(method.get("authorizerId") or "")
        if authorizer:
            made.append({authorizer["name"]: list(method.get("authorizationScopes") or ())})
            self._schemes[authorizer["name"]] = self._authorizer(authorizer)
        elif method.get("authorizationType") == "AWS_IAM":
            made.append({"sigv4": []})
            scheme: Node = {"type": "apiKey", "name": "Authorization", "in": "header"}
            self._schemes["sigv4"] = {**scheme, X + "authtype": "awsSigv4"}
        if method.get("apiKeyRequired"):
            made.append({"api_key": []})
            self._schemes["api_key"] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
        return made

    def _authorizer(self, authorizer: Node) -> Node:
        source = str(authorizer.get("identitySource") or "")
        one = source.startswith("method.request.header.") and "," not in source
        scheme: Node = {
            "type": "apiKey",
            "name": source.removeprefix("method.request.header.") if one else "Unused",
            "in": "header",
            X + "authtype": authorizer.get("authType") or "custom",
        }
        if self._authorizers:
            members = ("authorizerUri", "authorizerCredentials", "authorizerResultTtlInSeconds", "identitySource",
                       "identityValidationExpression", "providerARNs")  # fmt: skip
            given = {name: authorizer[name] for name in members if authorizer.get(name) not in (None, "")}
            scheme[X + "authorizer"] = {**given, "type": str(authorizer["type"]).lower()}
        return scheme


def _integration(shape: Node, resource: str) -> Node:
    made: Node = {"type": str(shape["type"]).lower()}
    made |= {name: shape[name] for name in _KEPT if shape.get(name) not in (None, "", [], {})}
    if shape.get("passthroughBehavior"):
        made["passthroughBehavior"] = str(shape["passthroughBehavior"]).lower()
    if shape.get("connectionType", "INTERNET") != "INTERNET":
        made["connectionType"] = shape["connectionType"]
    if shape.get("timeoutInMillis", _LONGEST_MS) != _LONGEST_MS:
        made["timeoutInMillis"] = shape["timeoutInMillis"]
    if shape.get("cacheNamespace", resource) != resource:
        made["cacheNamespace"] = shape["cacheNamespace"]
    answers = shape.get("integrationResponses") or {}
    if answers:
        made["responses"] = {
            each.get("selectionPattern") or "default": {
                name: each[name]
                for name in ("statusCode", "responseParameters", "responseTemplates", "contentHandling")
                if each.get(name)
            }
            for _, each in sorted(answers.items())
        }
    return made
