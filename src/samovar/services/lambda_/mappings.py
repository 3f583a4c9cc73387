"""Event source mappings: which parameters a source takes, their defaults, and how a mapping is kept and shown.

Owns: table `lambda.event-source-mappings`, the states of facts/lambda-events.md §4.2, the validation of §4.1 and
lambda-api.md §5. Refuses: delivery; a mapping is created only for sources that something on this server polls.

1. A mapping's settings are kept as AWS shows them, with the defaults of its source written out.
2. A change is in force a moment after its answer: Creating becomes Enabled or Disabled. After a restart nothing is in
   transition.
3. A mapping outlives its function, as on AWS.
"""

import asyncio
from collections.abc import Collection
from typing import Any, Protocol

import msgspec

from samovar.core import arn
from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.lambda_ import filters
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.sources import Source
from samovar.services.lambda_.state import State
from samovar.store.sqlite import Store
from samovar.store.table import Table

Key = tuple[str, str, str]
"""Account, region, UUID."""

SETTLED = frozenset({"Enabled", "Disabled"})

_REMOVED_WHEN_EMPTY = ("FilterCriteria", "ScalingConfig", "ProvisionedPollerConfig", "MetricsConfig", "KMSKeyArn")
_NOT_SETTINGS = ("UUID", "FunctionName", "EventSourceArn", "Enabled", "Tags")


class Mapping(msgspec.Struct, frozen=True):
    account: str
    region: str
    uuid: str
    source: str
    """Name of a Source."""
    source_arn: str
    function: str
    """ARN, with the qualifier that was given."""
    settings: dict[str, Any]
    enabled: bool
    state: str
    modified_at: float
    tags: dict[str, str]

    @property
    def key(self) -> Key:
        return (self.account, self.region, self.uuid)

    @property
    def arn(self) -> str:
        return arn.make("lambda", self.region, self.account, f"event-source-mapping:{self.uuid}")


class Follower(Protocol):
    """Who delivers what mappings ask for (`polling.py`)."""

    def changed(self, mapping: Mapping) -> None: ...

    def removed(self, mapping: Mapping) -> None: ...


class Mappings:
    def __init__(self, functions: State, table: Table[Mapping], polled: Collection[str]) -> None:
        """`polled` are the sources (by name) from which something delivers events."""
        self.functions = functions
        self.table = table
        self.polled = frozenset(polled)
        self._follower: Follower | None = None
        self._settling: set[asyncio.Task[None]] = set()
        functions.taggable["event-source-mapping"] = self

    @classmethod
    async def open(cls, store: Store, functions: State, polled: Collection[str]) -> "Mappings":
        opened = cls(functions, await Table.open(store, "lambda.event-source-mappings", Mapping), polled)
        for key, mapping in opened.table.items():
            if mapping.state not in SETTLED:
                await opened.table.put(key, settled(mapping))
        return opened

    def start(self, follower: Follower) -> None:
        """Tell `follower` of all mappings, now and whenever they change."""
        self._follower = follower
        for _, mapping in self.table.items():
            follower.changed(mapping)

    async def remove(self, mapping: Mapping) -> None:
        await self.table.delete(mapping.key)
        if self._follower is not None:
            self._follower.removed(mapping)

    async def keep(self, mapping: Mapping) -> None:
        """Commit a mapping, and let it settle soon after."""
        await self.table.put(mapping.key, mapping)
        if mapping.state not in SETTLED:
            task = asyncio.create_task(self._settle(mapping))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def close(self) -> None:
        """Stop what is still to settle: the next start does it."""
        tasks = list(self._settling)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def tags(self, key: Key) -> dict[str, str] | None:
        mapping = self.table.get(key)
        return mapping.tags if mapping else None

    async def retag(self, key: Key, tags: dict[str, str]) -> None:
        mapping = self.table.get(key)
        if mapping:
            await self.keep(msgspec.structs.replace(mapping, tags=tags))

    async def reset(self) -> None:
        gone = [mapping for _, mapping in self.table.items()]
        await self.table.clear()
        for mapping in gone:
            if self._follower is not None:
                self._follower.removed(mapping)

    async def _settle(self, mapping: Mapping) -> None:
        if self.table.get(mapping.key) is mapping:
            await self.table.put(mapping.key, settled(mapping))
            if self._follower is not None:
                self._follower.changed(settled(mapping))


