"""From a Definition to a Plan: everything that can be worked out before the first request.

Owns: which class runs which integration. A deployment is planned once, when it is first asked for.
"""

from collections.abc import Mapping

from samovar.services.apigateway import uris
from samovar.services.apigateway.plane.content import Media
from samovar.services.apigateway.plane.exchange import Done, Exchange, Integration, Method, Plan
from samovar.services.apigateway.plane.proxy import FunctionProxy
from samovar.services.apigateway.plane.refusals import Refusal, Responses
from samovar.services.apigateway.plane.routes import Routes
from samovar.services.apigateway.plane.validation import Check, Validation
from samovar.services.apigateway.state import Definition, Shape
from samovar.web.functions import Functions


class Planner:
    def __init__(self, functions: Functions) -> None:
        self._functions = functions

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
        )

    def method(self, definition: Definition, resource_id: str, path: str, shape: Shape) -> Method:
        integration = shape.get("methodIntegration") or {}
        return Method(
            resource_id=resource_id,
            resource=path,
            name=shape["httpMethod"],
            operation=shape.get("operationName") or "",
            authorization=shape["authorizationType"],
            authorizer=definition.authorizers.get(shape.get("authorizerId") or ""),
            scopes=tuple(shape.get("authorizationScopes") or ()),
            api_key_required=shape["apiKeyRequired"],
            validation=self._validation(definition, shape),
            integration=self._integration(integration),
            cache_keys=tuple(integration.get("cacheKeyParameters") or ()),
            cache_namespace=integration.get("cacheNamespace") or resource_id,
        )

    def _validation(self, definition: Definition, shape: Shape) -> Validation:
        validator = definition.validators.get(shape.get("requestValidatorId") or "", {})
        required: list[str] = []
        if validator.get("validateRequestParameters"):
            required = [name for name, needed in (shape.get("requestParameters") or {}).items() if needed]
        checks: dict[str, Check] | None = None
        return Validation(required, checks)

    def _integration(self, shape: Shape) -> Integration:
        place = uris.place(shape.get("uri") or "")
        if shape.get("type") == "AWS_PROXY" and place is not None and place.function:
            return FunctionProxy(shape, place.function, self._functions)
        return Missing()


class Missing:
    """An integration that leads nowhere."""

    traced = False

    def start(self, exchange: Exchange, done: Done) -> None:
        exchange.say("Execution failed due to configuration error: no such integration")
        raise Refusal("API_CONFIGURATION_ERROR")
