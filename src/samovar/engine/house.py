"""What an environment needs of the engine it lives in, and whom the two tell of ends.

Owns: House, Done, Told. Refuses: how the engine does it.
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from samovar.core.clock import Clock
from samovar.engine import credentials
from samovar.engine.launch import Launch
from samovar.engine.lifecycle import Event
from samovar.engine.log import LogSink
from samovar.engine.model import InitFailure, Invocation, Result, Version
from samovar.engine.streaming import Sink
from samovar.sandbox.port import Box, Boxes

Done = Callable[[Result], None]
Told = Callable[[InitFailure | None], None]
"""Told once whether an environment that was wanted ahead of invocations is ready."""


E_contra = TypeVar("E_contra", contravariant=True)
"""The environment."""


class House(Protocol[E_contra]):
    boxes: Boxes
    clock: Clock
    log: LogSink
    endpoint_url: str
    issue: credentials.Issue
    bills_init: bool
    """Whether a cold start's init counts as billed duration, as it does since August 2025."""

    async def template(self, version: Version) -> Box | None: ...
    def mounts(self, version: Version) -> list[tuple[Path, str]]: ...
    def launch(self, version: Version) -> Launch: ...
    def extensions(self, version: Version) -> list[str]: ...
    def lives_in(self, box_id: str, environment: E_contra) -> None: ...
    def moves_out(self, box_id: str) -> None: ...
    def start_clock(self, environment: E_contra, when: float, event: Event) -> None: ...
    def freeze_soon(self, environment: E_contra) -> None: ...
    def stop_clock(self, environment: E_contra) -> None: ...
    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...
    def started(self, environment: E_contra) -> None: ...
    def release(self, environment: E_contra) -> None: ...
    def discard(self, environment: E_contra) -> None: ...
    def begin_again(self, version: Version, invocation: Invocation, done: Done, sink: Sink | None) -> None: ...
