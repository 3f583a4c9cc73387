"""Other services of AWS's as integrations: where one leads, and the request that it sends (facts/apigateway.md §2, §4).

Owns: `Place`, the URI of such an integration read; `made`, the request in its service's own protocol, which goes the
way of every request to that service (`Forward`). Pure. The same for REST and WebSocket APIs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from samovar.core import arn
from samovar.core.context import Context
from samovar.core.expressions import expression
from samovar.net.message import Request, Response

Forward = Callable[[Context, str, Request], Awaitable[Response]]
"""(as whom, the service as host names spell it, a request in its own protocol) -> its answer, refusals included."""

_LAMBDA = expression(
    r"path/2015-03-31/functions/(?P<arn>.+)/invocations|path/2021-11-15/functions/(?P<stream>.+)/response-streaming-invocations"
)
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


class Place(msgspec.Struct, frozen=True):
    """`arn:aws:apigateway:us-east-1:sqs:path/123456789012/queue`, read."""

    region: str
    service: str
    """The subdomain may stand before it: `x.s3`."""
    kind: str
    """`path` or `action`."""
    rest: str
    """What follows the kind."""
    function: str = ""
    """Of a Lambda URI: the function's ARN (with stage variables, as written)."""

    @property
    def host(self) -> str:
        """The service as host names spell it."""
        return self.service.rpartition(".")[2]


def place(uri: str) -> Place | None:
    """What an ARN of an integration says; None when it isn't one."""
    parsed = arn.parse(uri)
    if parsed is None or parsed.service != "apigateway":
        return None
    kind, _, rest = parsed.resource.partition("/")
    if kind not in ("path", "action") or not rest:
        return None
    function = ""
    if parsed.account == "lambda":
        found = _LAMBDA.fullmatch(parsed.resource)
        function = (found["arn"] or found["stream"]) if found else ""
    return Place(parsed.region, parsed.account, kind, rest, function)


def made(
    where: Place, rest: str, method: str, headers: dict[str, str], query: Sequence[tuple[str, str]], body: bytes
) -> Request:
    """`rest`: the place's own, filled in; `headers`: names in lower case."""
    headers, query, target, path = dict(headers), list(query), _TARGETS.get(where.host), "/"
    if where.kind == "action" and target is not None:
        headers.setdefault("x-amz-target", f"{target[0]}.{rest}")
        headers["content-type"] = f"application/x-amz-json-{target[1]}"
    elif where.kind == "action":
        query.append(("Action", rest))
    else:
        path = f"/{rest}"
    headers.setdefault("accept", "application/json")
    headers["host"] = f"{where.service}.{where.region}.amazonaws.com"
    return Request(method, path, urlencode(query), headers, body)
