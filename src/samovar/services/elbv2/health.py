"""Health checks: which targets may get requests (ALB guide, "Target group health checks").

Owns: what is known of each target since the server started; one task for each that is checked. The first check comes at
once. Intervals are the platform's time, timeouts real time.

Rules:
- Only targets of groups that a load balancer forwards to are checked, and functions only where that is enabled.
- A new target is healthy after one success. After that, it takes as many in a row as the thresholds say.
- Requests go to healthy targets; with fewer of them than the group demands (one, by default), to all: better a target
  that may fail than none.
- A deregistered target gets nothing new, and is gone when its delay is over.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from samovar.core.clock import Timer
from samovar.services.elbv2 import attributes
from samovar.services.elbv2.records import HealthCheck, Target, TargetGroup
from samovar.services.elbv2.state import State, place, target_key

PRINCIPAL = "elasticloadbalancing.amazonaws.com"
"""As which the resource policies of functions know load balancers."""
_CODES = re.compile(r"\d{3}(?:-\d{3})?(?:,\d{3}(?:-\d{3})?)*")
_LOWEST, _HIGHEST = 200, 499


class Condition(msgspec.Struct, frozen=True):
    """How a target is, in AWS's words."""

    state: str
    reason: str = ""
    description: str = ""


HEALTHY = Condition("healthy")
_INITIAL = Condition("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
_UNUSED = Condition(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)
_UNCHECKED = Condition("unavailable", "Target.HealthCheckDisabled", "Health checks are not enabled for this target")
_DRAINING = Condition("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")

Probe = Callable[[TargetGroup, Target], Awaitable[Condition | None]]
"""Asks a target once: None when it is well, else what it will be if that goes on."""

Watched = tuple[str, str]
"""(target group, target's key)."""


def codes(matcher: str) -> frozenset[int] | None:
    """The statuses that a matcher names: `200`, `200,202`, `200-299`; None when it isn't one."""
    if not _CODES.fullmatch(matcher):
        return None
    found: set[int] = set()
    for part in matcher.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found) if found and min(found) >= _LOWEST and max(found) <= _HIGHEST else None


class _Watch:
    def __init__(self, check: HealthCheck) -> None:
        self.check = check
        self.condition = _INITIAL
        self.in_a_row = 0
        """Results that speak against the condition."""
        self.healthy_since = 0.0
        self.task: asyncio.Task[None] | None = None

    def note(self, failure: Condition | None, now: float) -> bool:
        """Take in a result; whether the condition has changed."""
        if failure is None and self.condition is HEALTHY:
            self.in_a_row = 0
            return False
        if failure is not None and self.condition.state == "unhealthy":
            self.in_a_row, self.condition = 0, failure
            return False
        self.in_a_row += 1
        if failure is None:
            needed = 1 if self.condition is _INITIAL else self.check.healthy_count
        else:
            needed = self.check.unhealthy_count
        if self.condition is _INITIAL and failure is None:
            self.in_a_row = needed
        if self.in_a_row < needed:
            return False
        self.in_a_row = 0
        self.condition = failure or HEALTHY
        self.healthy_since = now
        return True


