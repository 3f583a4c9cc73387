"""A short run of `scripts/soak kills`: whoever is killed, and when, everybody is answered and nothing is left."""

import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 24


@pytest.mark.root
@pytest.mark.timeout(300)
def test_kills_at_random_moments_cost_nobody_an_answer_and_leave_nothing():
    program = Path(__file__).parents[1] / "soak" / "kills.py"
    done = subprocess.run([sys.executable, str(program), str(KILLS)], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
