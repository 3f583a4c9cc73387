"""Conditions of rules: what may be asked, and which requests meet it (ALB guide, "Condition types for listener rules").

Owns: their limits, and `compiled`, which makes one function of a rule's conditions. Pure.

Rules:
- All conditions of a rule must be met; of the values of one condition, any.
- A host is compared without its port, in any case; a path as it was sent, without its query; names and values of
  headers and queries in any case, the query as it was sent, not decoded; a method exactly.
- Who the source is says the connection, not a header.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from samovar.core.errors import AwsError
from samovar.net.message import Request
from samovar.services.elbv2 import wildcards
from samovar.services.elbv2.errors import invalid, not_here
from samovar.services.elbv2.records import Shape

Meets = Callable[[Request], bool]

MOST_VALUES = 5
"""Values of all conditions of a rule together."""
MOST_WILDCARDS = 5
_LONGEST = 128
_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "query-string": "QueryStringConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}
_ONCE = ("host-header", "path-pattern", "http-request-method", "source-ip")
_HOST = re.compile(r"[A-Za-z0-9.*?-]+")
_PATH = re.compile(r"[A-Za-z0-9_.$/~\"'@:+&*?\-;=%!,()\[\]]+")
_METHOD = re.compile(r"[A-Z_-]{1,40}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")


def checked(conditions: list[Shape]) -> list[Shape]:
    """As AWS shows them: those of hosts and paths have their values twice. AwsError says what can't be."""
    if not conditions:
        raise invalid("A condition must be specified")
    found = [_checked(condition) for condition in conditions]
    fields = [each["Field"] for each in found]
    for field in _ONCE:
        if fields.count(field) > 1:
            raise invalid(f"A rule can only have one '{field}' condition")
    values = [value for each in found for value in each[_CONFIGS[each["Field"]]]["Values"]]
    if len(values) > MOST_VALUES:
        raise AwsError("TooManyRulesException", "A rule can only have '5' condition values")
    texts = [f"{v.get('Key', '')}{v['Value']}" if isinstance(v, dict) else v for v in values]
    if sum(text.count("*") + text.count("?") for text in texts) > MOST_WILDCARDS:
        raise invalid("A rule can only have '5' condition wildcards")
    return found


def _checked(condition: Shape) -> Shape:
    field = condition.get("Field") or next((f for f, config in _CONFIGS.items() if config in condition), "")
    if field not in _CONFIGS:
        raise invalid(f"Condition field '{field}' must be one of '[{', '.join(_CONFIGS)}]'")
    config: Shape = dict(condition.get(_CONFIGS[field]) or {})
    plain = condition.get("Values") or []
    if config.get("RegexValues") or condition.get("RegexValues"):
        raise not_here("A condition with regular expressions")
    if plain and config.get("Values"):
        raise invalid("You cannot specify both 'Values' and a configuration for a condition")
    if plain and field not in ("host-header", "path-pattern"):
        raise invalid(f"'Values' can't be specified for the condition field '{field}'")
    values = plain or config.get("Values") or []
    if not values:
        raise invalid(f"A value must be specified for the condition field '{field}'")
    config["Values"] = [_CHECKS[field](value) for value in values]
    if field == "http-header" and not _HEADER.fullmatch(config.get("HttpHeaderName") or ""):
        raise invalid("The HTTP header name of a condition must be 1 to 40 characters of a header's name")
    shown: Shape = {"Field": field, _CONFIGS[field]: config}
    return shown | {"Values": list(config["Values"])} if field in ("host-header", "path-pattern") else shown


def _host(value: str) -> str:
    if not _HOST.fullmatch(_bounded(value)) or "." not in value:
        raise invalid(f"The host header condition value '{value}' is not valid")
    return value


def _path(value: str) -> str:
    if not _PATH.fullmatch(_bounded(value)):
        raise invalid(f"The path pattern condition value '{value}' is not valid")
    return value


def _method(value: str) -> str:
    if not _METHOD.fullmatch(value):
        raise invalid(f"The HTTP request method condition value '{value}' is not valid")
    return value


def _source(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise invalid(f"The source IP condition value '{value}' is not a valid CIDR block") from None
    if "/" not in value:
        raise invalid(f"The source IP condition value '{value}' is not a valid CIDR block")
    return value


def _bounded(value: str) -> str:
    if not 1 <= len(value) <= _LONGEST:
        raise invalid("Condition values must be 1 to 128 characters long")
    return value


def _pair(value: Shape) -> Shape:
    if not value.get("Value"):
        raise invalid("A query string condition needs a value")
    if value.get("Key"):
        _bounded(value["Key"])
    _bounded(value["Value"])
    return {name: value[name] for name in ("Key", "Value") if value.get(name)}


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "host-header": _host,
    "path-pattern": _path,
    "http-header": _bounded,
    "query-string": _pair,
    "http-request-method": _method,
    "source-ip": _source,
}

# --- matching


def compiled(conditions: list[Shape]) -> Meets:
    """Whether a request meets all of a rule's conditions, which were `checked`."""
    parts = [_MATCHERS[each["Field"]](each[_CONFIGS[each["Field"]]]) for each in conditions]
    if len(parts) == 1:
        return parts[0]
    return lambda request: all(meets(request) for meets in parts)


def host_of(request: Request) -> str:
    """Its host without the port; an IPv6 address keeps its brackets."""
    host = request.headers.get("host", "")
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def pairs(query: str) -> list[tuple[str, str]]:
    """Names and values as they were sent."""
    found = []
    for each in query.split("&"):
        if each:
            name, _, value = each.partition("=")
            found.append((name, value))
    return found


def _meets_host(config: Shape) -> Meets:
    matches = wildcards.any_of([wildcards.compiled(value, folds=True) for value in config["Values"]])
    return lambda request: matches(host_of(request))


def _meets_path(config: Shape) -> Meets:
    matches = wildcards.any_of([wildcards.compiled(value) for value in config["Values"]])
    return lambda request: matches(request.path)


def _meets_header(config: Shape) -> Meets:
    name = config["HttpHeaderName"].lower()
    matches = wildcards.any_of([wildcards.compiled(value, folds=True, escapes=True) for value in config["Values"]])

    def meets(request: Request) -> bool:
        if name not in request.headers:
            return False
        return any(matches(value) for sent, value in request.lines() if sent.lower() == name)

    return meets


def _meets_query(config: Shape) -> Meets:
    matchers = [
        (
            wildcards.compiled(value["Key"], folds=True, escapes=True) if value.get("Key") else None,
            wildcards.compiled(value["Value"], folds=True, escapes=True),
        )
        for value in config["Values"]
    ]

    def meets(request: Request) -> bool:
        sent = pairs(request.query)
        return any(
            (key is None or key(name)) and matches(value) for name, value in sent for key, matches in matchers
        )

    return meets


def _meets_method(config: Shape) -> Meets:
    methods = frozenset(config["Values"])
    return lambda request: request.method in methods


def _meets_source(config: Shape) -> Meets:
    networks = [ipaddress.ip_network(value) for value in config["Values"]]

    def meets(request: Request) -> bool:
        try:
            peer = ipaddress.ip_address(request.peer or "127.0.0.1")
        except ValueError:
            return False
        return any(peer in network for network in networks)

    return meets


_MATCHERS: dict[str, Callable[[Shape], Meets]] = {
    "host-header": _meets_host,
    "path-pattern": _meets_path,
    "http-header": _meets_header,
    "query-string": _meets_query,
    "http-request-method": _meets_method,
    "source-ip": _meets_source,
}
