"""A REST API read out of an OpenAPI document with AWS's extensions (facts/apigateway.md §11).

Owns: `read_rest`. What comes out is in the shapes that the operations of `apigateway` take, so that whoever imports
does what a client would do, one after the other. Rules: security counts where it stands at an operation; what isn't
understood is a warning, never silence.
"""

from typing import Any

import msgspec

from samovar.web.openapi.document import Document, Node, based, listed, mapping
from samovar.web.openapi.schemas import JSON, Models

X = "x-amazon-apigateway-"


class Authorizer(msgspec.Struct, frozen=True):
    name: str
    shape: Node | None
    """None: the scheme says that it is one, but not which."""


class Method(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    verb: str
    shape: Node
    """PutMethod's members; `authorizer` and `validator` are names."""
    authorizer: str | None = None
    validator: str | None = None
    responses: dict[str, Node] = {}
    """PutMethodResponse's, by status."""
    integration: Node | None = None
    """PutIntegration's."""
    answers: dict[str, Node] = {}
    """PutIntegrationResponse's, by status."""


class RestDocument(msgspec.Struct, frozen=True, kw_only=True):
    settings: Node
    """CreateRestApi's members."""
    authorizers: list[Authorizer]
    validators: dict[str, Node]
    models: dict[str, Node]
    gateway_responses: dict[str, Node]
    paths: list[str]
    methods: list[Method]
    documentation: list[Node]
    warnings: list[str]


def read_rest(document: Document, api: str, basepath: str = "ignore") -> RestDocument:
    """`api` is the id that models reference each other with."""
    reader = _Reader(document, Models(document, api), basepath)
    methods = list(reader.methods())
    return RestDocument(
        settings=_settings(document),
        authorizers=reader.authorizers,
        validators={
            name: _validator(name, given) for name, given in _extension(document, "request-validators").items()
        },
        models=reader.models.found,
        gateway_responses={
            kind: _gateway(kind, given) for kind, given in _extension(document, "gateway-responses").items()
        },
        paths=reader.paths,
        methods=methods,
        documentation=_documentation(document),
        warnings=list(dict.fromkeys(document.warnings)),
    )


def _extension(document: Document, name: str) -> Node:
    return mapping(document.root.get(X + name))


def _settings(document: Document) -> Node:
    root, info = document.root, document.info
    shape: Node = {"name": str(info.get("title") or "")}
    for member in ("description", "version"):
        if info.get(member) not in (None, ""):
            shape[member] = str(info[member])
    endpoint = mapping(root.get(X + "endpoint-configuration"))
    if not endpoint and document.is_v3:
        servers = listed(root.get("servers"))
        endpoint = mapping(mapping(servers[0]).get(X + "endpoint-configuration")) if servers else {}
    configuration = {name: listed(endpoint.get(name)) for name in ("types", "vpcEndpointIds") if endpoint.get(name)}
    if configuration:
        shape["endpointConfiguration"] = configuration
    if "disableExecuteApiEndpoint" in endpoint:
        shape["disableExecuteApiEndpoint"] = _boolean(endpoint["disableExecuteApiEndpoint"])
    for name, member in (
        ("binary-media-types", "binaryMediaTypes"),
        ("minimum-compression-size", "minimumCompressionSize"),
        ("api-key-source", "apiKeySource"),
        ("security-policy", "securityPolicy"),
        ("endpoint-access-mode", "endpointAccessMode"),
    ):
        if root.get(X + name) is not None:
            shape[member] = root[X + name]
    if root.get(X + "policy") is not None:
        shape["policy"] = msgspec.json.encode(root[X + "policy"]).decode()
    tags = {str(mapping(tag).get("name")): str(tag[X + "tag-value"]) for tag in _valued(root)}
    if tags:
        shape["tags"] = tags
    return shape


def _valued(root: Node) -> list[Node]:
    return [tag for tag in listed(root.get("tags")) if isinstance(tag, dict) and X + "tag-value" in tag]


def _boolean(value: Any) -> bool:
    return value is True or value == "true"


def _validator(name: str, given: Any) -> Node:
    given = mapping(given)
    return {
        "name": name,
        "validateRequestBody": _boolean(given.get("validateRequestBody")),
        "validateRequestParameters": _boolean(given.get("validateRequestParameters")),
    }


def _gateway(kind: str, given: Any) -> Node:
    given = mapping(given)
    shape: Node = {"responseType": kind}
    if given.get("statusCode") not in (None, "", 0):
        shape["statusCode"] = str(given["statusCode"])
    for member in ("responseParameters", "responseTemplates"):
        if isinstance(given.get(member), dict):
            shape[member] = _texts(given[member])
    return shape


def _texts(given: Node) -> Node:
    return {name: str(value) if value is not None else "" for name, value in given.items()}


def _documentation(document: Document) -> list[Node]:
    parts = listed(_extension(document, "documentation").get("documentationParts"))
    return [
        {"location": part["location"], "properties": msgspec.json.encode(part.get("properties") or {}).decode()}
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("location"), dict)
    ]


