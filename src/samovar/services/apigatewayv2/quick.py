"""Quick create: an API from a single target (facts/apigateway.md §9).

Owns: the integration, the route and the stage that `Target` of CreateApi asks for. All three are managed by API
Gateway, and say so.
"""

from samovar.core import arn
from samovar.core.context import Params
from samovar.services.apigatewayv2.deploying import Edit
from samovar.services.apigatewayv2.records import Integration, Route, Stage
from samovar.services.apigatewayv2.state import State, letters


def parts(state: State, params: Params) -> tuple[list[Edit], list[Stage]]:
    """What comes with the API: parts to write, and the stage to deploy."""
    now, target = state.clock.now(), params["Target"]
    parsed = arn.parse(target)
    function = parsed is not None and parsed.service in ("lambda", "apigateway")
    integration = Integration(
        integration_id=letters(7),
        integration_type="AWS_PROXY" if function else "HTTP_PROXY",
        integration_method="POST" if function else "ANY",
        integration_uri=target,
        payload_format_version="2.0" if function else "1.0",
        credentials_arn=params.get("CredentialsArn"),
        api_gateway_managed=True,
    )
    route = Route(
        route_id=letters(7),
        route_key=params.get("RouteKey") or "$default",
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
