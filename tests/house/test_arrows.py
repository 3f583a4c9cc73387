"""Arrows between rooms point down, rooms of one floor are strangers, nothing goes in circles, imports stand on top."""

import ast
import sys
from collections.abc import Iterator

FLOORS = {
    "core": 0,
    "net": 1,
    "wire": 1,
    "store": 1,
    "policy": 1,
    "sandbox": 1,
    "engine": 2,
    "delivery": 3,
    "web": 3,
    "services": 4,
    "gateway": 4,
    "settings": 4,
    "app": 5,
    "cli": 6,
}
FLOOR_0_MAY_IMPORT = {"msgspec"}
OUTSIDE_THE_HOUSE = {
    "runtimes": "it runs inside environments, under the function's interpreter, and is never imported by the server",
    "__main__": "it only starts the cli",
}


def imports(module, tree=None) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported; `from a import b` gives `a.b`, relative names are resolved."""
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    for node in ast.walk(tree or module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                ups = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*ups, base] if base else ups)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def area(name: str) -> str:
    """The room of a dotted name; for services the single service, because they are strangers to each other."""
    parts = name.split(".")[1:]
    if parts[:1] == ["services"] and len(parts) > 1:
        return f"services.{parts[1]}"
    return parts[0] if parts else ""


def wrong_arrows(modules) -> list[str]:
    rooms = {module.room for module in modules}
    wrong = []
    for module in modules:
        here = area(module.name)
        if module.room in OUTSIDE_THE_HOUSE or not here:
            continue
        for line, target in imports(module):
            if not target.startswith("samovar."):
                continue
            there = area(target)
            room = there.partition(".")[0]
            if there == here or (room not in FLOORS and room not in rooms):
                continue  # a word of `samovar` itself, such as __version__
            where = f"{module.path}:{line}: {here} may not import {there}, because"
            if room in OUTSIDE_THE_HOUSE:
                wrong.append(f"{where} {OUTSIDE_THE_HOUSE[room]}")
            elif room not in FLOORS or module.room not in FLOORS:
                unknown = room if room not in FLOORS else module.room
                wrong.append(f"{where} `{unknown}` stands on no floor: give it one in tests/house/test_arrows.py")
            elif FLOORS[room] > FLOORS[module.room]:
                wrong.append(
                    f"{where} arrows point down and it lies above (floor {FLOORS[room]} over {FLOORS[module.room]}): "
                    "let the room above hand in what is needed"
                )
            elif here.startswith("services.") and there.startswith("services."):
                wrong.append(
                    f"{where} services are strangers: each may be replaced by a remote endpoint. "
                    "Use `await ctx.call(service, operation, params)`"
                )
            elif FLOORS[room] == FLOORS[module.room] and room != module.room:
                wrong.append(
                    f"{where} rooms on one floor are strangers: move the shared word down to core, "
                    "or let the floor above bring the two together"
                )
    return wrong


def strangers_in_core(modules) -> list[str]:
    return [
        f"{module.path}:{line}: core may not import {target}, because everything stands on core: it takes only the "
        f"standard library and {', '.join(sorted(FLOOR_0_MAY_IMPORT))}"
        for module in modules
        if module.room == "core"
        for line, target in imports(module)
        if target.split(".")[0] not in {*sys.stdlib_module_names, *FLOOR_0_MAY_IMPORT, "samovar"}
    ]


def cycles(modules) -> list[list[str]]:
    """Groups of modules that import each other (strongly connected components, by Tarjan).

    Imports under TYPE_CHECKING count: to the reader they are arrows, too.
    """
    names = {module.name for module in modules}
    arrows: dict[str, set[str]] = {}
    for module in modules:
        targets = set()
        for _, target in imports(module):
            targets.add(target if target in names else target.rpartition(".")[0])
        arrows[module.name] = (targets & names) - {module.name}
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        path.append(name)
        for target in sorted(arrows[name]):
            if target not in order:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in path:
                low[name] = min(low[name], order[target])
        if low[name] == order[name]:
            at = path.index(name)
            if len(path) - at > 1:
                found.append(sorted(path[at:]))
            del path[at:]

    for name in sorted(arrows):
        if name not in order:
            visit(name)
    return found


def hidden_imports(modules) -> list[str]:
    wrong = []
    for module in modules:
        if module.inside:
            continue  # in a box, what is imported when is part of its start time; test_inside.py says what
        for function in ast.walk(module.tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for line, target in imports(module, function):
                wrong.append(
                    f"{module.path}:{line}: {function.name}() imports {target} inside itself. That hides an arrow or "
                    "a cycle: import it at the top. (What few servers need may come by `later`, see `core/later`.)"
                )
    return wrong


def test_arrows_point_down_and_rooms_of_one_floor_are_strangers(house):
    wrong = wrong_arrows(house)
    assert not wrong, "\n".join(wrong)


def test_core_stands_on_the_standard_library_and_msgspec(house):
    wrong = strangers_in_core(house)
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle(house):
    found = cycles(house)
    assert not found, "these import each other; move what they share into a module below both:\n" + "\n".join(
        " <-> ".join(group) for group in found
    )


def test_imports_stand_at_the_top(house):
    wrong = hidden_imports(house)
    assert not wrong, "\n".join(wrong)


def test_an_arrow_upwards_is_noticed(module):
    [wrong] = wrong_arrows([module("samovar.net.server", "from samovar.engine.pool import Pool")])
    assert "net may not import engine, because arrows point down" in wrong


def test_a_stranger_of_the_same_floor_is_noticed(module):
    [wrong] = wrong_arrows([module("samovar.wire.rest", "import samovar.store.table")])
    assert "wire may not import store, because rooms on one floor are strangers" in wrong


def test_two_services_that_know_each_other_are_noticed(module):
    [wrong] = wrong_arrows([module("samovar.services.lambda_.ops", "from samovar.services.logs.state import Logs")])
    assert "services.lambda_ may not import services.logs, because services are strangers" in wrong


def test_a_relative_import_is_an_arrow_too(module):
    [wrong] = wrong_arrows([module("samovar.core.arn", "from ..app import run")])
    assert "core may not import app" in wrong


def test_a_room_without_a_floor_is_noticed(module):
    [wrong] = wrong_arrows([module("samovar.attic", ""), module("samovar.app", "import samovar.attic")])
    assert "`attic` stands on no floor" in wrong


def test_the_server_importing_what_runs_inside_an_environment_is_noticed(module):
    runtime = module("samovar.runtimes.python", "")
    [wrong] = wrong_arrows([runtime, module("samovar.engine.x", "import samovar.runtimes.python")])
    assert "it runs inside environments" in wrong


def test_arrows_downwards_and_within_a_room_are_fine(module):
    modules = [
        module("samovar.engine.pool", "from samovar.core.clock import Clock\nfrom . import model"),
        module("samovar.app", "from samovar import __version__\nfrom samovar.services.sts import service"),
    ]
    assert wrong_arrows(modules) == []


def test_a_third_party_import_in_core_is_noticed(module):
    [wrong] = strangers_in_core([module("samovar.core.pages", "import json\nimport msgspec\nimport httptools")])
    assert "core may not import httptools" in wrong


def test_a_circle_is_noticed(module):
    a = module("samovar.engine.a", "from samovar.engine import b")
    b = module("samovar.engine.b", "from samovar.engine.c import x")
    c = module("samovar.engine.c", "import samovar.engine.a")
    assert cycles([a, b, c]) == [["samovar.engine.a", "samovar.engine.b", "samovar.engine.c"]]
    assert cycles([a, b]) == []


def test_an_import_inside_a_function_is_noticed(module):
    [wrong] = hidden_imports([module("samovar.engine.a", "def f():\n    import json")])
    assert "f() imports json inside itself" in wrong
