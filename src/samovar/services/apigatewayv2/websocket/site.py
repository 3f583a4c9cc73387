"""The door of WebSocket APIs: which stage a handshake is for, and that stage ready (facts/apigateway.md §3, §10).

Rule: a stage is compiled once for the records that it follows from, also for who is connected already.
"""

from urllib.parse import parse_qsl, unquote

from samovar.core.meter import Meter
from samovar.net.websocket import refusal
from samovar.services.apigatewayv2.records import Api, Stage
from samovar.services.apigatewayv2.state import ApiKey, State
from samovar.services.apigatewayv2.websocket.arrival import Arrival
from samovar.services.apigatewayv2.websocket.conversation import Conversation
from samovar.services.apigatewayv2.websocket.event import Handshake
from samovar.services.apigatewayv2.websocket.gates import Gates
from samovar.services.apigatewayv2.websocket.metering import METRICS
from samovar.services.apigatewayv2.websocket.stage import Served, compiled
from samovar.services.apigatewayv2.websocket.targets import Targets
from samovar.web.access_log import AccessLogs
from samovar.web.connections import Connection
from samovar.web.event_v2 import source_ip
from samovar.web.front import Visit, domain_name, forbidden
from samovar.web.metering import Metering


class WebSocketSite:
    def __init__(self, state: State, targets: Targets, gates: Gates, logs: AccessLogs, meter: Meter) -> None:
        self.connections = state.connections
        self._state = state
        self._targets = targets
        self._gates = gates
        self._logs = logs
        self._metering = Metering(meter, "AWS/ApiGateway", METRICS)
        self._served: dict[tuple[str, str], Served] = {}

    def now(self) -> float:
        return self._state.clock.now()

    def monotonic(self) -> float:
        return self._state.clock.monotonic()

    def serve(self, key: ApiKey, api: Api, visit: Visit) -> None:
        """Answer a handshake, now or when `$connect` has been asked."""
        stage = self._stage(key, visit)
        served = self._ready(key, api, stage) if stage is not None else None
        if served is None or (api.disable_execute_api_endpoint and visit.mapping is None):
            where = f"stage at {visit.path}" if served is None else "connections under this name"
            visit.reply(forbidden(visit.ctx.request_id, f"API {api.api_id} has no {where}."))
            return
        refused = refusal(visit.request)
        if refused is not None:
            visit.reply(refused)
            return
        Arrival(served, visit, self._conversation(key, served, visit)).begin()

    def admits(self, key: ApiKey, now: float) -> bool:
        return self._state.rate.admits(key[0], key[1], now)

    def served(self, connection: Connection) -> Served | None:
        api = self._state.apis.get(connection.key)
        stage = self._state.stages.get((*connection.key, connection.stage))
        return self._ready(connection.key, api, stage) if api is not None and stage is not None else None

    # --- which stage

    def _stage(self, key: ApiKey, visit: Visit) -> Stage | None:
        if visit.mapping is not None:
            name = visit.mapping.stage
        else:
            name = unquote(visit.path.strip("/"))
        return self._state.stages.get((*key, name))

    def _ready(self, key: ApiKey, api: Api, stage: Stage) -> Served | None:
        """The stage, compiled; None where nothing was deployed to it."""
        place = (api.api_id, stage.stage_name)
        served = self._served.get(place)
        if served is not None and served.stage is stage and served.api is api:
            return served
        deployment = self._state.deployments.get((*key, stage.deployment_id or ""))
        if deployment is None:
            return None
        served = self._served[place] = compiled(
            key, api, stage, deployment, self._targets, self._gates, self._logs, self._metering
        )
        return served

    # --- who comes

    def _conversation(self, key: ApiKey, served: Served, visit: Visit) -> Conversation:
        request = visit.request
        agent = request.headers.get("user-agent", "")
        connection = Connection(key, served.stage.stage_name, source_ip(request), agent, self.now())
        handshake = Handshake(request.headers, dict(parse_qsl(request.query, keep_blank_values=True)))
        return Conversation(self, connection, visit.domain or domain_name(key[2], key[1]), handshake)
