"""The event that a function gets from a load balancer (facts/apigateway.md §13, lambda-events.md §7).

Owns: its members and their order. Pure. Rules: names of headers are in lower case; nothing of the query is decoded; of
what comes several times, the last counts, unless the target group has multi-value headers.
"""

import base64
import re

import msgspec

from samovar.services.elbv2.conditions import pairs

Lines = list[tuple[str, str]]

_TEXT = re.compile(r"text/.*|application/(?:json|javascript|xml)")


def written(group: str, method: str, path: str, query: str, headers: Lines, body: bytes, multi_value: bool) -> bytes:
    """The event as JSON. `headers` are the client's, and those that say which way the request has come: never none."""
    event: dict[str, object] = {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": method,
        "path": path,
    }
    names, values = zip(*headers, strict=True)
    folded = list(zip(map(str.lower, names), values, strict=True))
    if multi_value:
        event["multiValueQueryStringParameters"] = _every(pairs(query))
        event["multiValueHeaders"] = _every(folded)
    else:
        event["queryStringParameters"] = dict(pairs(query))
        event["headers"] = dict(folded)
    event["body"], event["isBase64Encoded"] = _body(body, dict(folded))
    return msgspec.json.encode(event)


def _every(lines: Lines) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in lines:
        found.setdefault(name, []).append(value)
    return found


def _body(body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
    """(body, whether it is base64)."""
    if not body:
        return "", False
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "content-encoding" not in headers and _TEXT.fullmatch(media_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True
