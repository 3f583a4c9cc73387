"""What Elastic Load Balancing keeps, and how its ARNs are made (service authorization reference).

Owns: the records. Actions and conditions are kept in AWS's own shape, complete with what AWS fills in.
"""

from typing import Any

import msgspec

Settings = dict[str, str]
Shape = dict[str, Any]


class LoadBalancer(msgspec.Struct, frozen=True):
    arn: str
    name: str
    dns_name: str
    scheme: str
    ip_address_type: str
    subnets: list[str]
    security_groups: list[str]
    created_at: float
    attributes: Settings = {}
    """Those that were changed."""
    tags: Settings = {}

    @property
    def is_network(self) -> bool:
        return is_network(self.arn)


class HealthCheck(msgspec.Struct, frozen=True):
    enabled: bool
    protocol: str
    """Empty for functions."""
    port: str
    """`traffic-port` or a number."""
    path: str
    interval_s: int
    timeout_s: int
    healthy_count: int
    unhealthy_count: int
    matcher: str
    """`200`, `200-299`, `200,202`."""


class TargetGroup(msgspec.Struct, frozen=True):
    arn: str
    name: str
    target_type: str
    protocol: str
    """Empty for functions."""
    port: int
    vpc_id: str
    health: HealthCheck
    ip_address_type: str = ""
    attributes: Settings = {}
    tags: Settings = {}


class Listener(msgspec.Struct, frozen=True):
    arn: str
    load_balancer: str
    protocol: str
    port: int
    actions: list[Shape]
    certificates: list[str] = []
    """The first is the default."""
    ssl_policy: str = ""
    attributes: Settings = {}
    tags: Settings = {}


class Rule(msgspec.Struct, frozen=True):
    arn: str
    listener: str
    priority: int
    conditions: list[Shape]
    actions: list[Shape]
    tags: Settings = {}


class Target(msgspec.Struct, frozen=True):
    id: str
    """A function's ARN or an address."""
    port: int
    """0 for functions."""
    zone: str = ""
    draining_until: float = 0.0
    """Set when it was deregistered."""

    @property
    def key(self) -> str:
        return f"{self.id}:{self.port}" if self.port else self.id


def is_network(arn: str) -> bool:
    """Whether a load balancer or a listener of one passes connections on, instead of requests."""
    return "/net/" in arn


def load_balancer_of(arn: str) -> str:
    """Of a listener's ARN, or of a rule's."""
    if ":listener-rule/" in arn:
        arn = listener_of(arn)
    return arn.rpartition("/")[0].replace(":listener/", ":loadbalancer/")


def listener_of(rule: str) -> str:
    return rule.rpartition("/")[0].replace(":listener-rule/", ":listener/")


def target_groups(actions: list[Shape]) -> dict[str, int]:
    """The target groups that actions forward to, with their weights."""
    return {
        each["TargetGroupArn"]: each["Weight"]
        for action in actions
        if action["Type"] == "forward"
        for each in action["ForwardConfig"]["TargetGroups"]
    }
