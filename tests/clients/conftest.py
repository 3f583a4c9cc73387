"""Other clients than the boto3 that is installed beside Samovar: the oldest boto3 that is supported, and the AWS CLI.

The newest boto3 is the one that every other test uses, since Samovar sets no upper bound. The others come from PyPI.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fetched
import pytest

OLDEST_BOTO3 = "boto3==1.18.0" if sys.version_info < (3, 12) else "boto3==1.28.84"
"""Of July 2021; the older ones' libraries can't be imported by Python 3.12, nor these by later ones."""
CLI = "awscli>=1.40,<2"


@pytest.fixture(scope="session")
def oldest_boto3() -> Path:
    return fetched.python(OLDEST_BOTO3)


@pytest.fixture(scope="session")
def cli() -> Path:
    return fetched.python(CLI)


@pytest.fixture
def run(endpoint: str, account: str, tmp_path: Path) -> Callable[..., Any]:
    """Runs Python with a client's folder in front, as a user of an account of its own."""

    def run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
        environ |= {
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "ENDPOINT": endpoint,
            "AWS_ENDPOINT_URL": endpoint,
            "HOME": str(tmp_path),
        }
        if folder:
            environ["PYTHONPATH"] = str(folder)
        return subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, timeout=100, env=environ, cwd=tmp_path
        )

    return run
