"""From an event to what is sent: which rules it matches, and what each of their targets gets.

Owns: the envelope's way, matching, forwarding from bus to bus, archiving. Refuses: sending (`delivery/outbox`). Facts:
eventbridge.md §A3, §B, §D. Rules: an event and all that follows from it is one transaction, so PutEvents has happened
wholly or not at all; what can't be sent leaves an entry in the journal; events that go round between buses stop after
`_MOST_HOPS`.
"""

import json
from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.pattern import exact
from samovar.delivery.journal import DROPPED, Entry, Journal
from samovar.delivery.outbox import AGE_S, RETRIES, Outbox, Shipment
from samovar.delivery.queue import Step
from samovar.delivery.targets import Parcel
from samovar.services.events import inputs
from samovar.services.events.archived import archiving
from samovar.services.events.index import Index
from samovar.services.events.inputs import Unsendable
from samovar.services.events.state import BusKey, Events, Rule, Target

PRINCIPAL = "events.amazonaws.com"
_MOST_HOPS = 10


class Event(msgspec.Struct, frozen=True):
    """One on its way through the buses."""

    text: str
    """The envelope, as JSON."""
    id: str
    trace: str = ""


class Routing:
    def __init__(self, state: Events, outbox: Outbox, journal: Journal) -> None:
        self.state = state
        self._outbox = outbox
        self._journal = journal
        self._indexes: dict[BusKey, tuple[int, Index]] = {}
        """By bus; made of the rules as they were after so many changes."""

    async def route(self, bus: BusKey, event: Event, hops: int = 0, only: tuple[str, ...] = ()) -> list[Step]:
        """The steps that an event on a bus leads to; `only`: the rules of a replay."""
        steps: list[Step] = []
        decoded: Any = None
        for archive in self.state.archives_of(bus):
            decoded = decoded or exact(event.text)
            if "replay-name" in decoded:
                break  # replayed events aren't archived again
            if not archive.pattern or self.state.pattern(archive.pattern).matches(decoded):
                steps.append(archiving(archive, decoded["time"], event.id, event.text))
        decoded = decoded or exact(event.text)
        for rule in self._index(bus).candidates(decoded):
            if (not only or rule.arn in only) and self.state.pattern(rule.pattern).matches(decoded):
                steps += await self.deliver(rule, event, hops)
        return steps

    def _index(self, bus: BusKey) -> Index:
        """Of its rules as they are now."""
        changes = self.state.rules.changes
        found = self._indexes.get(bus)
        if found is None or found[0] != changes:
            rules = [rule for rule in self.state.rules_of(bus) if rule.enabled and rule.pattern]
            found = self._indexes[bus] = (changes, Index(rules))
        return found[1]

    async def deliver(self, rule: Rule, event: Event, hops: int = 0) -> list[Step]:
        """The steps that send an event to all targets of a rule."""
        for name in ("MatchedEvents", "TriggeredRules"):
            self._journal.count(rule.account, rule.region, "AWS/Events", name, rule.arn)
        steps: list[Step] = []
        for target in self.state.targets_of(rule):
            try:
                steps += await self._send(rule, target, event, hops)
            except Unsendable as error:
                steps += self._dropped(rule, target.arn, event, str(error))
        return steps

    async def _send(self, rule: Rule, target: Target, event: Event, hops: int) -> list[Step]:
        parsed = arn.parse(target.arn)
        assert parsed is not None, "PutTargets has checked it"
        if parsed.service == "events" and parsed.resource.startswith("event-bus/"):
            return await self._forward(rule, parsed, target.arn, event, hops)
        payload = self._payload(rule, target, event)
        policy, letters = target.said.get("RetryPolicy", {}), target.said.get("DeadLetterConfig", {})
        parcel = Parcel(
            target=target.arn,
            payload=payload,
            principal=_session(target.said.get("RoleArn", "")) or PRINCIPAL,
            source="events",
            origin=rule.arn,
            account=rule.account,
            region=rule.region,
            event_id=event.id,
            trace_id=event.trace,
            options=self._options(target, event, payload),
        )
        shipment = Shipment(
            parcel,
            self.state.clock.now(),
            retries=policy.get("MaximumRetryAttempts", RETRIES),
            age_s=policy.get("MaximumEventAgeInSeconds", AGE_S),
            dead_letter=letters.get("Arn", ""),
            letter={"RULE_ARN": rule.arn, "TARGET_ARN": target.arn},
            failure_count=("AWS/Events", "FailedInvocations"),
        )
        return [await self._outbox.putting(shipment)]

    async def _forward(self, rule: Rule, to: arn.Arn, target: str, event: Event, hops: int) -> list[Step]:
        """The event as it is, on another bus (facts/eventbridge.md §A3)."""
        key = (to.account, to.region, to.resource.removeprefix("event-bus/"))
        if self.state.find_bus(key) is None:
            return self._dropped(rule, target, event, "there is no such event bus")
        if hops >= _MOST_HOPS:
            return self._dropped(rule, target, event, f"it has gone over {hops} buses already")
        return await self.route(key, event, hops + 1)

    def _payload(self, rule: Rule, target: Target, event: Event) -> str:
        said = target.said
        if "Input" in said:
            return str(said["Input"])
        if "InputPath" in said:
            return inputs.path(json.loads(event.text), said["InputPath"])
        if "InputTransformer" in said:
            how = said["InputTransformer"]
            return inputs.transform(
                json.loads(event.text),
                how.get("InputPathsMap", {}),
                how["InputTemplate"],
                rule.arn,
                rule.name,
                self.state.clock.now(),
            )
        return event.text

    def _options(self, target: Target, event: Event, payload: str) -> dict[str, Any]:
        said = target.said
        options: dict[str, Any] = {}
        if "SqsParameters" in said:
            options["MessageGroupId"] = said["SqsParameters"].get("MessageGroupId", "")
        if "KinesisParameters" in said:
            key = inputs.path(json.loads(event.text), said["KinesisParameters"]["PartitionKeyPath"])
            options["PartitionKey"] = key.strip('"')
        if ":api-destination/" in target.arn:
            options |= self._http(said.get("HttpParameters") or {}, json.loads(event.text))
        if ":logs:" in target.arn:
            options["Timestamp"] = round(self.state.clock.now() * 1000)
        return options

    @staticmethod
    def _http(said: dict[str, Any], event: Any) -> dict[str, Any]:
        """Path values, headers and query of a call; what begins with `$.` is a part of the event."""

        def value(text: str) -> str:
            if not text.startswith("$.") or not inputs.is_path(text):
                return text
            found = inputs.path(event, text)
            return str(json.loads(found)) if found.startswith('"') else found

        return {
            "Path": [value(text) for text in said.get("PathParameterValues", [])],
            "Headers": {name: value(text) for name, text in said.get("HeaderParameters", {}).items()},
            "Query": {name: value(text) for name, text in said.get("QueryStringParameters", {}).items()},
        }

    def _dropped(self, rule: Rule, target: str, event: Event, reason: str) -> list[Step]:
        entry = Entry(rule.account, rule.region, "events", rule.arn, target, event.id, 0, DROPPED, reason)
        return list(self._journal.writing(entry))


def _session(role: str) -> str:
    """The principal that EventBridge is with a target's role."""
    parsed = arn.parse(role)
    if parsed is None:
        return ""
    name = parsed.resource.rpartition("/")[2]
    return f"arn:aws:sts::{parsed.account}:assumed-role/{name}/EventBridge"
