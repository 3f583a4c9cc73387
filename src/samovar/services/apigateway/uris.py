"""What is refused of an integration's URI (facts/apigateway.md §2, §4). Pure."""

from samovar.core import arn
from samovar.services.apigateway.state import Shape, bad
from samovar.web.service_requests import place

TYPES = ("HTTP", "AWS", "MOCK", "HTTP_PROXY", "AWS_PROXY")


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
