"""A stage of a WebSocket API, ready for connections: its deployment's routes, compiled once.

Owns: `Served` and which of its routes a message takes (facts/apigateway.md §10).
"""

from collections.abc import Mapping

import msgspec

from samovar.core.bucket import Bucket
from samovar.services.apigatewayv2.records import Api, Deployment, Integration, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.services.apigatewayv2.throttling import bucket
from samovar.services.apigatewayv2.websocket.answer import Done
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.services.apigatewayv2.websocket.execution_log import ExecutionLog, execution_log
from samovar.services.apigatewayv2.websocket.gates import Gate, Gates
from samovar.services.apigatewayv2.websocket.journal import Journal, journal
from samovar.services.apigatewayv2.websocket.metering import StageMeter
from samovar.services.apigatewayv2.websocket.selection import DEFAULT, Expression, Lookup
from samovar.services.apigatewayv2.websocket.targets import Target, Targets
from samovar.services.apigatewayv2.websocket.validation import Validation, validation
from samovar.web.access_log import AccessLogs
from samovar.web.metering import Metering

CONNECT, DISCONNECT = "$connect", "$disconnect"


class Way(msgspec.Struct, frozen=True):
    """A route, ready to be taken."""

    route: Route
    target: Target
    bucket: Bucket | None
    """How fast it may be taken."""
    gate: Gate | None
    """Who may take it."""
    validation: Validation | None
    """What its messages must look like."""
    responds: bool
    """What the target answers goes to the client."""
    mocked: bool
    """There is no back end."""
    of_function: bool
    """The back end is a function."""

    def ask(self, happened: Occurrence, now: float, done: Done) -> None:
        """Take what happened to the target; `now` by the monotonic clock."""
        happened.asked = now
        self.target(happened, done)


class Served(msgspec.Struct, frozen=True):
    """A stage, and the records that it was made from."""

    api: Api
    stage: Stage
    deployment: Deployment
    select: Expression
    connect: Way | None
    disconnect: Way | None
    default: Way | None
    journal: Journal | None
    execution: ExecutionLog | None
    meter: StageMeter
    ways: Mapping[str, Way]
    """Those that a message may select."""

    def way(self, lookup: Lookup) -> Way | None:
        """The route of a message; None where no route is."""
        selected = self.select.select(lookup)
        return self.ways.get(selected, self.default) if selected is not None else self.default


def compiled(
    key: ApiKey,
    api: Api,
    stage: Stage,
    deployment: Deployment,
    targets: Targets,
    gates: Gates,
    logs: AccessLogs,
    metering: Metering,
) -> Served:
    snapshot = deployment.snapshot
    authorizers = {each.authorizer_id: each for each in snapshot.authorizers}
    integrations = {each.integration_id: each for each in snapshot.integrations}
    answering = {each.route_id for each in snapshot.route_responses}
    ways: dict[str, Way] = {}
    detailed = []
    for route in snapshot.routes:
        integration = integrations.get((route.target or "").removeprefix("integrations/"))
        theirs = [each for each in snapshot.integration_responses if each.integration_id == _id(integration)]
        target = targets.target(key, stage, route, integration, theirs)
        responds = bool(route.route_response_selection_expression) and route.route_id in answering
        gate = gates.gate(key, api, stage, route, authorizers)
        kind = integration.integration_type if integration is not None else ""
        held = validation(route, kind, snapshot.models)
        limit = bucket(stage, route.route_key)
        of_function = _of_function(integration)
        ways[route.route_key] = Way(route, target, limit, gate, held, responds, kind == "MOCK", of_function)
        settings = {**stage.default_route_settings, **stage.route_settings.get(route.route_key, {})}
        if settings.get("DetailedMetricsEnabled"):
            detailed.append(route.route_key)
    return Served(
        api,
        stage,
        deployment,
        Expression(api.route_selection_expression),
        ways.pop(CONNECT, None),
        ways.pop(DISCONNECT, None),
        ways.pop(DEFAULT, None),
        journal(logs, api, stage),
        execution_log(logs, key, stage),
        StageMeter(metering, key, stage.stage_name, detailed),
        ways,
    )


def _of_function(integration: Integration | None) -> bool:
    return integration is not None and ":lambda:path/" in (integration.integration_uri or "")


def _id(integration: Integration | None) -> str:
    return integration.integration_id if integration is not None else ""
