"""What happens when a schedule's time has come.

Owns: the tables, arming, and what is sent. Refuses: when (`delivery/ticker`), and how hard to try (`delivery/outbox`).
Rules: the tick, what it sends and the end of a schedule that deletes itself are one transaction. In a flexible window
the call happens at a moment of it that chance chooses.
"""

import json
import math
import random
import time
from typing import Any

from samovar.core import arn
from samovar.core.clock import Clock
from samovar.core.ids import uuid4
from samovar.delivery.outbox import AGE_S, RETRIES, Outbox, Shipment
from samovar.delivery.queue import Step
from samovar.delivery.targets import ATTEMPT_MARK, Parcel
from samovar.delivery.ticker import Ticker
from samovar.services.scheduler.state import DEFAULT_GROUP, Group, Schedule, no_group
from samovar.store.sqlite import Change, Store
from samovar.store.table import Table


class Scheduler:
    """Made by `Scheduler.open`."""

    def __init__(self, store: Store, clock: Clock, outbox: Outbox) -> None:
        self.store = store
        self.clock = clock
        self._outbox = outbox
        self.groups: Table[Group]
        self.schedules: Table[Schedule]
        self.ticker: Ticker

    @classmethod
    async def open(cls, store: Store, clock: Clock, outbox: Outbox) -> "Scheduler":
        made = cls(store, clock, outbox)
        made.groups = await Table.open(store, "scheduler.groups", Group)
        made.schedules = await Table.open(store, "scheduler.schedules", Schedule)
        made.ticker = await Ticker.open(store, clock, "scheduler", made._fire)
        for _, schedule in made.schedules.items():
            made._arm(schedule)
        return made

    def group(self, account: str, region: str, name: str | None) -> Group:
        """The default one is always there."""
        named = name or DEFAULT_GROUP
        found = self.groups.get((account, region, named))
        if found is None and named == DEFAULT_GROUP:
            return Group(account=account, region=region, name=DEFAULT_GROUP)
        if found is None:
            raise no_group(named)
        return found

    async def keep(self, schedule: Schedule) -> None:
        """It begins anew with each change; what it has fired for is past."""
        forgetting = self.ticker.forgetting("/".join(schedule.key))
        await self.store.transact(self.schedules.putting(schedule.key, schedule), forgetting)
        self._arm(schedule)

    async def remove(self, *schedules: Schedule, also: tuple[Change, ...] = ()) -> None:
        steps: list[Step] = list(also)
        for schedule in schedules:
            steps += self._removing(schedule)
        await self.store.transact(*steps)

    async def clear(self) -> None:
        everything = [schedule for _, schedule in self.schedules.items()]
        await self.remove(*everything, also=tuple(self.groups.deleting(key) for key, _ in self.groups.items()))

    def _removing(self, schedule: Schedule) -> list[Step]:
        return [self.schedules.deleting(schedule.key), self.ticker.forgetting("/".join(schedule.key))]

    def _arm(self, schedule: Schedule) -> None:
        name = "/".join(schedule.key)
        if schedule.state == "ENABLED":
            self.ticker.watch(name, schedule.when, schedule.since, schedule.until)
        else:
            self.ticker.unwatch(name)

    async def _fire(self, name: str, moment: float) -> list[Step] | None:
        account, region, group, schedule_name = name.split("/", 3)
        schedule = self.schedules.get((account, region, group, schedule_name))
        if schedule is None or schedule.state != "ENABLED":
            return None
        due = moment + random.random() * schedule.window_minutes * 60 if schedule.window_minutes else None
        steps: list[Step] = [await self._outbox.putting(_shipment(schedule, moment, self.clock.now()), due)]
        following = schedule.when.next_after(moment, schedule.since)
        if schedule.after_completion == "DELETE" and (following or math.inf) > min(schedule.until, 1e11):
            steps.append(self.schedules.deleting(schedule.key))
        return steps


def _shipment(schedule: Schedule, moment: float, now: float) -> Shipment:
    target, execution = schedule.target, uuid4()
    scheduled = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    parcel = Parcel(
        target=target["Arn"],
        payload=_input(schedule, scheduled, execution),
        principal=_session(target["RoleArn"], schedule.name),
        source="scheduler",
        origin=schedule.arn,
        account=schedule.account,
        region=schedule.region,
        event_id=execution,
        options=_options(target),
    )
    policy = target.get("RetryPolicy", {})
    return Shipment(
        parcel,
        now,
        retries=policy.get("MaximumRetryAttempts", RETRIES),
        age_s=policy.get("MaximumEventAgeInSeconds", AGE_S) + schedule.window_minutes * 60,
        dead_letter=target.get("DeadLetterConfig", {}).get("Arn", ""),
        letter={
            "EXECUTION_ID": execution,
            "IS_PAYLOAD_TRUNCATED": "false",
            "SCHEDULED_TIME": scheduled,
            "SCHEDULE_ARN": schedule.arn,
            "TARGET_ARN": target["Arn"],
        },
        failure_count=("AWS/Scheduler", "InvocationDroppedCount"),
    )


def _input(schedule: Schedule, scheduled: str, execution: str) -> str:
    """The target's Input with its keywords replaced; without one, the event that says which schedule it was."""
    given = schedule.target.get("Input")
    if given is not None:
        keywords = {"schedule-arn": schedule.arn, "scheduled-time": scheduled, "execution-id": execution}
        for keyword, value in keywords.items():
            given = given.replace(f"<aws.scheduler.{keyword}>", value)
        return str(given)
    event = {
        "version": "0",
        "id": uuid4(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": schedule.account,
        "time": scheduled,
        "region": schedule.region,
        "resources": [schedule.arn],
        "detail": "{}",
    }
    return json.dumps(event, separators=(",", ":"))


def _options(target: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {"AttemptMark": ATTEMPT_MARK}
    if "SqsParameters" in target:
        options["MessageGroupId"] = target["SqsParameters"].get("MessageGroupId", "")
    if "EventBridgeParameters" in target:
        options |= {name: target["EventBridgeParameters"][name] for name in ("DetailType", "Source")}
    if "KinesisParameters" in target:
        options["PartitionKey"] = target["KinesisParameters"]["PartitionKey"]
    return options


def _session(role: str, session: str) -> str:
    """The principal that Scheduler is with a target's role."""
    parsed = arn.parse(role)
    if parsed is None:
        return role
    name = parsed.resource.rpartition("/")[2]
    return f"arn:aws:sts::{parsed.account}:assumed-role/{name}/{session}"
