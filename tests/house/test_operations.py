"""docs/operations.md tells what is there: it is what scripts/operations.py writes, as far as it is done."""

import importlib.util

import pytest


@pytest.fixture(scope="module")
def operations(root):
    spec = importlib.util.spec_from_file_location("operations", root / "scripts" / "operations.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_operations_is_up_to_date(operations):
    same = operations.done(operations.PAGE.read_text()) == operations.done(operations.page())
    assert same, "docs/operations.md is out of date. Write it anew: .venv/bin/python scripts/operations.py"


def test_an_operation_is_done_when_the_services_ops_define_it_and_its_docstring_is_its_note(operations, tmp_path):
    source = 'async def create_it(): """Not | with\n    images.\n\n    More."""\ndef _helper(): ...\n'
    (tmp_path / "ops.py").write_text(source)
    there = operations.notes(tmp_path)
    assert operations.rows(frozenset({"DeleteIt", "CreateIt"}), there) == [
        ("CreateIt", True, "Not \\| with images."),
        ("DeleteIt", False, ""),
    ]
