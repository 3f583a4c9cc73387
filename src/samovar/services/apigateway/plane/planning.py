"""From a Definition to a Plan: everything that can be worked out before the first request.

Owns: which class runs which integration. A deployment is planned once, when it is first asked for.
"""

from collections.abc import Mapping

from samovar.policy import grammar
from samovar.policy.grammar import Kind
from samovar.policy.rules import Rules
from samovar.services.apigateway.plane.actions import Action
from samovar.services.apigateway.plane.authorizers import FunctionAuthorizer
from samovar.services.apigateway.plane.content import Media
from samovar.services.apigateway.plane.exchange import Authorizer, Done, Exchange, Integration, Method, Plan
from samovar.services.apigateway.plane.http import Http, HttpProxy
from samovar.services.apigateway.plane.lambda_ import FunctionCall
from samovar.services.apigateway.plane.mock import Mock
from samovar.services.apigateway.plane.pools import PoolAuthorizer
from samovar.services.apigateway.plane.ports import Ports
from samovar.services.apigateway.plane.proxy import FunctionProxy
from samovar.services.apigateway.plane.refusals import Refusal, Responses
from samovar.services.apigateway.plane.routes import Routes
from samovar.services.apigateway.plane.validation import Check, Validation
from samovar.services.apigateway.state import Definition, Shape
from samovar.web import models, service_requests


class Planner:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def plan(self, definition: Definition) -> Plan:
        routes: Routes[Mapping[str, Method]] = Routes()
        for resource in definition.resources.values():
            if resource.methods:
                path = definition.path(resource)
                made = {
                    name: self.method(definition, resource.id, path, shape) for name, shape in resource.methods.items()
                }
                routes.add(path, made)
        return Plan(
            definition.settings,
            routes,
            Responses(definition.responses),
            Media(definition.settings.get("binaryMediaTypes") or ()),
            _policy(definition.settings.get("policy") or ""),
        )

    def method(self, definition: Definition, resource_id: str, path: str, shape: Shape) -> Method:
        integration = shape.get("methodIntegration") or {}
        return Method(
            resource_id=resource_id,
            resource=path,
            name=shape["httpMethod"],
            operation=shape.get("operationName") or "",
            authorization=shape["authorizationType"],
            authorizer=self._authorizer(definition, shape),
            scopes=tuple(shape.get("authorizationScopes") or ()),
            api_key_required=shape["apiKeyRequired"],
            validation=self._validation(definition, shape),
            integration=self._integration(integration, shape.get("methodResponses") or {}),
            cache_keys=tuple(integration.get("cacheKeyParameters") or ()),
            cache_namespace=integration.get("cacheNamespace") or resource_id,
        )

    def _authorizer(self, definition: Definition, shape: Shape) -> Authorizer | None:
        found = definition.authorizers.get(shape.get("authorizerId") or "")
        if found is None:
            return None
        if found["type"] == "COGNITO_USER_POOLS":
            scopes = tuple(shape.get("authorizationScopes") or ())
            return PoolAuthorizer(found, scopes, self._ports.keyring, self._ports.clock)
        return FunctionAuthorizer(found, self._ports)

    def _validation(self, definition: Definition, shape: Shape) -> Validation:
        validator = definition.validators.get(shape.get("requestValidatorId") or "", {})
        required: list[str] = []
        if validator.get("validateRequestParameters"):
            required = [name for name, needed in (shape.get("requestParameters") or {}).items() if needed]
        if not validator.get("validateRequestBody"):
            return Validation(required)
        named = shape.get("requestModels") or {"$default": "Empty"}
        return Validation(required, {type.lower(): _check(definition, name) for type, name in named.items()})

    def _integration(self, shape: Shape, declared: Mapping[str, Shape]) -> Integration:
        """`declared`: the method's responses."""
        kind, ports = shape.get("type"), self._ports
        place = service_requests.place(shape.get("uri") or "")
        if kind == "MOCK":
            return Mock(shape, declared)
        if place is not None and place.function:
            if kind == "AWS_PROXY":
                return FunctionProxy(shape, place.function, ports)
            return FunctionCall(shape, declared, place.function, ports)
        if kind == "AWS" and place is not None:
            return Action(shape, declared, place, ports)
        if kind == "HTTP":
            return Http(shape, declared, ports)
        if kind == "HTTP_PROXY":
            return HttpProxy(shape, ports)
        return Missing()


def _check(definition: Definition, name: str) -> Check:
    """Of bodies against a model; one that can't be read fails when it is needed."""
    schemas = {each: shape.get("schema") or "{}" for each, shape in definition.models.items()}
    try:
        return models.compile(schemas.get(name, "{}"), schemas).errors
    except models.ModelError:

        def fails(body: bytes) -> str | None:
            raise Refusal("API_CONFIGURATION_ERROR")

        return fails


def _policy(text: str) -> Rules | None:
    """A resource policy that can't be read admits nobody."""
    if not text:
        return None
    try:
        return Rules([("resource policy", grammar.parse(text, Kind.RESOURCE))])
    except grammar.Malformed:
        return Rules([])


class Missing:
    """An integration that leads nowhere."""

    traced = of_function = streams = False

    def start(self, exchange: Exchange, done: Done) -> None:
        exchange.say("Execution failed due to configuration error: no such integration")
        raise Refusal("API_CONFIGURATION_ERROR")
