"""The door of WebSocket APIs: a handshake, its stage, `$connect`, and the connection that comes of it.

Owns: which stage a handshake is for, and who becomes a connection (facts/apigateway.md §10). Rules: a connection begins
when `$connect` has let it in, and not before: until then nothing can be sent to it. What `$connect` answers instead is
the answer to the handshake.
"""

from functools import partial
from urllib.parse import parse_qsl, unquote

from samovar.net.message import Response
from samovar.net.websocket import SocketLimits, refusal, switching
from samovar.services.apigatewayv2.records import Api, Stage
from samovar.services.apigatewayv2.state import ApiKey, State
from samovar.services.apigatewayv2.websocket import answer, event
from samovar.services.apigatewayv2.websocket.answer import THROTTLED, Answer, failed
from samovar.services.apigatewayv2.websocket.conversation import Conversation
from samovar.services.apigatewayv2.websocket.event import CONNECT, Handshake, Occurrence
from samovar.services.apigatewayv2.websocket.gates import Gates
from samovar.services.apigatewayv2.websocket.stage import Served, Way, compiled
from samovar.services.apigatewayv2.websocket.targets import Targets
from samovar.web.answer_v2 import sendable
from samovar.web.connections import Connection
from samovar.web.event_v2 import source_ip
from samovar.web.front import Visit, domain_name, forbidden
from samovar.web.trace import trace_of

_PROTOCOL = "sec-websocket-protocol"
LIMITS = SocketLimits()


class WebSocketSite:
    def __init__(self, state: State, targets: Targets, gates: Gates) -> None:
        self.connections = state.connections
        self._state = state
        self._targets = targets
        self._gates = gates
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
        self._connect(key, served, visit)

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
        served = self._served[place] = compiled(key, api, stage, deployment, self._targets, self._gates)
        return served

    # --- $connect

    def _connect(self, key: ApiKey, served: Served, visit: Visit) -> None:
        request, now = visit.request, self.now()
        ip, agent = source_ip(request), request.headers.get("user-agent", "")
        connection = Connection(key, served.stage.stage_name, ip, agent, now)
        handshake = Handshake(request.headers, dict(parse_qsl(request.query, keep_blank_values=True)))
        conversation = Conversation(self, connection, visit.domain or domain_name(key[2], key[1]), handshake)
        happened = conversation.occurrence(CONNECT, served)
        way = served.connect
        if way is None:
            self._admit(visit, conversation, Answer())
            return
        happened.route_key = way.route.route_key
        trace = trace_of(request.headers.get("x-amzn-trace-id", ""), now)
        happened.shaken = event.handshake(request, ip, trace)
        entered = partial(self._entered, way, visit, conversation, happened)
        if way.bucket is not None and not way.bucket.take(self.monotonic()):
            entered(failed(429, THROTTLED))
        elif way.gate is not None:
            way.gate(happened, visit, entered)
        else:
            entered(None)

    def _entered(
        self, way: Way, visit: Visit, conversation: Conversation, happened: Occurrence, refused: Answer | None
    ) -> None:
        """The caller may connect, as far as its authorizer is concerned; or not."""
        conversation.authorizer, conversation.caller = happened.authorizer, happened.caller
        connected = partial(self._connected, visit, conversation, happened)
        if refused is not None:
            connected(refused)
        else:
            way.target(happened, connected)

    def _connected(self, visit: Visit, conversation: Conversation, happened: Occurrence, answered: Answer) -> None:
        if answered.error:
            ids = conversation.connection.id, happened.request_id
            visit.reply(answer.refusal(answered.status, answered.error, *ids))
        elif not 200 <= answered.status < 300:
            visit.reply(Response(answered.status, [("x-amzn-RequestId", happened.request_id)], answered.body))
        else:
            self._admit(visit, conversation, answered)

    def _admit(self, visit: Visit, conversation: Conversation, answered: Answer) -> None:
        """From now on it is a connection, with the subprotocol that `$connect` has chosen."""
        protocol = answered.headers.get(_PROTOCOL)
        named = protocol and sendable("Sec-WebSocket-Protocol", protocol)
        headers = [("Sec-WebSocket-Protocol", protocol)] if protocol and named else []
        conversation.connection.last_active = self.now()
        visit.reply(switching(visit.request, conversation, headers, LIMITS))
