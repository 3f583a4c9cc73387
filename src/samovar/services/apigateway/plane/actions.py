"""AWS integrations of other services: SQS, SNS, S3, EventBridge and whatever else is here (facts/apigateway.md §4).

Owns: the request that such an integration sends, as its service's own protocol has it. It goes the way of every request
to that service (`Forward`), under the role in `credentials`. Selection patterns are matched with the status.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from samovar.net.message import Request, Response
from samovar.services.apigateway.plane.exchange import Done, Exchange
from samovar.services.apigateway.plane.mapping import Outgoing, RequestMapping, ResponseMapping, Returned
from samovar.services.apigateway.plane.ports import Ports
from samovar.services.apigateway.plane.proxy import filled
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.state import Shape
from samovar.services.apigateway.uris import Place
from samovar.web.functions import PRINCIPAL

_CALLER = "arn:aws:iam::*:user/*"
_TARGETS: Mapping[str, tuple[str, str]] = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "kinesis": ("Kinesis_20131202", "1.1"),
    "states": ("AWSStepFunctions", "1.0"),
    "events": ("AWSEvents", "1.1"),
    "logs": ("Logs_20140328", "1.1"),
    "ssm": ("AmazonSSM", "1.1"),
    "secretsmanager": ("secretsmanager", "1.1"),
    "cognito-idp": ("AWSCognitoIdentityProviderService", "1.1"),
}
"""Services of the JSON protocol: (prefix of X-Amz-Target, version)."""


class Action:
    traced = True

    def __init__(self, shape: Shape, declared: Mapping[str, Any], place: Place, ports: Ports) -> None:
        self._place = place
        self._forward = ports.forward
        self._tasks = ports.tasks
        self._method: str = shape.get("httpMethod") or "POST"
        self._credentials: str = shape.get("credentials") or ""
        self._timeout_ms: int = shape["timeoutInMillis"]
        self._request = RequestMapping(shape, to_aws=True)
        self._response = ResponseMapping(shape, declared)

    def start(self, exchange: Exchange, done: Done) -> None:
        sent = self._request.apply(exchange)
        exchange.say(f"Endpoint request body after transformations: {sent.body.decode(errors='replace')}")
        self._tasks.start(exchange, self._run(exchange, sent), self._timeout_ms, done)

    async def _run(self, exchange: Exchange, sent: Outgoing) -> Response:
        role = filled(self._credentials, exchange.variables)
        principal = exchange.ctx.principal if role == _CALLER else role or PRINCIPAL
        service = self._place.service.rpartition(".")[2]
        request = self._made(exchange, sent, service)
        answer = await self._forward(exchange.acting(principal, exchange.source_arn), service, request)
        body = answer.body
        if not isinstance(body, bytes):
            raise Refusal("INTEGRATION_FAILURE")
        exchange.say(f"Endpoint response body before transformations: {body.decode(errors='replace')}")
        return self._response.answer(exchange, Returned(answer.status, answer.headers, body, str(answer.status)))

    def _made(self, exchange: Exchange, sent: Outgoing, service: str) -> Request:
        headers = {name.lower(): value for name, value in sent.headers}
        given = exchange.request.headers.get("content-type")
        if given and "content-type" not in headers:
            headers["content-type"] = given
        query = list(sent.query)
        target = _TARGETS.get(service)
        rest = filled(self._place.rest, exchange.variables)
        for name, value in sent.path.items():
            rest = rest.replace(f"{{{name}}}", quote(value, safe="/"))
        path = "/"
        if self._place.kind == "action" and target is not None:
            headers.setdefault("x-amz-target", f"{target[0]}.{rest}")
            headers["content-type"] = f"application/x-amz-json-{target[1]}"
        elif self._place.kind == "action":
            query.append(("Action", rest))
        else:
            path = f"/{rest}"
        subdomain = self._place.service.removesuffix(service)
        headers["host"] = f"{subdomain}{service}.{self._place.region}.amazonaws.com"
        return Request(self._method, path, urlencode(query), headers, sent.body)
