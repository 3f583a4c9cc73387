"""Message move tasks: from a dead-letter queue back to where messages came from (facts/sqs.md §4).

Owns: the table `sqs.moves` and the tasks that work through it. A moved message is a new one: its id, its count of
receives and its retention begin anew. A task that a crash interrupts goes on at the next start; each message is moved
in one transaction, so none is lost or doubled.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Mapping
from functools import partial

import msgspec

from samovar.core import ids
from samovar.services.sqs import journal
from samovar.services.sqs.journal import Sending
from samovar.services.sqs.messages import Envelope
from samovar.services.sqs.state import Queue, Sqs
from samovar.store.errors import StoreError
from samovar.store.sqlite import Procedure, Steps
from samovar.store.table import Table

FASTEST = 500
"""Messages a second."""
RUNNING, CANCELLING, CANCELLED, COMPLETED, FAILED = "RUNNING", "CANCELLING", "CANCELLED", "COMPLETED", "FAILED"
_AT_ONCE = 50
_KEPT_PER_SOURCE = 10

_log = logging.getLogger(__name__)
_envelope = msgspec.json.Decoder(Envelope).decode

Key = tuple[str, str]
"""Source ARN, task id."""


class Move(msgspec.Struct, frozen=True):
    id: str
    source_arn: str
    destination_arn: str
    """Empty: each message goes back to its own source."""
    per_second: int
    """0: as fast as it goes."""
    to_move: int
    started_ms: int
    status: str = RUNNING
    moved: int = 0
    failure: str = ""

    @property
    def key(self) -> Key:
        return (self.source_arn, self.id)


class Moves:
    def __init__(self, state: Sqs, table: Table[Move]) -> None:
        self.state = state
        self.table = table
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    @classmethod
    async def open(cls, state: Sqs) -> "Moves":
        moves = cls(state, await Table.open(state.store, "sqs.moves", Move))
        for _, move in moves.table.items():
            if move.status in (RUNNING, CANCELLING):
                moves._work(move)
        return moves

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def clear(self) -> None:
        await self.close()
        await self.table.clear()

    def of(self, source_arn: str) -> list[Move]:
        """The tasks of a source, newest first."""
        return sorted((move for _, move in self.table.items((source_arn,))), key=lambda move: -move.started_ms)

    async def start(self, move: Move) -> None:
        old = [each for each in self.of(move.source_arn) if each.status != RUNNING][_KEPT_PER_SOURCE - 1 :]
        await self.state.store.transact(
            self.table.putting(move.key, move), *(self.table.deleting(each.key) for each in old)
        )
        self._work(move)

    async def cancel(self, move: Move) -> Move:
        current = self.table.get(move.key) or move
        cancelled = msgspec.structs.replace(current, status=CANCELLING)
        await self.table.put(move.key, cancelled)
        return cancelled

    def _work(self, move: Move) -> None:
        task = asyncio.create_task(self._run(move.key))
        self._tasks[move.key] = task
        task.add_done_callback(lambda _: self._tasks.pop(move.key, None))

    async def _run(self, key: Key) -> None:
        clock = self.state.clock
        while (move := self.table.get(key)) is not None:
            if move.status == CANCELLING:
                await self.table.put(key, msgspec.structs.replace(move, status=CANCELLED))
                return
            began = clock.now()
            try:
                move = await self._step(move)
            except StoreError as error:  # a full disk: try again
                _log.warning("sqs: moving messages failed, trying again: %s", error)
                await clock.sleep_until(began + 1)
                continue
            if move.status != RUNNING:
                return
            if move.per_second:
                await clock.sleep_until(began + min(move.per_second, _AT_ONCE) / move.per_second)

    async def _step(self, move: Move) -> Move:
        """Move some; the task as it is then."""
        source = self.state.by_arn(move.source_arn)
        targets = self._targets(move)
        limit = min(move.per_second or _AT_ONCE, _AT_ONCE)
        if source is None or (move.destination_arn and not targets):
            return await self._keep(move, status=FAILED, failure="AWS.SimpleQueueService.NonExistentQueue")
        fresh = [(self.state.new_id(), ids.uuid4()) for _ in range(limit)]
        steps = partial(_move_some, source.box, targets, move.destination_arn, fresh, self.state.now_ms())
        [rows] = await self.state.store.transact(Procedure(steps))
        moved = [row[0] for row in rows if row[0]]
        self.state.count(source.box, -len(moved))
        for target_arn in moved:
            self.state.count(targets[target_arn].box, 1)
            self.state.bell(targets[target_arn]).ring()
        if len(moved) < len(rows):
            return await self._keep(move, len(moved), status=FAILED, failure="AWS.SimpleQueueService.NonExistentQueue")
        done = len(rows) < limit or move.moved + len(moved) >= move.to_move
        return await self._keep(move, len(moved), status=COMPLETED if done else "")

    async def _keep(self, move: Move, moved: int = 0, status: str = "", failure: str = "") -> Move:
        current = self.table.get(move.key)
        if current is None:
            return msgspec.structs.replace(move, status=CANCELLED)
        changed = msgspec.structs.replace(
            current, moved=current.moved + moved, status=status or current.status, failure=failure
        )
        await self.table.put(move.key, changed)
        return changed

    def _targets(self, move: Move) -> dict[str, Queue]:
        """By ARN: where messages may go."""
        if not move.destination_arn:
            source = self.state.by_arn(move.source_arn)
            return {
                queue.arn: queue
                for _, queue in self.state.queues.items((source.account, source.region) if source else ("",))
            }
        target = self.state.by_arn(move.destination_arn)
        return {target.arn: target} if target else {}


def _move_some(
    box: int, targets: Mapping[str, Queue], destination: str, fresh: list[tuple[int, str]], now: int
) -> Steps:
    """A row for each message: the ARN of the queue that it went to, or an empty one for a message that can't go."""
    rows: list[tuple[object, ...]] = []
    sql = (
        "SELECT seq, lane, source, envelope, blob, body FROM sqs_messages WHERE box = ? AND due <= ? "
        "ORDER BY due LIMIT ?"
    )
    found = yield (sql, (box, now, len(fresh)))
    for (seq, lane, source, envelope, blob, body), (new_seq, new_id) in zip(found, fresh, strict=False):
        target = targets.get(destination or source)
        if target is None:
            rows.append(("",))
            break
        yield journal.deleting(box, seq)
        if lane:
            yield from journal.settle_lane(box, lane)
        message = msgspec.structs.replace(_envelope(envelope), id=new_id)
        due = now + target.number("DelaySeconds") * 1000
        new_lane = lane if target.fifo else ""
        yield from journal.insert(Sending(target.box, new_seq, due, now, message, body, blob, new_lane))
        rows.append((target.arn,))
    return rows


def write_handle(move: Move) -> str:
    return base64.b64encode(msgspec.json.encode({"taskId": move.id, "sourceArn": move.source_arn})).decode()


def read_handle(handle: str) -> Key | None:
    try:
        content = msgspec.json.decode(base64.b64decode(handle, validate=True), type=dict[str, str])
        return (content["sourceArn"], content["taskId"])
    except (binascii.Error, ValueError, KeyError, msgspec.DecodeError):
        return None
