"""Replays: the events of an archive, once more onto its bus (facts/eventbridge.md §E).

Owns: the tasks that run them, and what has expired in archives. Rules: a page of events and how far the replay has come
are one transaction, so a replay goes on where it was after a restart and sends nothing twice; a replayed event carries
`replay-name`, and no archive keeps it again.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import msgspec

from samovar.core.ids import uuid4
from samovar.delivery.queue import Step
from samovar.services.events import archived
from samovar.services.events.routing import Event, Routing
from samovar.services.events.state import Events, Replay
from samovar.store.errors import StoreError

log = logging.getLogger("samovar.events")

UNFINISHED = ("STARTING", "RUNNING", "CANCELLING")
MOST_AT_ONCE = 10
_PAGE = 100
_RETRY_S = 1.0
_SWEEP_EVERY_S = 3600.0
_DAY_S = 86_400.0


class Replays:
    def __init__(self, state: Events, routing: Routing) -> None:
        self.state = state
        self._routing = routing
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Go on with those that a stopped server left."""
        self._spawn(self._sweep())
        for _, replay in self.state.replays.items():
            if replay.state in UNFINISHED:
                self.run(replay)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def run(self, replay: Replay) -> None:
        self._spawn(self._run(replay.key))

    async def _run(self, key: tuple[str, str, str]) -> None:
        while True:
            replay = self.state.replays.get(key)
            if replay is None or replay.state not in UNFINISHED:
                return
            try:
                await self._advance(replay)
            except StoreError as error:
                log.warning("the replay %s is put off: %s", replay.name, error)
                await asyncio.sleep(_RETRY_S)

    async def _advance(self, replay: Replay) -> None:
        """Send the next page, or end."""
        state = self.state
        if replay.state == "CANCELLING":
            await self._end(replay, "CANCELLED")
            return
        last = (replay.last_at, replay.last_id)
        archive = (replay.account, replay.region, replay.archive)
        found = await archived.page(state.store, archive, replay.begin, replay.end, last, _PAGE)
        if not found:
            await self._end(replay, "COMPLETED")
            return
        steps: list[Step] = []
        for _, _, text in found:
            event = Event(_marked(text, replay.name), uuid4())
            steps += await self._routing.route((replay.account, replay.region, replay.bus), event, only=replay.rules)
        now = state.replays.get(replay.key)
        if now is None:
            return
        further = msgspec.structs.replace(
            now,
            state="RUNNING" if now.state == "STARTING" else now.state,
            last_at=found[-1][0],
            last_id=found[-1][1],
        )
        await state.store.transact(*steps, state.replays.putting(replay.key, further))

    async def _end(self, replay: Replay, how: str) -> None:
        ended = msgspec.structs.replace(replay, state=how, ended_at=self.state.clock.now())
        await self.state.replays.put(replay.key, ended)

    async def _sweep(self) -> None:
        """Delete what archives needn't keep any longer."""
        clock = self.state.clock
        while True:
            for _, archive in self.state.archives.items():
                if archive.retention_days:
                    oldest = clock.now() - archive.retention_days * _DAY_S
                    try:
                        await self.state.store.transact(archived.expiring(archive, oldest))
                    except StoreError as error:
                        log.warning("expired events of the archive %s stay for now: %s", archive.name, error)
            await clock.sleep_until(clock.now() + _SWEEP_EVERY_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _marked(text: str, name: str) -> str:
    """The envelope with `replay-name` between region and resources."""
    envelope = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    marked: dict[str, msgspec.Raw] = {}
    for member, value in envelope.items():
        if member == "resources":
            marked["replay-name"] = msgspec.Raw(msgspec.json.encode(name))
        marked[member] = value
    return msgspec.json.encode(marked).decode()
