"""The state of Elastic Load Balancing: load balancers, listeners, rules, target groups and their targets.

Owns: the tables `elbv2.*`. Keys begin with account and region, then come ARNs from the outside in, so that what belongs
to something is a range: (account, region, load balancer, listener), (account, region, listener, rule).
"""

from typing import Any, TypeVar

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.services.elbv2.errors import missing
from samovar.services.elbv2.records import (
    Listener,
    LoadBalancer,
    Rule,
    Target,
    TargetGroup,
    listener_of,
    load_balancer_of,
    target_groups,
)
from samovar.store.sqlite import Store
from samovar.store.table import Key, Table

R = TypeVar("R", bound=msgspec.Struct)

SERVICE = "elasticloadbalancing"


class State:
    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    async def open(self) -> None:
        self.load_balancers = await Table.open(self.store, "elbv2.load_balancers", LoadBalancer)
        self.listeners = await Table.open(self.store, "elbv2.listeners", Listener)
        self.rules = await Table.open(self.store, "elbv2.rules", Rule)
        self.groups = await Table.open(self.store, "elbv2.target_groups", TargetGroup)
        self.targets = await Table.open(self.store, "elbv2.targets", Target)
        self.tables: list[Table[Any]] = [self.load_balancers, self.listeners, self.rules, self.groups, self.targets]

    async def clear(self) -> None:
        for table in self.tables:
            await table.clear()

    @property
    def changes(self) -> int:
        """Grows with whatever changes how requests are served."""
        return self.load_balancers.changes + self.listeners.changes + self.rules.changes + self.groups.changes

    def balancer(self, ctx: Context, arn: str) -> LoadBalancer:
        return _there(self.load_balancers, (ctx.account, ctx.region, arn), "Load balancers")

    def listener(self, ctx: Context, arn: str) -> Listener:
        return _there(self.listeners, (ctx.account, ctx.region, load_balancer_of(arn), arn), "Listeners")

    def rule(self, ctx: Context, arn: str) -> Rule:
        return _there(self.rules, (ctx.account, ctx.region, listener_of(arn), arn), "Rules")

    def group(self, ctx: Context, arn: str) -> TargetGroup:
        return _there(self.groups, (ctx.account, ctx.region, arn), "Target groups")

    def listeners_of(self, balancer: str) -> list[Listener]:
        return [each for _, each in self.listeners.items((*place(balancer), balancer))]

    def rules_of(self, listener: str) -> list[Rule]:
        """In the order in which they are tried."""
        found = [each for _, each in self.rules.items((*place(listener), listener))]
        return sorted(found, key=lambda rule: rule.priority)

    def targets_of(self, group: str) -> list[Target]:
        return [each for _, each in self.targets.items((*place(group), group))]

    def users(self, ctx: Context) -> dict[str, list[str]]:
        """Target group -> the load balancers that forward to it."""
        found: dict[str, dict[str, None]] = {}
        prefix = (ctx.account, ctx.region)
        for _, listener in self.listeners.items(prefix):
            for group in target_groups(listener.actions):
                found.setdefault(group, {})[listener.load_balancer] = None
        for _, rule in self.rules.items(prefix):
            for group in target_groups(rule.actions):
                found.setdefault(group, {})[load_balancer_of(rule.arn)] = None
        return {group: list(balancers) for group, balancers in found.items()}

    def used(self) -> set[str]:
        """The target groups that any load balancer forwards to."""
        found: set[str] = set()
        for _, listener in self.listeners.items():
            found.update(target_groups(listener.actions))
        for _, rule in self.rules.items():
            found.update(target_groups(rule.actions))
        return found


def place(arn: str) -> tuple[str, str]:
    """(account, region) of one of our ARNs."""
    parts = arn.split(":", 5)
    return (parts[4], parts[3]) if len(parts) == 6 else ("", "")


def balancer_key(balancer: LoadBalancer) -> Key:
    return (*place(balancer.arn), balancer.arn)


def listener_key(listener: Listener) -> Key:
    return (*place(listener.arn), listener.load_balancer, listener.arn)


def rule_key(rule: Rule) -> Key:
    return (*place(rule.arn), rule.listener, rule.arn)


def group_key(group: TargetGroup) -> Key:
    return (*place(group.arn), group.arn)


def target_key(group: str, target: Target) -> Key:
    return (*place(group), group, target.key)


def _there(table: Table[R], key: Key, kind: str) -> R:
    found = table.get(key)
    if found is None:
        raise missing(kind)
    return found
