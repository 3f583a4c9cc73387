"""What the parts of a template do.

Owns: the functions that the parser puts together; what they show is a reference's (`references`) or an expression's
(`operators`). Semantics are Velocity 1.7's with what is recorded of API Gateway: a reference without a value prints
nothing. A template is put together once; rendering only calls.
"""

from collections.abc import Callable, Iterable

from samovar.web.template.errors import RenderError, TemplateError
from samovar.web.template.operators import truth
from samovar.web.template.references import Block, Defined, Evaluate, Part, Reference
from samovar.web.template.run import Run
from samovar.web.template.values import Printable, Value, text

MAX_ITERATIONS = 1000
"""A loop ends after so many, without an error (facts/apigateway.md §5; `directive.foreach.maxloops`)."""
_CHARS_PER_STEP = 16
"""A block's length says what running it once costs."""


class Stop(Exception):
    """`#stop`, and `#break` outside of a loop: the template ends here."""


class Break(Exception):
    """`#break`."""


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
