"""What the parts of a template do.

Owns: the functions that the parser puts together: a `Part` writes, an `Evaluate` gives a value. Semantics are
Velocity 1.7's with what is recorded of API Gateway: a reference without a value prints nothing. A template is put
together once; rendering only calls.
"""

import math
from collections.abc import Callable, Iterable

from samovar.web.template import methods
from samovar.web.template.errors import RenderError, TemplateError
from samovar.web.template.run import Run
from samovar.web.template.values import ArrayList, Printable, Value, as_key, equal, is_number, number, sized, text

Part = Callable[[Run], None]
Block = Part
Evaluate = Callable[[Run], Value]

MAX_ITERATIONS = 1000
"""A loop ends after so many, without an error (facts/apigateway.md §5; `directive.foreach.maxloops`)."""
_CHARS_PER_STEP = 16
"""A block's length says what running it once costs."""


class Stop(Exception):
    """`#stop`, and `#break` outside of a loop: the template ends here."""


class Break(Exception):
    """`#break`."""


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


class Macro:
    def __init__(self) -> None:
        self.parameters: list[str] = []
        self.body: Block = _nothing


Macros = dict[str, Macro]


class Loop(Printable):
    """`$foreach`."""

    __slots__ = ("index", "parent", "size")

    def __init__(self, size: int, parent: "Loop | None") -> None:
        self.index = 0
        self.size = size
        self.parent = parent

    def property(self, name: str) -> Value:
        if name == "topmost":
            top = self
            while top.parent is not None:
                top = top.parent
            return top
        return {
            "index": self.index,
            "count": self.index + 1,
            "hasNext": self.index + 1 < self.size,
            "first": self.index == 0,
            "last": self.index + 1 >= self.size,
            "parent": self.parent,
        }.get(name)

    def stop(self) -> None:
        raise Break


def _nothing(run: Run) -> None:
    """An empty body."""


# ---------------------------------------------------------------------------------------------------- parts


def write(fixed: str) -> Part:
    return lambda run: run.out.append(fixed)  # its length is in the cost of its block


def block(parts: list[Part], length: int) -> Block:
    cost = 1 + length // _CHARS_PER_STEP

    def render(run: Run) -> None:
        run.charge(cost)
        for part in parts:
            part(run)

    return render


def show(reference: Reference) -> Part:
    get = reference.get

    def render(run: Run) -> None:
        value = get(run)
        if value is not None:
            run.emit(value if type(value) is str else str(value) if type(value) is int else text(value, run.charge))

    return render


