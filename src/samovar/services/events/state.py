"""What EventBridge keeps: buses, rules, targets, archives, replays.

Owns: their tables and the compiled patterns. Refuses: deciding what is sent (`routing`). Rules: every key begins with
account and region; the default bus of an account is there without a record, until it is given something to keep.
"""

import re
from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.core.pattern import Pattern, PatternError, compile
from samovar.services.events.connections import Connection, Destination
from samovar.store.sqlite import Change, Store
from samovar.store.table import Table

DEFAULT = "default"
BusKey = tuple[str, str, str]
"""Account, region, name."""
RuleKey = tuple[str, str, str, str]
"""Account, region, bus, name."""

_BUS_NAME = re.compile(r"[\.\-_A-Za-z0-9]+")


class Bus(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    created_at: float = 0.0
    modified_at: float = 0.0
    description: str = ""
    policy: dict[str, Any] | None = None
    tags: dict[str, str] = {}
    extras: dict[str, Any] = {}
    """What is kept and shown: KmsKeyIdentifier, DeadLetterConfig, LogConfig."""

    @property
    def key(self) -> BusKey:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return arn.make("events", self.region, self.account, f"event-bus/{self.name}")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    bus: str
    name: str
    pattern: str = ""
    schedule: str = ""
    state: str = "ENABLED"
    description: str = ""
    role: str = ""
    tags: dict[str, str] = {}
    armed_at: float = 0.0
    """Since when its schedule counts: its last change, or when it was last enabled."""

    @property
    def key(self) -> RuleKey:
        return (self.account, self.region, self.bus, self.name)

    @property
    def enabled(self) -> bool:
        return self.state != "DISABLED"

    @property
    def arn(self) -> str:
        path = self.name if self.bus == DEFAULT else f"{self.bus}/{self.name}"
        return arn.make("events", self.region, self.account, f"rule/{path}")


class Target(msgspec.Struct, frozen=True):
    id: str
    said: dict[str, Any]
    """As PutTargets had it."""

    @property
    def arn(self) -> str:
        return str(self.said["Arn"])


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    bus: str
    created_at: float
    pattern: str = ""
    description: str = ""
    retention_days: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return arn.make("events", self.region, self.account, f"archive/{self.name}")


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    archive: str
    bus: str
    rules: tuple[str, ...]
    """ARNs; empty for all."""
    begin: float
    end: float
    description: str
    started_at: float
    state: str = "STARTING"
    ended_at: float = 0.0
    last_at: float = 0.0
    """The time of the event that was replayed last."""
    last_id: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return arn.make("events", self.region, self.account, f"replay/{self.name}")


class Events:
    """Made by `Events.open`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.buses: Table[Bus]
        self.rules: Table[Rule]
        self.targets: Table[Target]
        self.archives: Table[Archive]
        self.replays: Table[Replay]
        self.connections: Table[Connection]
        self.destinations: Table[Destination]
        self._patterns: dict[str, Pattern] = {}

    @classmethod
    async def open(cls, store: Store, clock: Clock) -> "Events":
        state = cls(store, clock)
        state.buses = await Table.open(store, "events.buses", Bus)
        state.rules = await Table.open(store, "events.rules", Rule)
        state.targets = await Table.open(store, "events.targets", Target)
        state.archives = await Table.open(store, "events.archives", Archive)
        state.replays = await Table.open(store, "events.replays", Replay)
        state.connections = await Table.open(store, "events.connections", Connection)
        state.destinations = await Table.open(store, "events.api-destinations", Destination)
        return state

    # --- finding ----------------------------------------------------------------------------------------------------

    def bus_key(self, ctx: Context, named: str | None) -> BusKey:
        """Of a bus given by name or ARN; None is the default bus."""
        if not named:
            return (ctx.account, ctx.region, DEFAULT)
        parsed = arn.parse(named)
        if parsed is None:
            return (ctx.account, ctx.region, named)
        return (parsed.account, parsed.region, parsed.resource.removeprefix("event-bus/"))

    def find_bus(self, key: BusKey) -> Bus | None:
        found = self.buses.get(key)
        if found is None and key[2] == DEFAULT:
            return Bus(account=key[0], region=key[1], name=DEFAULT)
        return found

    def bus(self, ctx: Context, named: str | None) -> Bus:
        """Raises ResourceNotFoundException."""
        key = self.bus_key(ctx, named)
        found = self.find_bus(key)
        if found is None:
            raise no_bus(key[2])
        return found

    def rule(self, ctx: Context, name: str, bus: str | None) -> Rule:
        key = self.bus(ctx, bus).key
        found = self.rules.get((*key, name))
        if found is None:
            raise no_rule(name, key[2])
        return found

    def rules_of(self, key: BusKey) -> list[Rule]:
        return [rule for _, rule in self.rules.items(key)]

    def targets_of(self, rule: Rule) -> list[Target]:
        return [target for _, target in self.targets.items(rule.key)]

    def archives_of(self, key: BusKey) -> list[Archive]:
        return [archive for _, archive in self.archives.items(key[:2]) if archive.bus == key[2]]

    def connection_by_arn(self, text: str) -> Connection | None:
        parsed = arn.parse(text)
        parts = parsed.resource.split("/") if parsed is not None else []
        if parsed is None or len(parts) != 3:
            return None
        found = self.connections.get((parsed.account, parsed.region, parts[1]))
        return found if found is not None and found.arn == text else None

    def pattern(self, text: str) -> Pattern:
        """Compiled once."""
        found = self._patterns.get(text)
        if found is None:
            if len(self._patterns) > 10_000:
                self._patterns.clear()
            found = self._patterns[text] = checked_pattern(text)
        return found

    async def clear(self) -> None:
        tables: tuple[Table[Any], ...] = (self.buses, self.rules, self.targets, self.archives, self.replays)
        tables += (self.connections, self.destinations)
        changes: list[Change] = [table.deleting(key) for table in tables for key, _ in table.items()]
        await self.store.transact(*changes)


def checked_pattern(text: str) -> Pattern:
    """Raises InvalidEventPatternException in AWS's words (facts/eventbridge.md §B3)."""
    source = f'(String)"{text}"'
    try:
        return compile(text, source=source)
    except PatternError as error:
        reason = error.located(text, source)
        raise AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}") from None


def no_bus(name: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.")


def no_rule(name: str, bus: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus}.")


def is_custom_bus_name(name: str) -> bool:
    return bool(_BUS_NAME.fullmatch(name)) and name != DEFAULT


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def too_many() -> AwsError:
    return AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def checked_tags(given: list[dict[str, str]]) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len(tags) < len(given):
        raise invalid("Invalid parameter: Duplicated keys are not allowed.")
    return tags
