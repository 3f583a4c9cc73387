"""Where an integration leads: its URI read, and what is refused of it (facts/apigateway.md §2, §4). Pure."""

import re

import msgspec

from samovar.core import arn
from samovar.services.apigateway.state import Shape, bad

_LAMBDA = re.compile(
    r"path/2015-03-31/functions/(?P<arn>.+)/invocations|path/2021-11-15/functions/(?P<stream>.+)/response-streaming-invocations"
)
TYPES = ("HTTP", "AWS", "MOCK", "HTTP_PROXY", "AWS_PROXY")


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


def check(shape: Shape) -> None:
    """Refuse an integration whose URI doesn't fit its type."""
    kind, uri = shape["type"], shape.get("uri") or ""
    if kind not in TYPES:
        raise bad(f"Invalid integration type specified: {kind}")
    if kind == "MOCK":
        return
    if not shape.get("httpMethod"):
        raise bad("Enumeration value for HttpMethod must be non-empty")
    if kind.startswith("HTTP"):
        if not uri.startswith(("http://", "https://", "${stageVariables.")):
            raise bad("Invalid HTTP endpoint specified for URI")
        return
    parsed = arn.parse(uri)
    if parsed is None:
        raise bad("Invalid ARN specified in the request")
    found = place(uri)
    if found is None:
        raise bad("AWS ARN for integration must contain path or action")
    if kind == "AWS_PROXY" and found.service not in ("lambda", "firehose"):
        raise bad(
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations."
        )
