"""What a service hands to the app: its name and its operations.

Rule: an operation is a public function named after AWS's operation in snake case (`create_function` -> CreateFunction);
`async def op(state, ctx, params)` for ordinary ones, plain `def op(state, ctx, params, reply)` for direct ones.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import msgspec

from samovar.core.access import Access
from samovar.core.context import DirectOperation, Operation
from samovar.core.later import loaded


class Service(msgspec.Struct, frozen=True):
    name: str
    """As boto3 names the client: `lambda`, `logs`, `sts`."""
    operations: Mapping[str, Operation]
    """Folded operation name (see `fold`) -> operation."""
    direct: Mapping[str, DirectOperation]
    """The few on the hot path."""
    close: Callable[[], Awaitable[None]] | None = None
    """Stops what the service runs by itself; the app awaits it at shutdown."""
    reset: Callable[[], Awaitable[None]] | None = None
    """Empties the service (POST /_samovar/reset)."""
    access: Access | None = None
    """What its operations need to be allowed; without it, whoever may do everything on `*`."""


def fold(operation: str) -> str:
    """The key of an operation: `CreateFunction` and `create_function` both give `createfunction`."""
    return operation.replace("_", "").lower()


def bind(state: Any, *modules: ModuleType) -> tuple[dict[str, Operation], dict[str, DirectOperation]]:
    """The public functions that `modules` define themselves, bound to `state`: (ordinary, direct)."""
    ordinary: dict[str, Operation] = {}
    direct: dict[str, DirectOperation] = {}
    for module in map(loaded, modules):
        for name, function in vars(module).items():
            if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != module.__name__:
                continue
            if inspect.iscoroutinefunction(function):
                ordinary[fold(name)] = partial(function, state)
            else:
                direct[fold(name)] = partial(function, state)
    return ordinary, direct


class _Late(Mapping[str, Operation]):
    def __init__(self, state: Any, modules: tuple[ModuleType, ...]) -> None:
        self._unbound = (state, *modules)
        self._bound: dict[str, Operation] = {}

    def _all(self) -> dict[str, Operation]:
        if not self._bound:
            self._bound, direct = bind(*self._unbound)
            if direct:
                raise TypeError(f"direct operations aren't bound late: {', '.join(direct)}")
        return self._bound

    def __getitem__(self, name: str) -> Operation:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def bind_late(state: Any, *modules: ModuleType) -> Mapping[str, Operation]:
    """The same for modules that come by `later`, when the first of their operations is asked for; none is direct. For
    services that are there from the start, and mostly aren't called."""
    return _Late(state, modules)
