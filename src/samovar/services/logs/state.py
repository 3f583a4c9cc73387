"""Log groups and streams: their records, their rules, their SQL.

Owns: groups (small: a Table), streams (many: SQL), and the ids that they and the events are given.
Refuses: the events themselves (`journal.py`) and the clock, whose `now_ms` is an argument or a member.

A stream is addressed by its group's id and its name. Ids are never used twice, so whatever still carries the id of
something deleted can be told apart from what was created since under the same name; `jobs.py` sweeps it up.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from samovar.core import arn
from samovar.core.clock import Clock
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.store.sqlite import Row, Statement, Store
from samovar.store.table import Key, RecordChange, Table

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
MIGRATIONS = [
    "CREATE TABLE log_streams (id BIGINT NOT NULL, group_id BIGINT NOT NULL, name TEXT NOT NULL, "
    "created BIGINT NOT NULL, first_event BIGINT NOT NULL, last_event BIGINT NOT NULL, last_ingested BIGINT NOT NULL, "
    "PRIMARY KEY (group_id, name))",
    "CREATE UNIQUE INDEX log_streams_by_id ON log_streams (id)",
    "CREATE INDEX log_streams_by_last_event ON log_streams (group_id, last_event, name)",
    # `size` stands before `message`, so that counting bytes never reads a long message.
    "CREATE TABLE log_events (stream_id BIGINT NOT NULL, group_id BIGINT NOT NULL, timestamp BIGINT NOT NULL, "
    "seq BIGINT NOT NULL, ingested BIGINT NOT NULL, size BIGINT NOT NULL, message TEXT NOT NULL, "
    "PRIMARY KEY (stream_id, timestamp, seq))",
    "CREATE INDEX log_events_by_group ON log_events (group_id, timestamp, seq, stream_id, size)",
    "CREATE TABLE log_garbage (stream_id BIGINT PRIMARY KEY)",
    "CREATE TABLE log_runs (one INTEGER PRIMARY KEY, run BIGINT NOT NULL)",
]
_NEW_RUN = (
    "INSERT INTO log_runs (one, run) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET run = log_runs.run + 1 RETURNING run"
)
_IDS_PER_RUN_BITS = 40
_STREAM = "name, created, first_event, last_event, last_ingested"


class Group(msgspec.Struct, frozen=True):
    id: int
    created_ms: int
    retention_days: int | None = None
    kms_key_id: str = ""
    log_class: str = "STANDARD"
    protected: bool = False
    tags: dict[str, str] = {}


class ResourcePolicy(msgspec.Struct, frozen=True):
    """Of an account in a region; who may write into its groups beside the account itself."""

    document: str
    updated_ms: int


class Stream(msgspec.Struct, frozen=True):
    """Times are epoch milliseconds; those of the events are 0 until there is one."""

    name: str
    created_ms: int
    first_event_ms: int
    last_event_ms: int
    last_ingested_ms: int


async def _nothing() -> None:
    return


class LogsState:
    flush: Callable[[], Awaitable[None]]
    """Brings in what the platform has logged so far (the sink's); to be awaited before reading."""

    tell: Callable[[tuple[str, str, str], Sequence[tuple[int, int, str]], float, bool], None]
    """Reports events that were written (`embedded.Telling.told`)."""

    def __init__(
        self, store: Store, clock: Clock, groups: Table[Group], policies: Table[ResourcePolicy], run: int
    ) -> None:
        self.flush = _nothing
        self.tell = lambda key, events, now, standard: None
        self.store = store
        self.clock = clock
        self.groups = groups
        self.policies = policies
        self._last_id = run << _IDS_PER_RUN_BITS

    @classmethod
    async def open(cls, store: Store, clock: Clock) -> "LogsState":
        await store.migrate("logs", MIGRATIONS)
        [[(run,)]] = await store.transact((_NEW_RUN, ()))
        policies = await Table.open(store, "log_resource_policies", ResourcePolicy)
        return cls(store, clock, await Table.open(store, "log_groups", Group), policies, run)

    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)

    def new_id(self) -> int:
        """Greater than every id before: each run of the server has its own 2**40."""
        return self.new_ids(1)

    def new_ids(self, count: int) -> int:
        """The first of so many in a row."""
        first = self._last_id + 1
        self._last_id += count
        return first

    def kept(self, key: Key, events: Sequence[tuple[int, int, str]]) -> None:
        """Events of a group (`journal.Sized`) have been written: count them, and what metrics they hold."""
        group = self.groups.get(key)
        if group is not None and events:
            account, region, name = key
            self.tell((account, region, name), events, self.clock.now(), group.log_class == "STANDARD")

    # Groups

    def group(self, ctx: Context, name: str) -> Group:
        group = self.groups.get((ctx.account, ctx.region, name))
        if group is None:
            raise no_such_group()
        return group

    async def put_group(self, ctx: Context, name: str, group: Group) -> None:
        await self.groups.put((ctx.account, ctx.region, name), group)

    async def delete_group(self, ctx: Context, name: str) -> None:
        """The group and its streams are gone with this transaction; their events are left to the sweep."""
        group = self.group(ctx, name)
        await self.store.transact(
            self.groups.deleting((ctx.account, ctx.region, name)),
            ("INSERT INTO log_garbage (stream_id) SELECT id FROM log_streams WHERE group_id = ?", (group.id,)),
            ("DELETE FROM log_streams WHERE group_id = ?", (group.id,)),
        )

    def ensure_group(self, key: Key) -> tuple[int, list[RecordChange[Group]]]:
        """The id of a group, and the change that creates it when it isn't there."""
        group = self.groups.get(key)
        if group is not None:
            return group.id, []
        group = Group(id=self.new_id(), created_ms=self.now_ms())
        return group.id, [self.groups.putting(key, group)]

    # Streams

    def creating_stream(self, group_id: int, name: str) -> Statement:
        """The statement that creates a stream unless it is there; gives a row when it wasn't."""
        sql = (
            f"INSERT INTO log_streams (id, group_id, {_STREAM}) VALUES (?, ?, ?, ?, 0, 0, 0) "
            "ON CONFLICT (group_id, name) DO NOTHING RETURNING id"
        )
        return (sql, (self.new_id(), group_id, name, self.now_ms()))

    async def create_stream(self, group_id: int, name: str) -> bool:
        """Whether there was no such stream."""
        [created] = await self.store.transact(self.creating_stream(group_id, name))
        return bool(created)

    async def delete_stream(self, group_id: int, name: str) -> bool:
        """Whether there was such a stream."""
        which = (group_id, name)
        _, deleted = await self.store.transact(
            ("INSERT INTO log_garbage (stream_id) SELECT id FROM log_streams WHERE group_id = ? AND name = ?", which),
            ("DELETE FROM log_streams WHERE group_id = ? AND name = ? RETURNING id", which),
        )
        return bool(deleted)

    async def stream_ids(self, group_id: int, names: Sequence[str]) -> list[int]:
        """The ids of the named streams; fewer than names when some aren't there."""
        sql = f"SELECT id FROM log_streams WHERE group_id = ? AND name IN ({', '.join('?' * len(names))})"
        return [row[0] for row in await self.store.query(sql, (group_id, *names))]

    async def stream_ids_by_prefix(self, group_id: int, prefix: str, limit: int) -> list[int]:
        sql = "SELECT id FROM log_streams WHERE group_id = ? AND name >= ? AND name < ? LIMIT ?"
        return [row[0] for row in await self.store.query(sql, (group_id, prefix, after_prefix(prefix), limit))]

    async def streams_by_name(
        self, group_id: int, prefix: str, beyond: str | None, descending: bool, limit: int
    ) -> list[Stream]:
        """`limit` streams in the order of their names, from `beyond` (not included) on."""
        bound, order = ("<", "DESC") if descending else (">", "ASC")
        sql = f"SELECT {_STREAM} FROM log_streams WHERE group_id = ? AND name >= ? AND name < ?"
        params: list[object] = [group_id, prefix, after_prefix(prefix)]
        if beyond is not None:
            sql += f" AND name {bound} ?"
            params.append(beyond)
        rows = await self.store.query(f"{sql} ORDER BY name {order} LIMIT ?", (*params, limit))
        return _streams(rows)

    async def streams_by_last_event(
        self, group_id: int, beyond: tuple[int, str] | None, descending: bool, limit: int
    ) -> list[Stream]:
        """`limit` streams in the order of their last events, from `beyond` (time and name, not included) on."""
        bound, order = ("<", "DESC") if descending else (">", "ASC")
        sql = f"SELECT {_STREAM} FROM log_streams WHERE group_id = ?"
        params: list[object] = [group_id]
        if beyond is not None:
            sql += f" AND (last_event, name) {bound} (?, ?)"
            params.extend(beyond)
        rows = await self.store.query(f"{sql} ORDER BY last_event {order}, name {order} LIMIT ?", (*params, limit))
        return _streams(rows)

    async def clear(self) -> None:
        tables = ("log_streams", "log_events", "log_garbage")
        await self.store.transact(
            *(self.groups.deleting(key) for key, _ in self.groups.items()),
            *(self.policies.deleting(key) for key, _ in self.policies.items()),
            *((f"DELETE FROM {t}", ()) for t in tables),
        )


def _streams(rows: list[Row]) -> list[Stream]:
    return [Stream(*row) for row in rows]


def after_prefix(prefix: str) -> str:
    """The first string, in code point order, after all those that begin with `prefix`."""
    return prefix + "\U0010ffff"


def no_such_group() -> AwsError:
    return AwsError("ResourceNotFoundException", "The specified log group does not exist.")


def no_such_stream() -> AwsError:
    return AwsError("ResourceNotFoundException", "The specified log stream does not exist.")


def refuse_if_protected(group: Group) -> None:
    if group.protected:
        raise AwsError("ValidationException", "The specified log group has deletion protection enabled.")


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def group_arn(ctx: Context, name: str) -> str:
    return arn.make("logs", ctx.region, ctx.account, f"log-group:{name}")


def name_of_arn(ctx: Context, text: str) -> str | None:
    """The group that an ARN names; None when it is none of this account and region."""
    parts = arn.parse(text)
    if parts is None or (parts.service, parts.region, parts.account) != ("logs", ctx.region, ctx.account):
        return None
    kind, _, name = parts.resource.partition(":")
    return name if kind == "log-group" else None


def group_name(ctx: Context, params: Params) -> str:
    """The group that a request names by logGroupName or by logGroupIdentifier (a name or an ARN)."""
    name: str | None = params.get("logGroupName")
    identifier: str | None = params.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise AwsError("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    if name is None and identifier is None:
        raise invalid("Either logGroupName or logGroupIdentifier must be specified.")
    if identifier is None or not identifier.startswith("arn:"):
        return name or identifier or ""
    found = name_of_arn(ctx, identifier)
    if found is None:
        raise no_such_group()
    return found
