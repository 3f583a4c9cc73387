"""A short run of `scripts/soak pipeline`: the server is killed while events flow from a bucket to a destination."""

import subprocess
import sys
from pathlib import Path

import pytest

KILLS, EVENTS = 4, 120


@pytest.mark.root
@pytest.mark.timeout(300)
def test_every_acknowledged_event_arrives_at_the_end_of_the_pipeline_and_groups_in_order():
    program = Path(__file__).parents[1] / "soak" / "pipeline.py"
    command = [sys.executable, str(program), str(KILLS), str(EVENTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
