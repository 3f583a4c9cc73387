"""Rules that fire by a schedule: on the default bus, to their own targets (facts/eventbridge.md §C).

Owns: arming and disarming, and the scheduled event. Refuses: when (`delivery/ticker`): each time once, and after
downtime the latest that was missed.
"""

import json
import time

from samovar.core.ids import uuid4
from samovar.core.schedule import ScheduleError, parse
from samovar.delivery.queue import Step
from samovar.delivery.ticker import Ticker
from samovar.services.events.routing import Event, Routing
from samovar.services.events.state import Events, Rule, RuleKey, invalid
from samovar.store.sqlite import Statement

KIND = "events"


class Schedules:
    """Made by `Schedules.open`."""

    def __init__(self, state: Events, routing: Routing) -> None:
        self.state = state
        self.routing = routing
        self.ticker: Ticker

    @classmethod
    async def open(cls, state: Events, routing: Routing) -> "Schedules":
        made = cls(state, routing)
        made.ticker = await Ticker.open(state.store, state.clock, KIND, made._fire)
        for _, rule in state.rules.items():
            made.arm(rule)
        return made

    def arm(self, rule: Rule) -> None:
        """Let it fire, if it has a schedule and is enabled."""
        name = "/".join(rule.key)
        if rule.schedule and rule.enabled:
            self.ticker.watch(name, parse(rule.schedule), rule.armed_at)
        else:
            self.ticker.unwatch(name)

    def forgetting(self, key: RuleKey) -> Statement:
        return self.ticker.forgetting("/".join(key))

    async def _fire(self, name: str, moment: float) -> list[Step] | None:
        account, region, bus, rule_name = name.split("/", 3)
        rule = self.state.rules.get((account, region, bus, rule_name))
        if rule is None or not rule.enabled:
            return None
        id = uuid4()
        envelope = {
            "version": "0",
            "id": id,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": account,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
            "region": region,
            "resources": [rule.arn],
            "detail": {},
        }
        return await self.routing.deliver(rule, Event(json.dumps(envelope, separators=(",", ":")), id))


def check(expression: str) -> None:
    try:
        parse(expression)
    except ScheduleError:
        raise invalid("Parameter ScheduleExpression is not valid.") from None
    if expression.startswith("at("):
        raise invalid("Parameter ScheduleExpression is not valid.")
