"""Code that stays in a bucket: whether it is still there, looked at every minute, at every start, and whenever somebody
invokes what has lost it.

AWS does the first "periodically", and then the function is Inactive until it has been updated, or invoked, with access
restored (developer guide, self-managed S3 code storage; the API's page on `State`). A layer's object matters to the
functions that have it only once their tree of it is lost too.
"""

import logging
from functools import partial

from samovar.core.clock import Timer
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.function import Function, Published
from samovar.services.lambda_.function import State as Standing
from samovar.services.lambda_.images import Unusable
from samovar.services.lambda_.selfmanaged import unreadable
from samovar.services.lambda_.state import State
from samovar.store.errors import StoreError

EVERY_S = 60.0

_log = logging.getLogger(__name__)


class Watch:
    """Looks from `start` until `close`, while there is such code."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._timer: Timer | None = None
        state.revive = partial(_revive, state)
        state.watch = self.start

    def start(self) -> None:
        """Also when it has started."""
        if self._timer is None and any(each.code.source for each in self._state.everything()):
            clock = self._state.clock
            self._timer = clock.at(clock.now() + EVERY_S, lambda: self._state.spawn(self._look()))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def _look(self) -> None:
        try:
            await look(self._state)
        except StoreError as error:
            _log.warning("lambda: what became of code in buckets couldn't be noted, trying again later: %s", error)
        self._timer = None
        self.start()


async def look(state: State) -> None:
    """Make Inactive what can't have its code any more."""
    for deployed in state.everything():
        if deployed.code.source is not None and deployed.state is Standing.ACTIVE:
            problem = await state.code.bucket.problem(deployed.code.source)
            if problem is not None:
                await _lose(state, deployed, unreadable(problem).message)


async def _lose(state: State, deployed: Function | Published, problem: str) -> None:
    async with state.lock(deployed.key):
        current = state.current(deployed)
        if current is not None and current.code == deployed.code and current.state is Standing.ACTIVE:
            await state.become(functions.inactive(current, uuid4(), problem))


async def _revive(state: State, deployed: Function | Published) -> None:
    """Bring it into force if its code can be had again; what waits for it since the start otherwise is Inactive."""
    async with state.lock(deployed.key):
        current = state.current(deployed)
        if current is None or not _waits(current):
            return
        try:
            if current.code.source is not None:
                await state.code.bucket.check(current.code.source)
            await state.code.restore(current)
        except AwsError as error:
            if current.state is not Standing.INACTIVE:
                await state.become(functions.inactive(current, uuid4(), error.message))
            return
        except StoreError as error:
            await state.become(functions.failed(current, uuid4(), functions.Reason(str(error), "InternalError")))
            return
        except Unusable as lost:
            await state.become(functions.failed(current, uuid4(), lost.reason))
            return
        if isinstance(current, Published) and current.configuration.snap_start:
            await state.change(functions.restoring(current, uuid4()))
        else:
            await state.become(functions.settled(current, uuid4()))


def _waits(deployed: Function | Published) -> bool:
    return deployed.state is Standing.INACTIVE or deployed.reason == functions.RESTORING
