"""What Velocity 1.7 itself writes for a few hundred templates, white space and corners included.

`velocity.json` was recorded from its release, with the handler that prints nothing for a reference without a value.
Left out are what Velocity can't read at the very end of a text (`$`, `#`), and Java's names of classes.
"""

from pathlib import Path

import msgspec
import pytest

from samovar.web.template import Scope, compile

RECORDED = msgspec.json.decode((Path(__file__).parent / "velocity.json").read_bytes())


@pytest.mark.parametrize("part", range(8))
def test_a_template_writes_what_velocity_writes(part):
    wrong = []
    for template, expected in RECORDED["vectors"][part::8]:
        written = compile(RECORDED["before"] + template).render(Scope())
        if written != expected:
            wrong.append((template, expected, written))
    assert not wrong
