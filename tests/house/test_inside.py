"""What runs inside an environment runs under the function's interpreter: stdlib only, Python 3.8 and later."""

import ast
import sys

OLDEST = (3, 8)
FROM_AWS = {"samovar.runtimes.python": {"awslambdaric"}}
"""Packages that Samovar puts into the environment itself (/var/runtime)."""


def imported(tree: ast.Module) -> list[tuple[int, str, int]]:
    """(line, first word, level of a relative import)."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.split(".")[0], 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, (node.module or "").split(".")[0], node.level))
    return found


def foreign(modules) -> list[str]:
    modules = [module for module in modules if module.inside]
    wrong = []
    for module in modules:
        folder = module.path.rpartition("/")[0]
        beside = {m.name.rpartition(".")[2] for m in modules if m.path.rpartition("/")[0] == folder}
        given = set().union(*(names for prefix, names in FROM_AWS.items() if module.name.startswith(prefix)))
        for line, name, level in imported(module.tree):
            if level > 1:
                wrong.append(f"{module.path}:{line}: imports from above its folder, which isn't there inside")
            elif level == 0 and name not in {*sys.stdlib_module_names, *beside, *given}:
                wrong.append(
                    f"{module.path}:{line}: imports {name}, which isn't there inside an environment: only the standard "
                    "library of the function's interpreter is, and the modules beside it"
                )
    return wrong


def too_new(path: str, source: str) -> str | None:
    """What Python 3.8 cannot read, or None."""
    try:
        ast.parse(source, path, feature_version=OLDEST)
    except SyntaxError as error:
        return f"{path}:{error.lineno}: {error.msg}: functions run on Python {'.'.join(map(str, OLDEST))} and later"
    return None


def test_what_runs_inside_imports_the_standard_library_only(house):
    wrong = foreign(house)
    assert not wrong, "\n".join(wrong)


def test_what_runs_inside_can_be_read_by_the_oldest_python(house, root):
    wrong = [too_new(m.path, (root / m.path).read_text()) for m in house if m.inside]
    assert not any(wrong), "\n".join(filter(None, wrong))


def test_a_foreign_import_is_noticed(module):
    for source in ("import samovar.core.ids", "from msgspec import Struct", "def f():\n    import boto3"):
        [wrong] = foreign([module("samovar.sandbox.inside.box", source, "inside/box.py")])
        assert "isn't there inside" in wrong
    assert foreign([module("samovar.sandbox.inside.box", "from ..port import Sandbox", "inside/box.py")])
    assert foreign([module("samovar.sandbox.inside.box", "import awslambdaric", "inside/box.py")])


def test_the_standard_library_neighbours_and_what_aws_brings_are_fine(module):
    box = module("samovar.sandbox.inside.box", "import os\nimport syscalls\nfrom . import syscalls", "inside/box.py")
    neighbour = module("samovar.sandbox.inside.syscalls", "import ctypes", "inside/syscalls.py")
    client = module("samovar.runtimes.python.client", "from awslambdaric import bootstrap", "runtimes/python/client.py")
    assert foreign([box, neighbour, client]) == []


def test_new_syntax_is_noticed():
    assert "3.8" in (too_new("x.py", "match a:\n    case 1: pass") or "")
    assert too_new("x.py", "if (a := 1): pass") is None
