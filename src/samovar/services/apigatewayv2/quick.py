"""Quick create: an API from a single target (facts/apigateway.md §9).

Owns: the integration, the route and the stage that `Target` of CreateApi asks for, and what UpdateApi changes in them.
All three are managed by API Gateway, and say so.
"""

import msgspec

from samovar.core import arn
from samovar.core.context import Params
from samovar.services.apigatewayv2 import route_key
from samovar.services.apigatewayv2.deploying import Edit
from samovar.services.apigatewayv2.errors import bad_request
from samovar.services.apigatewayv2.integrations import is_url
from samovar.services.apigatewayv2.records import Api, Integration, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey, State, letters

_MEMBERS = ("Target", "RouteKey", "CredentialsArn")


def parts(state: State, params: Params) -> tuple[list[Edit], list[Stage]]:
    """What comes with the API: parts to write, and the stage to deploy."""
    now = state.clock.now()
    integration = _leading(
        Integration(
            integration_id=letters(7),
            integration_type="",
            credentials_arn=params.get("CredentialsArn"),
            api_gateway_managed=True,
        ),
        params["Target"],
    )
    route = Route(
        route_id=letters(7),
        route_key=_key(params.get("RouteKey") or route_key.DEFAULT),
        target=f"integrations/{integration.integration_id}",
        api_gateway_managed=True,
    )
    stage = Stage(
        stage_name="$default", created_date=now, last_updated_date=now, auto_deploy=True, api_gateway_managed=True
    )
    edits: list[Edit] = [
        (state.integrations, integration.integration_id, integration),
        (state.routes, route.route_id, route),
    ]
    return edits, [stage]


def changes(state: State, key: ApiKey, api: Api, params: Params) -> list[Edit]:
    """What UpdateApi changes in the parts that came with the API."""
    wanted = {name: params[name] for name in _MEMBERS if params.get(name)}
    if not wanted:
        return []
    integration = next((each for _, each in state.integrations.items(key) if each.api_gateway_managed), None)
    route = next((each for _, each in state.routes.items(key) if each.api_gateway_managed), None)
    if api.protocol_type != "HTTP" or integration is None or route is None:
        raise bad_request(f"API {api.api_id} was not made by quick create: {', '.join(wanted)} can't be updated")
    if "Target" in wanted:
        integration = _leading(integration, wanted["Target"])
    if "CredentialsArn" in wanted:
        integration = msgspec.structs.replace(integration, credentials_arn=wanted["CredentialsArn"])
    if "RouteKey" in wanted:
        route = msgspec.structs.replace(route, route_key=_key(wanted["RouteKey"]))
    return [
        (state.integrations, integration.integration_id, integration),
        (state.routes, route.route_id, route),
    ]


def _leading(integration: Integration, target: str) -> Integration:
    """An integration with the function, or the server, that a target names."""
    parsed = arn.parse(target)
    is_function = parsed is not None and parsed.service in ("lambda", "apigateway")
    if not is_function and not is_url(target):
        raise bad_request(f"Invalid target specified: {target}. It must be the ARN of a function or an HTTP URL")
    return msgspec.structs.replace(
        integration,
        integration_type="AWS_PROXY" if is_function else "HTTP_PROXY",
        integration_method="POST" if is_function else "ANY",
        integration_uri=target,
        payload_format_version="2.0" if is_function else "1.0",
    )


def _key(text: str) -> str:
    route_key.check(text)
    return text
