"""scripts/tails.py measures what it says it measures."""

import ast
import importlib.util

import pytest


@pytest.fixture(scope="module")
def tails(root):
    spec = importlib.util.spec_from_file_location("tails", root / "scripts" / "tails.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_function_is_measured_by_lines_arguments_and_nesting(tails):
    source = """
class A:
    async def f(self, a, /, b, *, c):
        if a:
            pass
        elif b:
            for _ in c:
                with a:
                    pass
        def inner():
            while True:
                pass
"""
    f, inner = tails.functions(ast.parse(source), "x.py")
    assert (f.name, f.where, f.lines, f.arguments, f.depth) == ("f", "x.py:3", 10, 3, 3)
    assert (inner.name, inner.depth) == ("inner", 1)


def test_the_tails_are_listed_longest_first(tails, tmp_path, capsys):
    (tmp_path / "short.py").write_text("def small():\n    pass\n")
    (tmp_path / "long.py").write_text("def large():\n" + "    pass\n" * 400)
    tails.main([str(tmp_path)])
    shown = capsys.readouterr().out
    assert "1 of 2 under 300 lines" in shown
    assert shown.index("long.py") < shown.index("short.py")
    assert shown.index("large") < shown.index("small")


def test_nothing_to_measure_is_an_error(tails, tmp_path):
    with pytest.raises(SystemExit, match="no functions"):
        tails.main([str(tmp_path)])
