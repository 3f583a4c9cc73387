"""Scaling: reads and sets provisioned concurrency through Lambda's operations, and tells it as activities.

Rules:
- One thing at a time: whoever scales holds the lock. While an activity is InProgress no policy scales its target;
  bounds do, and the activity is Overridden.
- An activity is InProgress from Put until Lambda says READY or FAILED; that is looked at once a minute.
- Lambda's refusal is an activity that Failed, with Lambda's words. It is tried again when there is a reason again.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from samovar.core.context import Acting, Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.application_autoscaling import tracking
from samovar.services.application_autoscaling.state import (
    ACTIVITIES_S,
    MOST_ACTIVITIES,
    Activity,
    PartKey,
    Policy,
    State,
    Target,
    TargetKey,
    role_arn,
)

_IN_PROGRESS = "InProgress"


class Use(Protocol):
    """ProvisionedConcurrencyUtilization of a minute."""

    @property
    def average(self) -> float: ...
    @property
    def maximum(self) -> float: ...


Used = Callable[[str], Use | None]
"""By qualified ARN; None where nothing was invoked."""


class Scaler:
    def __init__(self, state: State, acting: Acting, used: Used) -> None:
        self._state = state
        self._acting = acting
        self._used = used
        self._lock = asyncio.Lock()
        self._uses: defaultdict[TargetKey, deque[Use | None]] = defaultdict(
            lambda: deque(maxlen=tracking.KEEP_MINUTES)
        )
        """By minute, the newest last."""
        self._full: set[TargetKey] = set()
        """Those of which it was told that they can't grow."""

    async def fit(self, key: TargetKey, cause: str) -> None:
        """Bring the capacity between the target's bounds. `cause`: what was done, told with the bound that matters."""
        async with self._lock:
            target = self._state.targets.get(key)
            if target is None:
                return
            current = await self._current(key)
            if current is None:
                return
            wanted = max(target.least, min(current, target.most))
            if wanted != current:
                bound = f"minimum capacity was set to {wanted}" if wanted > current else ""
                bound = bound or f"maximum capacity was set to {wanted}"
                await self._set(key, wanted, f"{cause}{bound}")

    async def fire(self, key: PartKey) -> None:
        """A scheduled action is due: once more does no harm."""
        action, target = self._state.actions.get(key), self._state.targets.get(key[:3])
        if action is None or target is None or target.suspended.scheduled:
            return
        least = target.least if action.least is None else action.least
        most = target.most if action.most is None else action.most
        # One of the two bounds alone moves the other along.
        changed = msgspec.structs.replace(
            target,
            least=min(least, most) if action.least is None else least,
            most=max(least, most) if action.most is None else most,
        )
        await self._state.targets.put(key[:3], changed)
        await self.fit(key[:3], f"scheduled action name {action.name} was triggered, ")

    async def minute(self) -> None:
        """A minute is over: look at every policy, and at what was begun."""
        async with self._lock:
            for key, target in self._state.targets.items():
                where = (key[0], key[1], key[2])
                await self._look_at(where)
                policies = [policy for _, policy in self._state.policies.items(where)]
                if policies:
                    self._uses[where].append(self._used(_arn(where)))
                    await self._track(where, target, policies)
            for gone in [key for key in self._uses if self._state.targets.get(key) is None]:
                del self._uses[gone]

    # --- target tracking --------------------------------------------------------------------------------------------

    async def _track(self, key: TargetKey, target: Target, policies: list[Policy]) -> None:
        if self._busy(key):
            return
        out = [policy for policy in policies if tracking.alarm_high(self._values(key, policy), policy.target)]
        if out:
            if not target.suspended.scale_out:
                await self._scale(key, target, out, grows=True)
            return
        self._full.discard(key)
        able = [policy for policy in policies if policy.scales_in]
        low = [policy for policy in able if tracking.alarm_low(self._values(key, policy), policy.target)]
        if low and len(low) == len(able) and not target.suspended.scale_in:
            await self._scale(key, target, low, grows=False)

    async def _scale(self, key: TargetKey, target: Target, policies: list[Policy], *, grows: bool) -> None:
        current = await self._current(key)
        if not current:
            return  # nothing is provisioned of which a part could be used
        wanted, policy = max(
            ((self._wanted(key, current, policy, grows), policy) for policy in policies), key=lambda found: found[0]
        )
        bounded = max(target.least, min(wanted, target.most))
        alarm = policy.alarms[0 if grows else 1]
        cause = f"monitor alarm {alarm} in state ALARM triggered policy {policy.name}"
        cooldown_s = policy.out_cooldown_s if grows else policy.in_cooldown_s
        if bounded == current:
            if grows and key not in self._full:
                self._full.add(key)
                await self._not_scaled(key, cause, current)
        elif (bounded > current) is grows and not self._cooling(key, cooldown_s):
            self._full.discard(key)
            await self._set(key, bounded, cause)
            self._uses[key].clear()  # what was measured before says nothing of what there is now

    def _wanted(self, key: TargetKey, current: int, policy: Policy, grows: bool) -> int:
        use = tracking.last(self._values(key, policy))
        return (tracking.scaled_out if grows else tracking.scaled_in)(current, use, policy.target)

    def _values(self, key: TargetKey, policy: Policy) -> list[float | None]:
        return [
            None if use is None else use.maximum if policy.maximum else use.average for use in self._uses[key]
        ]

    def _cooling(self, key: TargetKey, seconds: float) -> bool:
        ends = [each.ended_at or each.started_at for each in self._activities(key) if not each.not_scaled]
        return bool(ends) and self._state.clock.now() < max(ends) + seconds

    # --- Lambda -----------------------------------------------------------------------------------------------------

    async def _current(self, key: TargetKey) -> int | None:
        """What is asked for now, 0 for nothing; None when Lambda doesn't say."""
        config = await self._config(key)
        return config if config is None else int(config.get("RequestedProvisionedConcurrentExecutions", 0))

    async def _config(self, key: TargetKey) -> Params | None:
        ctx, params = self._request(key)
        try:
            return await ctx.call("lambda", "GetProvisionedConcurrencyConfig", params)
        except AwsError as error:
            return {} if error.code == "ProvisionedConcurrencyConfigNotFoundException" else None

    async def _set(self, key: TargetKey, wanted: int, cause: str) -> None:
        now = self._state.clock.now()
        activity = Activity(
            id=uuid4(),
            description=f"Setting desired concurrency to {wanted}.",
            cause=cause,
            started_at=now,
            ended_at=None,
            status=_IN_PROGRESS,
            message=f"Successfully set desired concurrency to {wanted}. Waiting for change to be fulfilled by lambda.",
            wanted=wanted,
        )
        ctx, params = self._request(key)
        operation = "DeleteProvisionedConcurrencyConfig"
        if wanted:
            operation = "PutProvisionedConcurrencyConfig"
            params["ProvisionedConcurrentExecutions"] = wanted
        try:
            await ctx.call("lambda", operation, params)
        except AwsError as error:
            activity = _failed(activity, now, error.message)
        for part, older in self._state.activities.items(key):
            if older.status == _IN_PROGRESS:
                overridden = msgspec.structs.replace(older, status="Overridden", ended_at=now)
                await self._state.activities.put(part, overridden)
        await self._keep(key, activity)
        await self._look_at(key)

    async def _look_at(self, key: TargetKey) -> None:
        """See what has become of an activity in progress."""
        for part, activity in self._state.activities.items(key):
            if activity.status != _IN_PROGRESS:
                continue
            now = self._state.clock.now()
            config = await self._config(key)
            status = (config or {}).get("Status", "READY" if config is not None and not activity.wanted else "FAILED")
            if status == "READY":
                message = (
                    f"Successfully set desired concurrency to {activity.wanted}. "
                    "Change successfully fulfilled by lambda."
                )
                done = msgspec.structs.replace(activity, status="Successful", ended_at=now, message=message)
            elif status == "FAILED":
                done = _failed(activity, now, (config or {}).get("StatusReason", "the function isn't there any more"))
            else:
                continue
            await self._state.activities.put(part, done)

    def _request(self, key: TargetKey) -> tuple[Context, Params]:
        account, region, resource = key
        _, name, qualifier = resource.split(":")
        return self._acting(account, region, role_arn(account)), {"FunctionName": name, "Qualifier": qualifier}

    # --- activities -------------------------------------------------------------------------------------------------

    def _activities(self, key: TargetKey) -> list[Activity]:
        return [activity for _, activity in self._state.activities.items(key)]

    def _busy(self, key: TargetKey) -> bool:
        return any(activity.status == _IN_PROGRESS for activity in self._activities(key))

    async def _not_scaled(self, key: TargetKey, cause: str, current: int) -> None:
        now = self._state.clock.now()
        activity = Activity(
            id=uuid4(),
            description="Attempting to scale due to alarm triggered",
            cause=cause,
            started_at=now,
            ended_at=now,
            status="Failed",
            message="",
            wanted=current,
            not_scaled="AlreadyAtMaxCapacity",
        )
        await self._keep(key, activity)

    async def _keep(self, key: TargetKey, activity: Activity) -> None:
        """Commit it; the oldest ones go."""
        table, now = self._state.activities, self._state.clock.now()
        older = [part for part, each in table.items(key) if each.started_at < now - ACTIVITIES_S]
        surplus = [part for part, _ in table.items(key)][: -MOST_ACTIVITIES + 1]
        number = 1 + max((int(part[3]) for part, _ in table.items(key)), default=0)
        part = (*key, f"{number:012}")
        gone = [table.deleting(each) for each in dict.fromkeys((*older, *surplus))]
        await self._state.store.transact(table.putting(part, activity), *gone)


def _failed(activity: Activity, now: float, reason: str) -> Activity:
    message = f"Failed to set desired concurrency to {activity.wanted}. Reason: {reason}"
    return msgspec.structs.replace(activity, status="Failed", ended_at=now, message=message)


def _arn(key: TargetKey) -> str:
    account, region, resource = key
    return f"arn:aws:lambda:{region}:{account}:{resource}"
