"""Event source mappings, as pollers see them: which of them are polled now, and what they must know of functions.

Owns: the way from a mapping's record to its poller in `delivery`. Refuses: fetching, batches, retries.
"""

from collections.abc import Mapping as Each
from typing import Protocol

from samovar.core import arn
from samovar.delivery import mapping as polled
from samovar.delivery.pollers.ports import Functions
from samovar.engine.model import Version
from samovar.services.lambda_.function import Function, Key
from samovar.services.lambda_.mappings import Mapping
from samovar.services.lambda_.names import LATEST
from samovar.services.lambda_.state import State


class Pollers(Protocol):
    """Who polls the sources of one kind (`delivery/pollers`)."""

    functions: Functions

    def follow(self, mapping: polled.Mapping) -> None: ...

    def leave(self, uuid: str) -> None: ...


class Polling:
    """Tells pollers of mappings, and answers what they ask of functions (`delivery.pollers.ports.Functions`)."""

    def __init__(self, functions: State, pollers: Each[str, Pollers]) -> None:
        """`pollers`: by the name of the source."""
        self._functions = functions
        self._pollers = pollers

    def changed(self, mapping: Mapping) -> None:
        pollers = self._pollers.get(mapping.source)
        if pollers is None:
            return
        if mapping.state == "Enabled":
            pollers.follow(_as_polled(mapping))
        elif mapping.state == "Disabled":
            pollers.leave(mapping.uuid)

    def removed(self, mapping: Mapping) -> None:
        if mapping.source in self._pollers:
            self._pollers[mapping.source].leave(mapping.uuid)

    # --- what the pollers ask ---------------------------------------------------------------------------------------

    def version(self, function: str) -> Version | None:
        key, qualifier = _split(function)
        return self._functions.in_force(key, qualifier or LATEST)

    def session(self, function: str) -> str:
        key, qualifier = _split(function)
        found = self._function(function)
        if found is None:
            return ""
        deployed = self._functions.published(key, qualifier) if qualifier.isdecimal() else None
        role = arn.parse((deployed or found).configuration.role)
        name = role.resource.rpartition("/")[2] if role else ""
        return f"arn:aws:sts::{role.account}:assumed-role/{name}/{key[2]}" if role else ""

    def may_recur(self, function: str) -> bool:
        found = self._function(function)
        return found is not None and found.recursive_loop == "Allow"

    def _function(self, function: str) -> Function | None:
        return self._functions.functions.get(_split(function)[0])


def _split(function: str) -> tuple[Key, str]:
    """The key and the qualifier in a function's ARN."""
    _, _, _, region, account, _, name, *qualifier = function.split(":")
    return (account, region, name), qualifier[0] if qualifier else ""


def _as_polled(mapping: Mapping) -> polled.Mapping:
    settings = mapping.settings
    criteria = settings.get("FilterCriteria") or {}
    return polled.Mapping(
        mapping.uuid,
        mapping.account,
        mapping.region,
        mapping.source_arn,
        mapping.function,
        settings["BatchSize"],
        settings.get("MaximumBatchingWindowInSeconds") or 0,
        tuple(each["Pattern"] for each in criteria.get("Filters") or ()),
        "ReportBatchItemFailures" in (settings.get("FunctionResponseTypes") or ()),
        (settings.get("ScalingConfig") or {}).get("MaximumConcurrency", 0),
        _pollers(settings.get("ProvisionedPollerConfig")),
    )


def _pollers(config: dict[str, int] | None) -> tuple[int, int] | None:
    """The fewest and the most of provisioned mode (facts/lambda-events.md §4.1)."""
    return (config.get("MinimumPollers", 2), config.get("MaximumPollers", 200)) if config else None
