"""Attributes of load balancers, listeners and target groups: their defaults and what they may be. Pure.

Source: the API's reference, LoadBalancerAttribute, ListenerAttribute and TargetGroupAttribute. Rule: what would change
how requests are served and can't be honoured is refused by name; the rest of those that have no meaning here
(zonal shift, WAF) keep their default.
"""

import re
from collections.abc import Callable, Mapping

from samovar.services.elbv2.errors import configuration, invalid
from samovar.services.elbv2.records import LoadBalancer, Settings, Shape, TargetGroup

Check = Callable[[str], bool]
Known = Mapping[str, tuple[str, Check]]
"""Key -> (default, what it may be)."""


def _one_of(*allowed: str) -> Check:
    return lambda value: value in allowed


def _between(low: int, high: int) -> Check:
    return lambda value: value.isascii() and value.isdecimal() and low <= int(value) <= high


_SWITCH = _one_of("true", "false")
_OFF = _one_of("false")
_TEXT: Check = lambda value: len(value) <= 1024  # noqa: E731 - a row of a table
_COOKIE: Check = lambda value: re.fullmatch(r"[A-Za-z0-9_.-]{0,256}", value) is not None  # noqa: E731

LOAD_BALANCER: Known = {
    "access_logs.s3.enabled": ("false", _OFF),
    "access_logs.s3.bucket": ("", _TEXT),
    "access_logs.s3.prefix": ("", _TEXT),
    "client_keep_alive.seconds": ("3600", _between(60, 604_800)),
    "connection_logs.s3.enabled": ("false", _OFF),
    "connection_logs.s3.bucket": ("", _TEXT),
    "connection_logs.s3.prefix": ("", _TEXT),
    "deletion_protection.enabled": ("false", _SWITCH),
    "health_check_logs.s3.enabled": ("false", _OFF),
    "health_check_logs.s3.bucket": ("", _TEXT),
    "health_check_logs.s3.prefix": ("", _TEXT),
    "idle_timeout.timeout_seconds": ("60", _between(1, 4000)),
    "load_balancing.cross_zone.enabled": ("true", _one_of("true")),
    "routing.http.desync_mitigation_mode": ("defensive", _one_of("defensive", "strictest", "monitor")),
    "routing.http.drop_invalid_header_fields.enabled": ("false", _SWITCH),
    "routing.http.preserve_host_header.enabled": ("false", _SWITCH),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": ("false", _SWITCH),
    "routing.http.xff_client_port.enabled": ("false", _OFF),
    "routing.http.xff_header_processing.mode": ("append", _one_of("append", "preserve", "remove")),
    "routing.http2.enabled": ("true", _SWITCH),
    "waf.fail_open.enabled": ("false", _SWITCH),
    "zonal_shift.config.enabled": ("false", _OFF),
}

_NETWORK: Known = {
    "access_logs.s3.enabled": ("false", _OFF),
    "access_logs.s3.bucket": ("", _TEXT),
    "access_logs.s3.prefix": ("", _TEXT),
    "deletion_protection.enabled": ("false", _SWITCH),
    "dns_record.client_routing_policy": ("any_availability_zone", _one_of("any_availability_zone")),
    "load_balancing.cross_zone.enabled": ("false", _SWITCH),
    "zonal_shift.config.enabled": ("false", _OFF),
}

LISTENER: Known = {"routing.http.response.server.enabled": ("true", _SWITCH)}

_GROUP: Known = {
    "deregistration_delay.timeout_seconds": ("300", _between(0, 3600)),
    "load_balancing.cross_zone.enabled": (
        "use_load_balancer_configuration",
        _one_of("true", "use_load_balancer_configuration"),
    ),
    "load_balancing.algorithm.type": ("round_robin", _one_of("round_robin", "least_outstanding_requests")),
    "slow_start.duration_seconds": ("0", lambda value: value == "0" or _between(30, 900)(value)),
    "stickiness.enabled": ("false", _SWITCH),
    "stickiness.type": ("lb_cookie", _one_of("lb_cookie", "app_cookie")),
    "stickiness.lb_cookie.duration_seconds": ("86400", _between(1, 604_800)),
    "stickiness.app_cookie.cookie_name": ("", _COOKIE),
    "stickiness.app_cookie.duration_seconds": ("86400", _between(1, 604_800)),
    "target_group_health.dns_failover.minimum_healthy_targets.count": ("1", _one_of("1", "off")),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": ("off", _one_of("off")),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": ("1", _between(1, 1000)),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": (
        "off",
        lambda value: value == "off" or _between(1, 100)(value),
    ),
}
_FLOW_GROUP: Known = {
    "deregistration_delay.connection_termination.enabled": ("false", _OFF),
    "preserve_client_ip.enabled": ("false", _OFF),
    "proxy_protocol_v2.enabled": ("false", _OFF),
    "stickiness.enabled": ("false", _OFF),
    "stickiness.type": ("source_ip", _one_of("source_ip")),
    **{
        key: each
        for key, each in _GROUP.items()
        if key.startswith(("deregistration_delay.", "load_balancing.cross_zone.", "target_group_health."))
    },
}
_FUNCTION_GROUP: Known = {"lambda.multi_value_headers.enabled": ("false", _SWITCH)}
_RESERVED = ("AWSALB", "AWSALBAPP", "AWSALBTG")
"""Names of cookies that an application's can't have."""


def of_balancer(balancer: LoadBalancer) -> Known:
    return _NETWORK if balancer.is_network else LOAD_BALANCER


def of_group(group: TargetGroup) -> Known:
    if group.target_type == "lambda":
        return _FUNCTION_GROUP
    return _FLOW_GROUP if group.protocol == "TCP" else _GROUP


def value(known: Known, changed: Settings, key: str) -> str:
    return changed.get(key, known[key][0])


def changed(known: Known, before: Settings, wanted: list[Shape]) -> Settings:
    """What is set after a request; AwsError for what can't be."""
    after = dict(before)
    for each in wanted:
        key, text = each.get("Key", ""), each.get("Value", "")
        if key not in known:
            raise invalid(f"Attribute key '{key}' is not recognized")
        if not known[key][1](text):
            raise configuration(f"Attribute '{key}' value '{text}' isn't valid, or isn't supported by this server")
        after[key] = text
    _together(known, after)
    return after


def _together(known: Known, after: Settings) -> None:
    if "stickiness.type" not in known:
        return
    name = after.get("stickiness.app_cookie.cookie_name", "")
    if name.startswith(_RESERVED):
        raise configuration(f"Cookie names that begin with {', '.join(_RESERVED)} are reserved")
    sticks = after.get("stickiness.enabled") == "true" and after.get("stickiness.type") == "app_cookie"
    if sticks and not name:
        raise configuration("Stickiness by the application's cookie needs its name: stickiness.app_cookie.cookie_name")
    slow = after.get("slow_start.duration_seconds", "0") != "0"
    if slow and after.get("load_balancing.algorithm.type") == "least_outstanding_requests":
        raise configuration("Slow start can't be used with least outstanding requests")


def shown(known: Known, changed: Settings) -> list[Shape]:
    return [{"Key": key, "Value": value(known, changed, key)} for key in known]