def escaped(reference: Reference, count: int) -> Part:
    """A reference behind backslashes: each two are one, and an odd one makes it text."""
    half = "\\" * (count // 2)

    def render(run: Run) -> None:
        value = reference.get(run)
        if count % 2:
            run.emit(half + ("\\" if value is None else "") + reference.spelled)
        else:
            run.emit(half + text(value, run.charge))

    return render


def assign(target: Reference, value: Evaluate) -> Part:
    return lambda run: target.put(value(run), run)


def choose(ways: list[tuple[Evaluate, Block]], otherwise: Block | None) -> Part:
    def render(run: Run) -> None:
        for condition, way in ways:
            if truth(condition(run)):
                way(run)
                return
        if otherwise:
            otherwise(run)

    return render


def loop(name: str, over: Evaluate, body: Block) -> Part:
    def render(run: Run) -> None:
        items = _items(over(run), run)
        variables = run.variables
        before = {word: variables.get(word) for word in (name, "foreach", "velocityCount", "velocityHasNext")}
        parent = before["foreach"]
        state = Loop(len(items), parent if isinstance(parent, Loop) else None)
        try:
            for index, item in enumerate(items[:MAX_ITERATIONS]):
                run.charge(2)
                state.index = index
                variables[name] = item
                variables["foreach"] = state
                variables["velocityCount"] = index + 1
                variables["velocityHasNext"] = index + 1 < len(items)
                body(run)
        except Break:
            pass
        finally:
            variables.update(before)

    return render


def _items(value: Value, run: Run) -> list[Value]:
    if isinstance(value, dict):
        value = list(value.values())
    elif isinstance(value, Iterable) and isinstance(value, Printable):
        value = list(value)
    if not isinstance(value, list):
        return []
    run.charge(len(value) // 16)
    return value[: MAX_ITERATIONS + 1]  # a copy: the body may change the list


def stop(loop: bool) -> Part:
    def render(run: Run) -> None:
        if loop and isinstance(run.variables.get("foreach"), Loop):
            raise Break
        raise Stop

    return render


def define(name: str, body: Block) -> Part:
    def render(run: Run) -> None:
        run.variables[name] = Defined(body)

    return render


def evaluate(source: Evaluate, parse: Callable[[str], Block]) -> Part:
    def render(run: Run) -> None:
        template = text(source(run), run.charge)
        run.charge(len(template))
        run.enter()
        try:
            parse(template)(run)
        except TemplateError as error:
            raise RenderError(str(error)) from None
        run.leave()

    return render


def call(macro: Macro, arguments: list[Evaluate], body: Block | None) -> Part:
    def render(run: Run) -> None:
        run.enter()
        values = [argument(run) for argument in arguments][: len(macro.parameters)]
        variables = run.variables
        names = [*macro.parameters, *(["bodyContent"] if body else [])]
        before = {name: variables.get(name) for name in names}
        variables.update(zip(macro.parameters, [*values, *[None] * (len(macro.parameters) - len(values))], strict=True))
        if body:
            variables["bodyContent"] = Defined(body)
        try:
            macro.body(run)
        finally:
            variables.update(before)
        run.leave()

    return render


# ---------------------------------------------------------------------------------------------------- expressions


def truth(value: Value) -> bool:
    """Only `false` and no value are false; an empty string, zero and an empty list are true."""
    return value is not None and value is not False


class Made:
    """A value that is spelled out: as a condition it is false, whatever it is (Velocity 1.7)."""

    __slots__ = ("_make",)

    def __init__(self, make: Evaluate) -> None:
        self._make = make

    def __call__(self, run: Run) -> Value:
        return self._make(run)


def condition(value: Evaluate) -> Evaluate:
    if isinstance(value, Made):
        return lambda run: False
    return lambda run: truth(value(run))


def constant(value: Value) -> Evaluate:
    return (lambda run: value) if isinstance(value, bool) else Made(lambda run: value)


def interpolate(template: Block) -> Evaluate:
    return Made(lambda run: sized(run.capture(template), run.charge))


def negate(value: Evaluate) -> Evaluate:
    holds = condition(value)
    return lambda run: not holds(run)


def make_list(items: list[Evaluate]) -> Evaluate:
    return Made(lambda run: ArrayList(item(run) for item in items))


def make_map(pairs: list[tuple[Evaluate, Evaluate]]) -> Evaluate:
    return Made(lambda run: {as_key(key(run)): value(run) for key, value in pairs})


def make_range(first: Evaluate, last: Evaluate) -> Evaluate:
    def value(run: Run) -> Value:
        a, b = first(run), last(run)
        if not (is_number(a) and is_number(b)):
            return None
        if not (math.isfinite(a) and math.isfinite(b)):
            return None
        a, b = int(a), int(b)
        run.charge(abs(b - a) // 4)
        return ArrayList(range(a, b + 1) if a <= b else range(a, b - 1, -1))

    return Made(value)


def binary(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if sign in ("&&", "||"):
        one, other = condition(left), condition(right)
        return (lambda run: one(run) and other(run)) if sign == "&&" else (lambda run: one(run) or other(run))
    if sign == "==":
        return lambda run: equal(left(run), right(run), run.charge)
    if sign == "!=":
        return lambda run: not equal(left(run), right(run), run.charge)
    if sign in _COMPARE:
        compare = _COMPARE[sign]
        return lambda run: compare(left(run), right(run))
    if sign == "+":
        return Made(lambda run: _add(run, left, right))
    return Made(lambda run: _arithmetic(sign, left(run), right(run)))


def _comparison(test: Callable[[float, float], bool]) -> Callable[[Value, Value], bool]:
    """Only numbers have an order; anything else is false."""
    return lambda left, right: is_number(left) and is_number(right) and test(left, right)


_COMPARE = {
    "<": _comparison(lambda a, b: a < b),
    "<=": _comparison(lambda a, b: a <= b),
    ">": _comparison(lambda a, b: a > b),
    ">=": _comparison(lambda a, b: a >= b),
}


def _add(run: Run, left: Evaluate, right: Evaluate) -> Value:
    """Numbers are added; a string makes the other side a string, a reference without a value as it is written."""
    a, b = left(run), right(run)
    if isinstance(a, str) or isinstance(b, str):
        a, b = _spelled(left) if a is None else a, _spelled(right) if b is None else b
        return sized(text(a, run.charge) + text(b, run.charge), run.charge)
    return _arithmetic("+", a, b)


def _spelled(value: Evaluate) -> str:
    owner = getattr(value, "__self__", None)
    return owner.spelled if isinstance(owner, Reference) else "null"


def _arithmetic(sign: str, left: Value, right: Value) -> Value:
    """Of numbers; anything else, and a division by zero, has no value."""
    if not (is_number(left) and is_number(right)):
        return None
    if sign in "/%" and right == 0:
        return None
    try:
        return _calculate(sign, left, right)
    except OverflowError:
        return None


def _calculate(sign: str, left: int | float, right: int | float) -> int | float:
    if sign == "+":
        value = left + right
    elif sign == "-":
        value = left - right
    elif sign == "*":
        value = left * right
    elif isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)  # towards zero, as Java does
        value = quotient if sign == "/" else left - quotient * right
    else:
        value = left / right if sign == "/" else math.fmod(left, right)
    return number(value) if isinstance(value, int) else value
