"""A platform from its start to its end, in the foreground.

Rule: what everything stands on comes first (`premises`), and so do its imports: the helpers of boxes start in processes
of their own while the rest is imported.
"""

import asyncio
import io
import logging
import math
import signal
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import uvloop

from samovar.app.premises import Premises
from samovar.app.running import Announce
from samovar.core.later import later
from samovar.sandbox import doctor
from samovar.settings import Settings

if TYPE_CHECKING:
    from samovar.app import platform
    from samovar.core import heap
else:
    heap = later("samovar.core.heap")
    platform = later("samovar.app.platform")

log = logging.getLogger("samovar.app")

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_CLOSING_S = 10
"""What closing the rooms may take after the running requests' grace."""


def run(
    settings: Settings,
    announce: Announce,
    stopping: Callable[[], None],
    examination: doctor.Examination | None = None,
) -> None:
    """Run the platform until SIGINT or SIGTERM; a second signal ends the process at once.

    Raises PortTaken and StoreError (the data directory can't be used) before anything was announced.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, announce, stopping, examination))


async def _run(
    settings: Settings,
    announce: Announce,
    stopping: Callable[[], None],
    examination: doctor.Examination | None,
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in _STOPPING:
        loop.add_signal_handler(number, stop.set)
    async with Premises(settings, examination) as premises, platform.App(settings, premises) as app:
        heap.keep_freed()
        announce(app.running)
        await stop.wait()
        stopping()
        for number in _STOPPING:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        # The kernel ends a shutdown that hangs. What was acknowledged is on disk, and boxes die with their server.
        within_s = math.ceil(settings.shutdown_grace_s) + _CLOSING_S
        signal.alarm(within_s)
        complaint = loop.call_later(within_s - 1, _tell_what_hangs)
        premises.closed = partial(_closed, complaint)


def _closed(complaint: asyncio.TimerHandle) -> None:
    complaint.cancel()
    signal.alarm(0)


def _tell_what_hangs() -> None:
    waiting = io.StringIO()
    for task in asyncio.all_tasks():
        task.print_stack(limit=4, file=waiting)
    log.error("the shutdown takes too long and is cut off; what it waits for:\n%s", waiting.getvalue())
