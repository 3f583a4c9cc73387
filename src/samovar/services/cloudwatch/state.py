"""Series and their points on disk, and what the Meter still holds.

Owns: the tables `cloudwatch_*` and the SQL on them. Rules: a series is account, region, namespace, name, the exact set
of dimensions, and the unit (facts/cloudwatch.md §0.9, §6); a point is a distribution over 1, 60, 300 or 3600 s, and
what is written for the same span is merged into it.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.meter import Dimensions, Distribution, Meter, Metric, Point
from samovar.store.sqlite import Procedure, Steps, Store

_MIGRATIONS: Final = [
    "CREATE TABLE cloudwatch_series (id BIGINT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, "
    "namespace TEXT NOT NULL, name TEXT NOT NULL, dimensions TEXT NOT NULL, unit TEXT NOT NULL, last BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX cloudwatch_series_by_name ON cloudwatch_series "
    "(account, region, namespace, name, dimensions, unit)",
    "CREATE TABLE cloudwatch_points (series BIGINT NOT NULL, at BIGINT NOT NULL, span INTEGER NOT NULL, "
    "content TEXT NOT NULL, PRIMARY KEY (series, at, span))",
    "CREATE INDEX cloudwatch_points_by_age ON cloudwatch_points (span, at)",
]
_DISTRIBUTION: Final = msgspec.json.Decoder(Distribution)
_DIMENSIONS: Final = msgspec.json.Decoder(Dimensions)
_AT_ONCE: Final = 1000
"""Points of one transaction."""
_MOST_DIMENSIONS: Final = 30


class Listed(msgspec.Struct, frozen=True):
    namespace: str
    name: str
    dimensions: Dimensions
    key: tuple[str, str, str]
    """Where it stands in the order of all."""


class CloudWatch:
    def __init__(self, store: Store, clock: Clock, meter: Meter) -> None:
        self.store = store
        self.clock = clock
        self.meter = meter
        self._flushing = asyncio.Lock()

    @classmethod
    async def open(cls, store: Store, clock: Clock, meter: Meter) -> "CloudWatch":
        await store.migrate("cloudwatch", _MIGRATIONS)
        return cls(store, clock, meter)

    async def flush(self) -> None:
        """Write what the Meter holds. Whoever comes meanwhile waits: what was taken is nowhere until it is written."""
        async with self._flushing:
            points = self.meter.take()
            for start in range(0, len(points), _AT_ONCE):
                await self.write(points[start : start + _AT_ONCE])

    async def write(self, points: Sequence[Point]) -> None:
        def steps() -> Steps:
            known: dict[Metric, int] = {}
            for point in points:
                if point.metric not in known:
                    [(known[point.metric],)] = yield _naming(point)
                yield from _merging(known[point.metric], point.at, point.span, point.distribution)
            return []

        if points:
            await self.store.transact(Procedure(steps))

    async def read(
        self, ctx: Context, namespace: str, name: str, dimensions: Dimensions, unit: str | None, start: int, end: int
    ) -> dict[str, list[tuple[int, int, Distribution]]]:
        """Unit -> (at, span, what was observed) of a metric in a time, in its order; `unit` None: of all units."""
        sql = (
            "SELECT unit, at, span, content FROM cloudwatch_series "
            "JOIN cloudwatch_points ON cloudwatch_points.series = cloudwatch_series.id "
            "WHERE account = ? AND region = ? AND namespace = ? AND name = ? AND dimensions = ? "
            f"AND at >= ? AND at < ?{'' if unit is None else ' AND unit = ?'} ORDER BY at"
        )
        values: list[object] = [ctx.account, ctx.region, namespace, name, _text(dimensions), start, end]
        found: dict[str, list[tuple[int, int, Distribution]]] = {}
        for row in await self.store.query(sql, values if unit is None else [*values, unit]):
            found.setdefault(row[0], []).append((row[1], row[2], _DISTRIBUTION.decode(row[3])))
        return found

    async def list(
        self, ctx: Context, namespace: str | None, name: str | None, since: int, after: tuple[str, str, str], limit: int
    ) -> list[Listed]:
        """Metrics that have had data since then, in their order, beyond `after`."""
        where, values = "account = ? AND region = ? AND last >= ?", [ctx.account, ctx.region, since]
        for column, value in (("namespace", namespace), ("name", name)):
            if value is not None:
                where, values = f"{where} AND {column} = ?", [*values, value]
        sql = (
            f"SELECT DISTINCT namespace, name, dimensions FROM cloudwatch_series WHERE {where} "
            "AND (namespace, name, dimensions) > (?, ?, ?) ORDER BY namespace, name, dimensions LIMIT ?"
        )
        rows = await self.store.query(sql, (*values, *after, limit))
        return [Listed(row[0], row[1], _DIMENSIONS.decode(row[2]), (row[0], row[1], row[2])) for row in rows]

    async def coarsen(self, span: int, into: int, before: int, limit: int) -> int:
        """Merge points of a span that are older into longer ones; how many there were."""

        def steps() -> Steps:
            sql = "SELECT series, at, content FROM cloudwatch_points WHERE span = ? AND at < ? ORDER BY at LIMIT ?"
            rows = yield (sql, (span, before // into * into, limit))
            for series, at, content in rows:
                yield ("DELETE FROM cloudwatch_points WHERE series = ? AND at = ? AND span = ?", (series, at, span))
                yield from _merging(series, at // into * into, into, _DISTRIBUTION.decode(content))
            return rows

        [rows] = await self.store.transact(Procedure(steps))
        return len(rows)

    async def forget(self, before: int) -> None:
        await self.store.transact(
            ("DELETE FROM cloudwatch_points WHERE at < ?", (before,)),
            ("DELETE FROM cloudwatch_series WHERE last < ?", (before,)),
        )

    async def clear(self) -> None:
        self.meter.take()
        tables = ("cloudwatch_series", "cloudwatch_points")
        await self.store.transact(*((f"DELETE FROM {table}", ()) for table in tables))


def _naming(point: Point) -> tuple[str, Sequence[object]]:
    """The series' id, also of one that wasn't there."""
    metric = point.metric
    columns = "account, region, namespace, name, dimensions, unit"
    sql = (
        f"INSERT INTO cloudwatch_series (id, {columns}, last) "
        "VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM cloudwatch_series), ?, ?, ?, ?, ?, ?, ?) "
        f"ON CONFLICT ({columns}) DO UPDATE SET last = CASE WHEN excluded.last > cloudwatch_series.last "
        "THEN excluded.last ELSE cloudwatch_series.last END RETURNING id"
    )
    own = (metric.account, metric.region, metric.namespace, metric.name, _text(metric.dimensions), metric.unit)
    return sql, (*own, point.at)


def _merging(series: int, at: int, span: int, distribution: Distribution) -> Steps:
    key = (series, at, span)
    found = yield ("SELECT content FROM cloudwatch_points WHERE series = ? AND at = ? AND span = ?", key)
    if found:
        merged = _DISTRIBUTION.decode(found[0][0])
        merged.merge(distribution)
        distribution = merged
    yield (
        "INSERT INTO cloudwatch_points (series, at, span, content) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (series, at, span) DO UPDATE SET content = excluded.content",
        (*key, _text(distribution)),
    )
    return []


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def dimensions(given: Sequence[Params] | None, path: str) -> Dimensions:
    found = {each["Name"]: each["Value"] for each in given or ()}
    if len(given or ()) > _MOST_DIMENSIONS:
        raise invalid(f"The collection {path} must not have a size greater than {_MOST_DIMENSIONS}.")
    if len(found) < len(given or ()):
        raise invalid(f"No dimension of {path} may be named twice.")
    return tuple(sorted(found.items()))


def invalid(text: str) -> AwsError:
    return AwsError("InvalidParameterValueException", text)


def clash(text: str) -> AwsError:
    return AwsError("InvalidParameterCombinationException", text)
