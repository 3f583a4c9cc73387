"""What a box needs of its zygote, and what that needs of those that it forks."""

from typing import Protocol

from samovar.sandbox import spec
from samovar.sandbox.helper import Helper
from samovar.sandbox.port import Exit


class Mortal(Protocol):
    """What a zygote's child is the process of: a box, or a companion in one."""

    def died(self, how: Exit) -> None: ...


class Zygote(Protocol):
    """The interpreter that a box's occupants come from."""

    helper: Helper
    below: int
    """A template, whose forks enter their boxes by doors, has a number of its own; else 0."""
    base_mb: int
    """Memory that its children share with it."""
    command: spec.Command | None
    """What its boxes run, where that isn't a module of its own."""
    starts_early: bool
    """Whether an occupant is there before the box is taken."""
    occupants: dict[int, Mortal]

    def there(self) -> bool:
        """Whether it lives, and whatever it depends on."""
        ...

    @property
    def root(self) -> list[int]:
        """The process that a box's mounts are copied from; for a template's also what the keeper calls its origin."""
        ...
