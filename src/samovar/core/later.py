"""Modules that are imported when something of theirs is first used, because not every server needs them.

    if TYPE_CHECKING:
        from samovar.services import sns
    else:
        sns = later("samovar.services.sns")

Rule: it stands where imports stand, and says the same twice: to the type checker and the house's rules by an import, to
Python by a name (tests/house/test_later.py). What any first call needs is imported in the ordinary way.
"""

from importlib import import_module
from types import ModuleType


class _Later:
    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> object:
        return getattr(self._imported(), attribute)

    def _imported(self) -> ModuleType:
        if self._module is None:
            self._module = import_module(self._name)
        return self._module


def later(name: str) -> _Later:
    """The module of this dotted name, imported when an attribute of it is asked for."""
    return _Later(name)


def loaded(module: ModuleType) -> ModuleType:
    """The module itself, for who looks through it."""
    return module._imported() if isinstance(module, _Later) else module
