"""Where the examples deploy to: the platform, unless AWS is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("example", ["chat", "todo"])
def test_an_example_asks_the_platform_whatever_profile_the_user_has(example, tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = {**kept, "HOME": str(tmp_path), "AWS_PROFILE": "absent", "AWS_MAX_ATTEMPTS": "1"}
    command = [sys.executable, str(EXAMPLES / example / "deploy.py"), "--endpoint", "http://127.0.0.1:1"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith('The deployment stopped: Could not connect to the endpoint URL: "http://127.0.0.1:1')
