"""Access logs: a line per request, in the words of a stage's format, into a log group (facts/apigateway.md §5).

Owns: formats with `$context.NAME`, and how lines travel. Used by every kind of API, each of which knows its variables.
Rules: a format is read once; what a request has no value for is `-`. A line costs an append: lines are put in batches,
behind the answers. They are worth a second's loss, and no more than a bounded buffer when nobody takes them.
"""

import asyncio
import logging
import re
from collections.abc import Callable

from samovar.core import arn
from samovar.core.clock import Clock
from samovar.core.context import Acting, Context
from samovar.core.errors import AwsError
from samovar.web.functions import PRINCIPAL

Lookup = Callable[[str], str | None]
"""The value of `$context.NAME`."""

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.-]*[A-Za-z0-9_-])")
_EVERY_S = 0.2
_BATCH = 1_000
_LONGEST = 64 * 1024
_MOST_WAITING = 20_000
"""Lines of one stage."""

Place = tuple[str, str]
"""(ARN of a log group, name of a stream)."""

log = logging.getLogger("samovar.apigateway")


class Format:
    """A format, read once."""

    def __init__(self, text: str) -> None:
        # The pieces are literal texts and names of variables, in turns.
        self._pieces = _VARIABLE.split(text)

    def line(self, lookup: Lookup) -> str:
        pieces = self._pieces
        return "".join(piece if at % 2 == 0 else lookup(piece) or "-" for at, piece in enumerate(pieces))


def is_log_group(text: str) -> bool:
    """Whether lines can go there."""
    found = arn.parse(text)
    return found is not None and found.service == "logs" and found.resource.startswith("log-group:")


class AccessLogs:
    def __init__(self, acting: Acting, clock: Clock) -> None:
        self._acting = acting
        self._clock = clock
        self._waiting: dict[Place, list[tuple[int, str]]] = {}
        self._own: set[str] = set()
        """ARNs of groups that are ours to make."""
        self._there: set[Place] = set()
        """Streams that were made."""
        self._task: asyncio.Task[None] | None = None

    def write(self, group: str, stream: str, line: str, own: bool = False) -> None:
        """`group`: the ARN of a log group. `own`: it is made if it isn't there."""
        if own:
            self._own.add(group)
        lines = self._waiting.setdefault((group, stream), [])
        if len(lines) < _MOST_WAITING:
            lines.append((int(self._clock.now() * 1000), line[:_LONGEST] or "-"))
        if self._task is None:
            self._task = asyncio.ensure_future(self._put_soon())

    async def close(self) -> None:
        """Put what still waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._put_all()

    async def _put_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(_EVERY_S)
            await self._put_all()
        self._task = None

    async def _put_all(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for place, lines in waiting.items():
            for at in range(0, len(lines), _BATCH):
                await self._put(place, lines[at : at + _BATCH])

    async def _put(self, place: Place, lines: list[tuple[int, str]]) -> None:
        group = arn.parse(place[0])
        if group is None:
            return
        ctx = self._acting(group.account, group.region, PRINCIPAL)
        name = group.resource.removeprefix("log-group:").removesuffix(":*")
        names = {"logGroupName": name, "logStreamName": place[1]}
        events = [{"timestamp": at, "message": line} for at, line in sorted(lines, key=lambda each: each[0])]
        try:
            if place not in self._there:
                await self._make(ctx, names, place[0] in self._own)
                self._there.add(place)
            await ctx.call("logs", "PutLogEvents", {**names, "logEvents": events})
        except AwsError as error:
            self._there.discard(place)
            log.warning("%d lines of an access log have no place in %s: %s", len(lines), place[0], error)

    @staticmethod
    async def _make(ctx: Context, names: dict[str, str], with_group: bool) -> None:
        if with_group:
            try:
                await ctx.call("logs", "CreateLogGroup", {"logGroupName": names["logGroupName"]})
            except AwsError as error:
                if error.code != "ResourceAlreadyExistsException":
                    raise
        try:
            await ctx.call("logs", "CreateLogStream", names)
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise
