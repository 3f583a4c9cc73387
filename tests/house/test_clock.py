"""Nobody reads the clock except through core/clock.Clock, so that tests can move time."""

import ast

WALL = {
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.asctime", "time.strftime",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
}  # fmt: skip
ONLY_WITHOUT_TIME = {"time.localtime": 1, "time.gmtime": 1, "time.ctime": 1, "time.asctime": 1, "time.strftime": 2}
"""These read the clock only when they are called without the time to format: with fewer arguments than this."""
STEADY = {"time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"}
WALL_ALLOWED = {"samovar.core.clock"}
STEADY_ALLOWED_ROOMS = {"sandbox"}
"""A box is a process of its own: it has no Clock to be handed, and no test moves the kernel's time."""
WHY = "take a core.clock.Clock as an argument (or the event loop's `loop.time()`), so that tests can move time"


def dotted(node: ast.expr) -> str:
    """The last two words: `datetime.now` of `datetime.datetime.now`."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value).rpartition('.')[2]}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def forbidden(module) -> set[str]:
    names = set() if module.name in WALL_ALLOWED or module.inside else set(WALL)
    if module.name not in WALL_ALLOWED and module.room not in STEADY_ALLOWED_ROOMS and not module.inside:
        names |= STEADY
    return names


def readings(modules) -> list[str]:
    wrong = []
    for module in modules:
        names = forbidden(module)
        formatted = {
            node.func
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Call) and len(node.args) >= ONLY_WITHOUT_TIME.get(dotted(node.func), 99)
        }
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and node not in formatted and dotted(node) in names:
                wrong.append(f"{module.path}:{node.lineno}: reads {dotted(node)}: {WHY}")
            elif isinstance(node, ast.ImportFrom) and node.module == "time":
                wrong += [
                    f"{module.path}:{node.lineno}: imports time.{alias.name}: {WHY}"
                    for alias in node.names
                    if f"time.{alias.name}" in names
                ]
    return wrong


def test_nobody_reads_the_clock_but_the_clock(house):
    wrong = readings(house)
    assert not wrong, "\n".join(wrong)


def test_each_way_to_read_the_clock_is_noticed(module):
    ways = ("time.time()", "datetime.datetime.now(UTC)", "date.today()", "time.monotonic()", "f(clock=time.time)")
    for expression in ways:
        assert len(readings([module("samovar.engine.x", f"x = {expression}")])) == 1, expression
    assert readings([module("samovar.engine.x", "from time import perf_counter")])


def test_formatting_a_given_time_is_fine(module):
    source = "a = time.gmtime(now)\nb = time.strftime('%Y', a)\nc = loop.time()\nd = datetime.fromtimestamp(now, UTC)"
    assert readings([module("samovar.engine.x", source)]) == []
    assert readings([module("samovar.engine.x", "a = time.strftime('%Y')")])


def test_a_box_may_measure_but_not_tell_the_time(module):
    assert readings([module("samovar.sandbox.process", "x = time.monotonic()")]) == []
    assert readings([module("samovar.sandbox.process", "x = time.time()")])
