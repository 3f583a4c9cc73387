"""docs/development.md, word by word: its shell blocks run as they are, in their order."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import RUNTIME

PAGE = Path(__file__).parents[3] / "docs" / "development.md"
AWS = shutil.which("aws") or str(Path(sys.executable).parent / "aws")

pytestmark = pytest.mark.root


def test_the_commands_of_the_page_do_what_it_says(platform, tmp_path):
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.S)
    environ = {
        "PATH": f"{Path(AWS).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": platform.endpoint,
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    if not Path(AWS).exists() or subprocess.run([AWS, "--version"], env=environ, capture_output=True).returncode:
        pytest.skip("no AWS CLI on this machine")

    def run(block: str) -> str:
        script = "set -e\n" + block.replace("python3.12", RUNTIME)
        done = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    tmp_path.chmod(0o755)
    assert run(blocks[0]).endswith('"hello"')
    assert run(blocks[1]).endswith('"hello again"')
    pytest.importorskip("debugpy")
    run(blocks[2])
    assert (tmp_path / "answer.json").read_text() == '"hello again"'
    run("aws lambda delete-function --function-name hello")
