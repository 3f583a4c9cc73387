"""Actions of rules: what may be asked, completed as AWS shows it (ALB guide, "Action types for listener rules").

Owns: their checks, and the address of a redirect. Pure. Refuses: authenticating (`authenticate-oidc`,
`authenticate-cognito`, `jwt-validation`), which this server doesn't do yet.
"""

import re
from typing import Any

from samovar.core.errors import AwsError
from samovar.services.elbv2.errors import bad_action, invalid, not_here
from samovar.services.elbv2.records import Shape

MOST_GROUPS = 5
_HEAVIEST = 999
_LONGEST_STICKINESS_S = 604_800
_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_AUTHENTICATING = ("authenticate-oidc", "authenticate-cognito", "jwt-validation")
_PART = re.compile(r"#\{(protocol|host|port|path|query)\}")


def checked(actions: list[Shape], protocol: str) -> list[Shape]:
    """As AWS shows them; AwsError says what can't be. `protocol` is the listener's."""
    if not actions:
        raise invalid("An action must be specified")
    for action in actions:
        if action["Type"] in _AUTHENTICATING:
            raise not_here(f"The action {action['Type']}")
    if len(actions) > 1:
        raise bad_action("Only one action of the types 'forward', 'redirect' and 'fixed-response' can be specified")
    action = actions[0]
    found: Shape = {"Type": action["Type"], "Order": action.get("Order") or 1}
    if action["Type"] == "forward":
        return [found | _forward(action)]
    if action["Type"] == "redirect":
        return [found | {"RedirectConfig": _redirect(action.get("RedirectConfig"), protocol)}]
    return [found | {"FixedResponseConfig": _fixed(action.get("FixedResponseConfig"))}]


def _forward(action: Shape) -> Shape:
    config: Shape = action.get("ForwardConfig") or {}
    alone = action.get("TargetGroupArn")
    groups = config.get("TargetGroups") or ([{"TargetGroupArn": alone}] if alone else [])
    if not groups:
        raise invalid("A target group ARN must be specified")
    if alone and [each.get("TargetGroupArn") for each in groups] != [alone]:
        raise invalid("You can only specify one of the following: 'TargetGroupArn' or 'ForwardConfig'")
    if len(groups) > MOST_GROUPS:
        text = "You have reached the maximum number of target groups per action"
        raise AwsError("TooManyTargetGroupsException", text)
    weighted = []
    for each in groups:
        weight = each.get("Weight", 1)
        if not each.get("TargetGroupArn"):
            raise invalid("A target group ARN must be specified")
        if not 0 <= weight <= _HEAVIEST:
            raise invalid("The weight of a target group must be between 0 and 999")
        weighted.append({"TargetGroupArn": each["TargetGroupArn"], "Weight": weight})
    if len({each["TargetGroupArn"] for each in weighted}) < len(weighted):
        raise invalid("A target group can only be specified once per action")
    found: Shape = {"ForwardConfig": {"TargetGroups": weighted, "TargetGroupStickinessConfig": _stickiness(config)}}
    return {"TargetGroupArn": weighted[0]["TargetGroupArn"], **found} if len(weighted) == 1 else found


def _stickiness(config: Shape) -> Shape:
    given: Shape = config.get("TargetGroupStickinessConfig") or {}
    if not given.get("Enabled"):
        return {"Enabled": False}
    duration = given.get("DurationSeconds")
    if duration is None or not 1 <= duration <= _LONGEST_STICKINESS_S:
        raise invalid("The duration of target group stickiness must be between 1 and 604800 seconds")
    return {"Enabled": True, "DurationSeconds": duration}


def _redirect(config: Shape | None, protocol: str) -> Shape:
    if not config:
        raise invalid("A redirect action needs a RedirectConfig")
    found = {
        "Protocol": config.get("Protocol", "#{protocol}"),
        "Port": config.get("Port", "#{port}"),
        "Host": config.get("Host", "#{host}"),
        "Path": config.get("Path", "/#{path}"),
        "Query": config.get("Query", "#{query}"),
        "StatusCode": config["StatusCode"],
    }
    port = found["Port"]
    if port != "#{port}" and not (port.isdecimal() and 1 <= int(port) <= 65_535):
        raise invalid("The port of a redirect must be '#{port}' or a value from 1 to 65535")
    if not found["Path"].startswith("/"):
        raise invalid("The path of a redirect must start with '/'")
    for name in ("Host", "Path", "Query"):
        if "#{" in _PART.sub("", found[name]):
            raise invalid(f"The redirect {name.lower()} '{found[name]}' is not valid")
    if protocol == "HTTPS" and found["Protocol"] == "HTTP":
        raise invalid("The redirect protocol 'HTTP' is not valid for an HTTPS listener")
    same = found["Protocol"] in ("#{protocol}", protocol)
    if same and [found[n] for n in ("Port", "Host", "Path", "Query")] == _UNCHANGED:
        raise bad_action("The redirect configuration is not valid because it creates a loop.")
    return found


_UNCHANGED = ["#{port}", "#{host}", "/#{path}", "#{query}"]


def _fixed(config: Shape | None) -> Shape:
    if not config:
        raise invalid("A fixed-response action needs a FixedResponseConfig")
    kind = config.get("ContentType")
    if kind is not None and kind not in _TYPES:
        raise invalid(f"The content type of a fixed response must be one of {', '.join(_TYPES)}")
    found: dict[str, Any] = {"StatusCode": config["StatusCode"]}
    return found | {name: config[name] for name in ("MessageBody", "ContentType") if config.get(name) is not None}


def location(config: Shape, parts: dict[str, str]) -> str:
    """Where a redirect leads; `parts` are the request's protocol, host, port, path (without its first slash), query."""

    def filled(name: str) -> str:
        return _PART.sub(lambda found: parts[found[1]], config[name])

    query = filled("Query")
    protocol = filled("Protocol").lower()
    address = f"{protocol}://{filled('Host')}:{filled('Port')}{filled('Path')}"
    return f"{address}?{query}" if query else address