class _Reader:
    def __init__(self, document: Document, models: Models, basepath: str) -> None:
        self._document = document
        self.models = models
        self._base, self._mode = document.base_path(), basepath
        self.paths = [self._path(path) for path in mapping(document.root.get("paths"))]
        self._schemes = {name: document.followed(each) for name, each in document.part("securitySchemes").items()}
        self.authorizers = [
            Authorizer(name, _authorizer(name, scheme)) for name, scheme in self._schemes.items() if _authorizes(scheme)
        ]
        self._default_validator = document.root.get(X + "request-validator")

    def _path(self, path: str) -> str:
        return based(path, self._base, self._mode)

    def methods(self) -> list[Method]:
        return [self._method(*each) for each in self._document.operations()]

    def _method(self, path: str, verb: str, operation: Node, parameters: list[Any]) -> Method:
        where = f"paths.'{path}'({verb.lower()})."
        shape, authorizer = self._security(operation)
        if isinstance(operation.get("operationId"), str):
            shape["operationName"] = operation["operationId"]
        requested, models = self._request(operation, parameters, where)
        if requested:
            shape["requestParameters"] = requested
        if models:
            shape["requestModels"] = models
        validator = operation.get(X + "request-validator", self._default_validator)
        responses = self._responses(operation, where)
        given = operation.get(X + "integration")
        return Method(
            path=self._path(path),
            verb=verb,
            shape=shape,
            authorizer=authorizer,
            validator=validator if isinstance(validator, str) else None,
            responses=responses,
            integration=_integration(mapping(given)) if isinstance(given, dict) else None,
            answers=_answers(mapping(given)),
        )

    def _security(self, operation: Node) -> tuple[Node, str | None]:
        shape: Node = {"authorizationType": "NONE", "apiKeyRequired": False}
        authorizer = None
        for requirement in listed(operation.get("security")):
            for name, scopes in mapping(requirement).items():
                scheme = self._schemes.get(name)
                if scheme is None:
                    continue
                if scheme.get(X + "authtype") == "awsSigv4":
                    shape["authorizationType"] = "AWS_IAM"
                elif _authorizes(scheme):
                    kind = str(mapping(scheme.get(X + "authorizer")).get("type", "")).lower()
                    shape["authorizationType"] = "COGNITO_USER_POOLS" if kind == "cognito_user_pools" else "CUSTOM"
                    authorizer = name
                    if listed(scopes):
                        shape["authorizationScopes"] = [str(scope) for scope in scopes]
                elif scheme.get("type") == "apiKey" and str(scheme.get("name", "")).lower() == "x-api-key":
                    shape["apiKeyRequired"] = True
        forced = mapping(operation.get(X + "auth")).get("type")
        if isinstance(forced, str) and forced.upper() in ("AWS_IAM", "NONE"):
            shape["authorizationType"], authorizer = forced.upper(), None
        return shape, authorizer

    def _request(self, operation: Node, parameters: list[Any], where: str) -> tuple[Node, Node]:
        requested: Node = {}
        models: Node = {}
        for given in parameters:
            parameter = self._document.followed(given, f"{where}parameters.")
            place = {"header": "header", "query": "querystring", "path": "path"}.get(str(parameter.get("in")))
            if place and parameter.get("name"):
                requested[f"method.request.{place}.{parameter['name']}"] = _boolean(parameter.get("required"))
            elif parameter.get("in") == "body":
                model = self.models.of(parameter.get("schema"), f"{where}parameters.body.schema.")
                kinds = listed(operation.get("consumes")) or listed(self._document.root.get("consumes")) or [JSON]
                models |= {str(kind): model for kind in kinds if model}
        if operation.get("requestBody") is not None:
            body = self._document.followed(operation["requestBody"], f"{where}requestBody.")
            models |= self._content(body, f"{where}requestBody.")
        return requested, models

    def _content(self, node: Node, where: str) -> Node:
        found = {
            kind: self.models.of(mapping(media).get("schema"), f"{where}content.schema.")
            for kind, media in mapping(node.get("content")).items()
        }
        return {kind: model for kind, model in found.items() if model}

    def _responses(self, operation: Node, where: str) -> dict[str, Node]:
        made: dict[str, Node] = {}
        for status, given in mapping(operation.get("responses")).items():
            if status == "default":
                continue
            response = self._document.followed(given, f"{where}responses.{status}.")
            shape: Node = {"statusCode": str(status)}
            models: Node
            headers = {f"method.response.header.{name}": False for name in mapping(response.get("headers"))}
            if headers:
                shape["responseParameters"] = headers
            if self._document.is_v3:
                models = self._content(response, f"{where}responses.{status}.")
            else:
                model = self.models.of(response.get("schema"), f"{where}responses.{status}.schema.")
                kinds = listed(operation.get("produces")) or listed(self._document.root.get("produces")) or [JSON]
                models = {str(kind): model for kind in kinds} if model else {}
            if models:
                shape["responseModels"] = models
            made[str(status)] = shape
        return made


