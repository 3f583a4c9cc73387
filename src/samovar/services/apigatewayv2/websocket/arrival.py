"""A client that asks to be let in: `$connect`, and what becomes of the handshake (facts/apigateway.md §10).

Owns: the order of what a handshake passes: its limit, its authorizer, the integration. Rules: a connection begins when
`$connect` has let it in, and not before: until then nothing can be sent to it. What `$connect` answers instead is the
answer to the handshake.
"""

from samovar.net.message import Response
from samovar.net.websocket import SocketLimits, switching
from samovar.services.apigatewayv2.websocket import answer, event
from samovar.services.apigatewayv2.websocket.answer import THROTTLED, Answer, failed
from samovar.services.apigatewayv2.websocket.conversation import Conversation
from samovar.services.apigatewayv2.websocket.event import CONNECT
from samovar.services.apigatewayv2.websocket.stage import CONNECT as ROUTE
from samovar.services.apigatewayv2.websocket.stage import Served
from samovar.web.fields import sendable
from samovar.web.front import Visit
from samovar.web.trace import trace_of

_PROTOCOL = "Sec-WebSocket-Protocol"
LIMITS = SocketLimits()


class Arrival:
    def __init__(self, served: Served, visit: Visit, conversation: Conversation) -> None:
        self._served = served
        self._visit = visit
        self._conversation = conversation
        self._happened = conversation.occurrence(CONNECT, served)
        self._happened.route_key = ROUTE

    def begin(self) -> None:
        """Answer the handshake, now or when whoever is asked has answered."""
        way, happened, request = self._served.connect, self._happened, self._visit.request
        if not self._conversation.hall.admits(happened.connection.key, happened.started):
            self._connected(failed(429, THROTTLED))
            return
        if way is None:
            self._connected(Answer())
            return
        trace = trace_of(request.headers.get("x-amzn-trace-id", ""), happened.now)
        happened.shaken = event.handshake(request, happened.connection.source_ip, trace)
        if way.bucket is not None and not way.bucket.take(happened.started):
            self._entered(failed(429, THROTTLED))
        elif way.gate is not None:
            way.gate(happened, self._visit, self._entered)
        else:
            self._entered(None)

    def _entered(self, refused: Answer | None) -> None:
        """The caller may connect, as far as its authorizer is concerned; or not."""
        happened, way = self._happened, self._served.connect
        self._conversation.authorizer, self._conversation.caller = happened.authorizer, happened.caller
        if refused is not None or way is None:
            self._connected(refused or Answer())
        else:
            self._conversation.ask(way, happened, self._connected)

    def _connected(self, answered: Answer) -> None:
        happened, reply = self._happened, self._visit.reply
        self._conversation.over(self._served, self._served.connect, happened, answered)
        if answered.error:
            ids = happened.connection.id, happened.request_id
            reply(answer.refusal(answered.status, answered.error, *ids))
        elif not 200 <= answered.status < 300:
            reply(Response(answered.status, [("x-amzn-RequestId", happened.request_id)], answered.body))
        else:
            happened.connection.last_active = happened.now
            reply(switching(self._visit.request, self._conversation, _chosen(answered), LIMITS))


def _chosen(answered: Answer) -> list[tuple[str, str]]:
    """The subprotocol that `$connect` has chosen."""
    protocol = answered.headers.get(_PROTOCOL.lower())
    return [(_PROTOCOL, protocol)] if protocol and sendable(_PROTOCOL, protocol) else []
