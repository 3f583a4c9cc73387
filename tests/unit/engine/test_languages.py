"""What of a version's variables a process that has started already can still take."""

import re
from pathlib import Path

import pytest

import samovar
from samovar.engine.languages.nodejs import TAKEN_LATE, applies_late

OPTIONS = Path(samovar.__file__).parent / "runtimes" / "nodejs" / "options.cjs"


def test_the_options_that_node_takes_late_are_those_that_its_client_applies():
    text = OPTIONS.read_text()
    lists = re.findall(r"const (?:SIMPLE|SHORT|PRELOAD) = .*?;\n", text, re.DOTALL)
    assert set(re.findall(r"'(-[-a-z]+)'", "".join(lists))) == TAKEN_LATE


@pytest.mark.parametrize(
    ("options", "late"),
    [
        ("", True),
        ("--enable-source-maps -r ./a.js --import=./b.mjs", True),
        ("--enable_source_maps --stack-trace-limit 50", True),
        ("--enable-source-maps --max-old-space-size=96", False),
        ("--unknown", False),
    ],
)
def test_some_options_have_to_be_there_at_the_start(options, late):
    assert applies_late(options) is late
