"""AWS integrations of functions: the mapped request is the event, the result is mapped (facts/apigateway.md §4)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from samovar.net.message import Response
from samovar.services.apigateway.plane import execution_log
from samovar.services.apigateway.plane.exchange import Done, Exchange
from samovar.services.apigateway.plane.mapping import RequestMapping, ResponseMapping, Returned
from samovar.services.apigateway.plane.ports import Ports, filled
from samovar.services.apigateway.plane.proxy import Once, check_size
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.state import Shape
from samovar.web.functions import Ran

_ASYNCHRONOUS = "x-amz-invocation-type"


class FunctionCall:
    traced = of_function = True
    streams = False

    def __init__(self, shape: Shape, declared: Mapping[str, Any], function: str, ports: Ports) -> None:
        self._function = function
        self._ports = ports
        self._method = shape.get("httpMethod")
        self._credentials: str = shape.get("credentials") or ""
        self._timeout_ms: int = shape["timeoutInMillis"]
        self._line = ports.deadlines.line(self._timeout_ms / 1000)
        self._request = RequestMapping(shape, to_aws=True)
        self._response = ResponseMapping(shape, declared)

    def start(self, exchange: Exchange, done: Done) -> None:
        if self._method != "POST":
            exchange.say("Execution failed due to configuration error: the method of a Lambda integration must be POST")
            raise Refusal("API_CONFIGURATION_ERROR")
        sent = self._request.apply(exchange)
        function = filled(self._function, exchange.variables)
        execution_log.invoking(exchange, function, sent.body)
        check_size(exchange, sent.body)
        ctx = exchange.acting(self._ports.principal(exchange, self._credentials), exchange.source_arn)
        if any(name.lower() == _ASYNCHRONOUS and value == "Event" for name, value in sent.headers):
            call = ctx.call(
                "lambda", "Invoke", {"FunctionName": function, "InvocationType": "Event", "Payload": sent.body or b"{}"}
            )
            self._ports.tasks.start(exchange, self._accepted(exchange, call), self._timeout_ms, done)
            return
        once = Once(self._line, done)
        self._ports.functions.run(ctx, function, sent.body or b"{}", lambda ran: once.tell(self._ran(exchange, ran)))

    async def _accepted(self, exchange: Exchange, call: Any) -> Response:
        await call
        return self._response.answer(exchange, Returned(202, [], b"", ""))

    def _ran(self, exchange: Exchange, ran: Ran) -> Response | Refusal:
        if ran.refused:
            exchange.say(f"Execution failed due to configuration error: {ran.message}")
            return Refusal("API_CONFIGURATION_ERROR")
        execution_log.received(exchange, 200)
        exchange.show("Endpoint response body before transformations", ran.payload)
        selection = _message(ran.payload) if ran.error else ""
        returned = Returned(200, [("Content-Type", "application/json")], ran.payload, selection)
        try:
            return self._response.answer(exchange, returned)
        except Refusal as refusal:
            return refusal


def _message(payload: bytes) -> str:
    """The errorMessage of a function that failed."""
    try:
        failed = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    message = failed.get("errorMessage") if isinstance(failed, dict) else None
    return message if isinstance(message, str) else ""