def _authorizes(scheme: Node) -> bool:
    return scheme.get(X + "authtype") != "awsSigv4" and (X + "authorizer" in scheme or X + "authtype" in scheme)


def _authorizer(name: str, scheme: Node) -> Node | None:
    given = scheme.get(X + "authorizer")
    if not isinstance(given, dict):
        return None
    kind = str(given.get("type") or "").upper()
    shape: Node = {"name": name, "type": kind}
    if isinstance(scheme.get(X + "authtype"), str):
        shape["authType"] = scheme[X + "authtype"]
    for member in (
        "authorizerUri", "authorizerCredentials", "identityValidationExpression", "identitySource", "providerARNs",
        "jwtConfiguration",
    ):  # fmt: skip
        if given.get(member) not in (None, ""):
            shape[member] = given[member]
    if given.get("authorizerResultTtlInSeconds") is not None:
        shape["authorizerResultTtlInSeconds"] = _integer(given["authorizerResultTtlInSeconds"])
    if "identitySource" not in shape and kind != "REQUEST" and scheme.get("in") == "header":
        shape["identitySource"] = f"method.request.header.{scheme.get('name')}"
    return shape


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() else value


def _integration(given: Node) -> Node:
    shape: Node = {"type": str(given.get("type") or "").upper()}
    if given.get("httpMethod"):
        shape["integrationHttpMethod"] = str(given["httpMethod"]).upper()
    for member in ("uri", "credentials", "cacheNamespace", "connectionId", "integrationTarget", "tlsConfig"):
        if given.get(member) not in (None, ""):
            shape[member] = given[member]
    for member in ("passthroughBehavior", "contentHandling", "connectionType", "responseTransferMode"):
        if isinstance(given.get(member), str):
            shape[member] = given[member].upper()
    for member in ("requestParameters", "requestTemplates"):
        if isinstance(given.get(member), dict):
            shape[member] = _texts(given[member])
    if given.get("timeoutInMillis") is not None:
        shape["timeoutInMillis"] = _integer(given["timeoutInMillis"])
    if isinstance(given.get("cacheKeyParameters"), list):
        shape["cacheKeyParameters"] = [str(each) for each in given["cacheKeyParameters"]]
    return shape


def _answers(given: Node) -> dict[str, Node]:
    made: dict[str, Node] = {}
    for pattern, each in mapping(given.get("responses")).items():
        each = mapping(each)
        status = str(each.get("statusCode") or "200")
        shape: Node = {"statusCode": status}
        if pattern != "default":
            shape["selectionPattern"] = pattern
        for member in ("responseParameters", "responseTemplates"):
            if isinstance(each.get(member), dict):
                shape[member] = _texts(each[member])
        if isinstance(each.get("contentHandling"), str):
            shape["contentHandling"] = each["contentHandling"].upper()
        made[status] = shape
    return made
