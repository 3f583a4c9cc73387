"""From an image that was found to a function that runs in it: while it is Pending, or its update InProgress.

Rule: what can't be unpacked fails the function, or its update, which then leaves it as it was.
"""

from collections.abc import Sequence
from functools import partial

from samovar.core.ids import uuid4
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.function import Function, Published
from samovar.services.lambda_.images import Unusable
from samovar.services.lambda_.state import State


def attach(state: State) -> None:
    """Let images be unpacked from now on."""
    state.unpack = partial(_unpack, state)


async def _unpack(state: State, deployed: Sequence[Function | Published], before: Function | None) -> None:
    """Make the root of a function and its versions with the same image, which may take minutes and holds nobody up;
    then bring them into force."""
    try:
        await state.code.restore(deployed[0])
    except Unusable as lost:
        async with state.lock(deployed[0].key):
            for each in _waiting(state, deployed):
                await state.become(functions.unusable(each, before, uuid4(), lost.reason))
        return
    waiting = _waiting(state, deployed)
    if waiting:
        state.settling.bring_into_force(*waiting, before=before)


def _waiting(state: State, deployed: Sequence[Function | Published]) -> list[Function | Published]:
    """Those that are still there, and still wait for this image: they may have been deleted, perhaps made anew."""
    found = [state.current(each) for each in deployed]
    return [each for each in found if each and each.code == deployed[0].code and functions.unsettled(each)]