class Health:
    def __init__(self, state: State, probe: Probe) -> None:
        self._state = state
        self._clock = state.clock
        self._probe = probe
        self._watched: dict[Watched, _Watch] = {}
        self._drains: dict[Watched, Timer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._routable: dict[str, list[Target]] = {}

    def follow(self) -> None:
        """Check what is to be checked now, after targets, groups, listeners or rules have changed."""
        self._routable.clear()
        wanted = self._wanted()
        for key in self._watched.keys() - wanted.keys():
            self._forget(key)
        for key, check in wanted.items():
            watch = self._watched.get(key)
            if watch is not None and watch.check == check:
                continue
            after = _Watch(check)
            if watch is not None:
                after.condition, after.healthy_since = watch.condition, watch.healthy_since
                self._forget(key)
            self._watched[key] = after
            after.task = self._spawn(self._watch(key, after))
        self._follow_drains()

    def of(self, group: TargetGroup, target: Target, used: bool) -> Condition:
        if target.draining_until:
            return _DRAINING
        if not used:
            return _UNUSED
        if not group.health.enabled:
            return _UNCHECKED
        watch = self._watched.get((group.arn, target.key))
        return watch.condition if watch else _INITIAL

    def routable(self, group: TargetGroup) -> list[Target]:
        """The targets that may get a request."""
        found = self._routable.get(group.arn)
        if found is None:
            there = [each for each in self._state.targets_of(group.arn) if not each.draining_until]
            well = there
            if group.health.enabled:
                well = [each for each in there if self._is_healthy(group, each)]
            found = self._routable[group.arn] = well if len(well) >= _least(group, len(there)) else there
        return found

    def healthy_for(self, group: TargetGroup, target: Target) -> float:
        """Seconds since it became healthy; 0 where it isn't."""
        watch = self._watched.get((group.arn, target.key))
        well = watch is not None and watch.condition is HEALTHY
        return self._clock.now() - watch.healthy_since if watch is not None and well else 0.0

    def drained_at(self, group: TargetGroup) -> float | None:
        """When a target that is deregistered now is to be gone; None: at once."""
        if group.target_type == "lambda":
            return None
        known = attributes.of_group(group)
        delay = int(attributes.value(known, group.attributes, "deregistration_delay.timeout_seconds"))
        return self._clock.now() + delay if delay else None

    async def close(self) -> None:
        for timer in self._drains.values():
            timer.cancel()
        self._drains.clear()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._watched.clear()

    # --- pieces

    def _wanted(self) -> dict[Watched, HealthCheck]:
        found: dict[Watched, HealthCheck] = {}
        for arn in self._state.used():
            group = self._state.groups.get((*place(arn), arn))
            if group is not None and group.health.enabled:
                for target in self._state.targets_of(arn):
                    if not target.draining_until:
                        found[arn, target.key] = group.health
        return found

    async def _watch(self, key: Watched, watch: _Watch) -> None:
        arn, target_name = key
        while True:
            group = self._state.groups.get((*place(arn), arn))
            target = self._state.targets.get((*place(arn), arn, target_name))
            if group is None or target is None:
                return
            failure = await self._probe(group, target)
            if watch.note(failure, self._clock.now()):
                self._routable.pop(arn, None)
            await self._clock.sleep_until(self._clock.now() + watch.check.interval_s)

    def _is_healthy(self, group: TargetGroup, target: Target) -> bool:
        watch = self._watched.get((group.arn, target.key))
        return watch is not None and watch.condition is HEALTHY

    def _forget(self, key: Watched) -> None:
        watch = self._watched.pop(key)
        if watch.task is not None:
            watch.task.cancel()

    def _follow_drains(self) -> None:
        wanted = {(key[2], key[3]): target for key, target in self._state.targets.items() if target.draining_until}
        for key in self._drains.keys() - wanted.keys():
            self._drains.pop(key).cancel()
        for key, target in wanted.items():
            if key not in self._drains:
                self._drains[key] = self._clock.at(target.draining_until, partial(self._drained, key))

    def _drained(self, key: Watched) -> None:
        arn, name = key
        self._drains.pop(key, None)
        target = self._state.targets.get((*place(arn), arn, name))
        if target is not None and target.draining_until and target.draining_until <= self._clock.now():
            self._spawn(self._remove(arn, target))

    async def _remove(self, group: str, target: Target) -> None:
        await self._state.targets.delete(target_key(group, target))
        self._routable.pop(group, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _least(group: TargetGroup, there: int) -> int:
    """How many healthy targets a group needs for requests to go to these alone."""
    if group.target_type == "lambda":
        return 1
    known = attributes.of_group(group)
    prefix = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
    count = int(attributes.value(known, group.attributes, f"{prefix}.count"))
    share = attributes.value(known, group.attributes, f"{prefix}.percentage")
    by_share = 0 if share == "off" else -(-there * int(share) // 100)
    return max(count, by_share)
