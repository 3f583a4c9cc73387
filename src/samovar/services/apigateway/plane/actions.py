"""AWS integrations of other services: SQS, SNS, S3, EventBridge and whatever else is here (facts/apigateway.md §4).

Owns: the request that such an integration sends, as its service's own protocol has it. It goes the way of every request
to that service (`Forward`), under the role in `credentials`. Selection patterns are matched with the status.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from samovar.net.message import Request, Response
from samovar.services.apigateway.plane import execution_log
from samovar.services.apigateway.plane.exchange import Done, Exchange
from samovar.services.apigateway.plane.mapping import Outgoing, RequestMapping, ResponseMapping, Returned
from samovar.services.apigateway.plane.ports import Ports, filled
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.state import Shape
from samovar.web import service_requests
from samovar.web.service_requests import Place


class Action:
    traced = True
    of_function = streams = False

    def __init__(self, shape: Shape, declared: Mapping[str, Any], place: Place, ports: Ports) -> None:
        self._place = place
        self._ports = ports
        self._method: str = shape.get("httpMethod") or "POST"
        self._credentials: str = shape.get("credentials") or ""
        self._timeout_ms: int = shape["timeoutInMillis"]
        self._request = RequestMapping(shape, to_aws=True)
        self._response = ResponseMapping(shape, declared)

    def start(self, exchange: Exchange, done: Done) -> None:
        sent = self._request.apply(exchange)
        self._ports.tasks.start(exchange, self._run(exchange, sent), self._timeout_ms, done)

    async def _run(self, exchange: Exchange, sent: Outgoing) -> Response:
        principal = self._ports.principal(exchange, self._credentials)
        request = self._made(exchange, sent)
        ctx = exchange.acting(principal, exchange.source_arn)
        url = f"https://{request.headers['host']}{request.path}{'?' if request.query else ''}{request.query}"
        execution_log.sending(exchange, url, sent.body)
        answer = await self._ports.forward(ctx, self._place.host, request)
        body = answer.body
        if not isinstance(body, bytes):
            raise Refusal("INTEGRATION_FAILURE")
        exchange.backend_status = answer.status
        execution_log.received(exchange, answer.status, answer.headers)
        exchange.show("Endpoint response body before transformations", body)
        return self._response.answer(exchange, Returned(answer.status, answer.headers, body, str(answer.status)))

    def _made(self, exchange: Exchange, sent: Outgoing) -> Request:
        headers = {name.lower(): value for name, value in sent.headers}
        given = exchange.request.headers.get("content-type")
        if given:
            headers.setdefault("content-type", given)
        rest = filled(self._place.rest, exchange.variables)
        for name, value in sent.path.items():
            rest = rest.replace(f"{{{name}}}", quote(value, safe="/"))
        return service_requests.made(self._place, rest, self._method, headers, sent.query, sent.body)