def settled(mapping: Mapping) -> Mapping:
    return msgspec.structs.replace(mapping, state="Enabled" if mapping.enabled else "Disabled")


def settings(source: Source, params: Params) -> dict[str, Any]:
    """The settings of a new mapping: what was asked for over the source's defaults."""
    return merged(dict(source.defaults), params)


def merged(current: dict[str, Any], params: Params) -> dict[str, Any]:
    """`current` with the settings given; an empty value takes some of them away."""
    changed = current | {name: value for name, value in params.items() if name not in _NOT_SETTINGS}
    if "FilterCriteria" in params:
        patterns = filters.patterns(params["FilterCriteria"])
        changed["FilterCriteria"] = {"Filters": [{"Pattern": each} for each in patterns]} if patterns else {}
    if "DestinationConfig" in params:
        changed["DestinationConfig"] = {"OnFailure": (params["DestinationConfig"] or {}).get("OnFailure") or {}}
    return {name: value for name, value in changed.items() if value or name not in _REMOVED_WHEN_EMPTY}


def check_conflict(existing: Mapping, source_arn: str, function: str) -> None:
    """Refuse a second mapping from one source to one function."""
    if (existing.source_arn, existing.function) != (source_arn, function):
        return
    name = function.split(":", 6)[6]
    if existing.source == "sqs":
        what = f'An event source mapping with SQS arn (" {source_arn} ") and function (" {name} ") already exists.'
    else:
        what = f'The event source arn (" {source_arn} ") and function (" {name} ") provided mapping already exists.'
    raise AwsError(
        "ResourceConflictException", f"{what} Please update or delete the existing mapping with UUID {existing.uuid}"
    )


def check_settled(mapping: Mapping, doing: str) -> None:
    if mapping.state not in SETTLED:
        message = f"Cannot {doing} the event source mapping because it is in use."
        raise AwsError("ResourceInUseException", message)


def check_settings(source: Source, chosen: dict[str, Any]) -> None:
    """What AWS refuses in the settings as a whole, that is, over what is set already."""
    batch, window = chosen.get("BatchSize", 0), chosen.get("MaximumBatchingWindowInSeconds", 0)
    if source.name == "sqs" and batch > 10 and not window:
        raise invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
    if 0 <= chosen.get("MaximumRecordAgeInSeconds", -1) < 60:
        raise invalid("MaximumRecordAgeInSeconds must be -1, or from 60 to 604800.")
    pollers = chosen.get("ProvisionedPollerConfig") or {}
    if pollers and chosen.get("ScalingConfig"):
        raise invalid("ScalingConfig and ProvisionedPollerConfig can't be used together.")
    least, most = pollers.get("MinimumPollers", source.fewest_pollers), pollers.get("MaximumPollers", 200)
    if not source.fewest_pollers <= least <= most <= 2000:
        raise invalid(
            f"ProvisionedPollerConfig must have MinimumPollers from {source.fewest_pollers} to 200, and MaximumPollers "
            "from MinimumPollers to 2000."
        )


def describe(mapping: Mapping, state: str = "") -> Params:
    """As Create, Get, Update and Delete answer it; `state` is another one than that which is kept."""
    stream = mapping.source in ("kinesis", "dynamodb")
    shown: Params = {
        "UUID": mapping.uuid,
        **mapping.settings,
        "EventSourceArn": mapping.source_arn,
        "FunctionArn": mapping.function,
        "EventSourceMappingArn": mapping.arn,
        "LastModified": mapping.modified_at,
        "State": state or mapping.state,
        "StateTransitionReason": "User action" if stream else "USER_INITIATED",
    }
    if stream:
        shown["LastProcessingResult"] = "No records processed"
    return shown
