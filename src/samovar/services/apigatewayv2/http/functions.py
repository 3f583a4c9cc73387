"""Functions as targets: the event of either payload format, and what a result means (facts/apigateway.md §4, §9)."""

from collections.abc import Callable
from functools import partial

from samovar.core.context import Acting
from samovar.net.message import Response
from samovar.services.apigatewayv2.http import events
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.state import ApiKey
from samovar.web import answer_v1, answer_v2
from samovar.web.fields import SERVERS_OWN
from samovar.web.functions import EVENT_LIMIT, Functions, Ran
from samovar.web.hints import BUSY, FAILED, MALFORMED, NOT_RUN, hint


class FunctionTarget:
    def __init__(
        self,
        functions: Functions,
        acting: Acting,
        key: ApiKey,
        arn: str,
        principal: str,
        source: str,
        payload_format: str,
    ) -> None:
        """`principal`: API Gateway itself, or the role that it takes on; `source`: for which route it calls."""
        self._functions = functions
        self._acting = acting
        self._account, self._region, _ = key
        self._arn = arn
        self._principal = principal
        self._source = source
        first = payload_format == "1.0"
        self._event = events.version_1 if first else events.version_2
        self._read = read_v1 if first else answer_v2.answer

    def handle(self, exchange: Exchange) -> None:
        event = self._event(exchange)
        if len(event) > EVENT_LIMIT:
            exchange.refuse(413)
            return
        ctx = self._acting(self._account, self._region, self._principal, self._source, exchange.routed.trace)
        exchange.integration_request_id = ctx.request_id
        self._functions.run(ctx, self._arn, event, partial(_done, exchange, self._read))


def _done(exchange: Exchange, read: Callable[[bytes], Response], ran: Ran) -> None:
    if ran.error:
        exchange.integration_status = 0 if ran.refused else 200
        throttled = ran.refused and ran.error == "TooManyRequestsException"
        told = BUSY if throttled else NOT_RUN if ran.refused else FAILED
        exchange.refuse(503 if throttled else 500, why=ran.message or ran.error, headers=[hint(told)])
        return
    exchange.integration_status = 200
    try:
        response = read(ran.payload)
    except (answer_v1.Malformed, answer_v2.Malformed) as wrong:
        why = str(wrong) or "The function's answer has no form that HTTP knows"
        exchange.refuse(500, why=why, headers=[hint(MALFORMED)])
        return
    exchange.answer(response)


def read_v1(payload: bytes) -> Response:
    """The answer that a result of payload format 1.0 means; base64 is always decoded, unlike on REST APIs."""
    answered = answer_v1.read(payload)
    headers = [line for line in answered.headers if line[0].lower() not in SERVERS_OWN]
    return Response(answered.status, headers, answered.decoded())
