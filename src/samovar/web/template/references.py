"""References of a template, and the steps from a value to the next.

Owns: what `$name.and[steps]` gives, and what assigning to it does. Semantics are Velocity 1.7's with what is recorded
of API Gateway: what has no value gives none, and nothing is assigned without one.
"""

from collections.abc import Callable

from samovar.web.template import methods
from samovar.web.template.run import Run
from samovar.web.template.values import Value, sized

Part = Callable[[Run], None]
"""Writes."""
Block = Part
Evaluate = Callable[[Run], Value]
"""Gives a value."""


class Step:
    """One step from a value to the next: a property, a method, an index."""

    __slots__ = ()

    def __call__(self, value: Value, run: Run) -> Value:
        raise NotImplementedError

    def put(self, value: Value, new: Value, run: Run) -> None:
        """A method can't be assigned to."""


class Property(Step):
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, value: Value, run: Run) -> Value:
        return value.get(self._name) if type(value) is dict else methods.attribute(run, value, self._name)

    def put(self, value: Value, new: Value, run: Run) -> None:
        methods.assign(run, value, self._name, new)


class Index(Step):
    __slots__ = ("_key",)

    def __init__(self, key: Evaluate) -> None:
        self._key = key

    def __call__(self, value: Value, run: Run) -> Value:
        return methods.item(run, value, self._key(run))

    def put(self, value: Value, new: Value, run: Run) -> None:
        methods.assign(run, value, self._key(run), new)


class Call(Step):
    __slots__ = ("_arguments", "_name")

    def __init__(self, name: str, arguments: list[Evaluate]) -> None:
        self._name = name
        self._arguments = arguments

    def __call__(self, value: Value, run: Run) -> Value:
        return methods.call(run, value, self._name, [argument(run) for argument in self._arguments])


class Reference:
    """`$name.and[steps]`."""

    __slots__ = ("_name", "_steps", "spelled")

    def __init__(self, name: str, steps: list[Step], spelled: str) -> None:
        self._name = name
        self._steps = steps
        self.spelled = spelled

    def get(self, run: Run) -> Value:
        value = run.variables.get(self._name)
        if type(value) is Defined:
            value = value.render(run)
        for step in self._steps:
            if value is None:
                return None
            value = step(value, run)
        return value

    def put(self, value: Value, run: Run) -> None:
        """Nothing is assigned without a value: the old one stays (Velocity 1.7's default)."""
        if value is None:
            return
        if not self._steps:
            run.variables[self._name] = value
            return
        owner = run.variables.get(self._name)
        for step in self._steps[:-1]:
            if owner is None:
                return
            owner = step(owner, run)
        if owner is not None:
            self._steps[-1].put(owner, value, run)


class Defined:
    """What `#define` and the body of a `#@macro` leave: rendered whenever it is looked at."""

    __slots__ = ("_block",)

    def __init__(self, block: Block) -> None:
        self._block = block

    def render(self, run: Run) -> str:
        run.enter()
        written = run.capture(self._block)
        run.leave()
        return sized(written, run.charge)
