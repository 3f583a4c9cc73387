"""A running platform for tests that cross the wire: one server process for the session, boto3 clients on it.

State is kept apart by accounts: `account` is a fresh one per test, so no test sees another's resources.
"""

import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

REGION = "us-east-1"
_STOP_S = 20
_ACCOUNTS = itertools.count(100_000_000_000)


class ServerDied(Exception):
    """The server ended before it was ready."""


def start_server(*flags: str) -> tuple[subprocess.Popen[str], str]:
    """Start `samovar up` on a free port; the process, and its endpoint as the readiness line names it."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("SAMOVAR_", "AWS_"))}
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
    process = subprocess.Popen(
        [sys.executable, "-c", "from samovar.cli import main; main()", "up", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=settings,
    )
    assert process.stdout is not None
    for line in process.stdout:
        ready = re.match(r"Ready\. (http://\S+)", line)
        if ready:
            errors.close()
            return process, ready[1]
    process.wait()
    errors.seek(0)
    said = errors.read()
    errors.close()
    process.stdout.close()
    raise ServerDied(f"samovar up ended with {process.returncode}:\n{said}")


def stop_server(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Base URL of the session's server: ephemeral, and reset is allowed."""
    process, address = start_server("--ephemeral", "--allow-reset")
    yield address
    stop_server(process)


@pytest.fixture
def account() -> str:
    """12 digits that no other test has."""
    return str(next(_ACCOUNTS))


@pytest.fixture
def client(endpoint: str, account: str) -> Iterator[Callable[..., Any]]:
    """Makes boto3 clients: `client("logs")`, `client("logs", region="eu-west-1", account="222222222222")`."""
    made: list[Any] = []

    def make(service: str, *, region: str = REGION, account: str = account, **options: Any) -> Any:
        made.append(
            boto3.client(
                service,
                endpoint_url=endpoint,
                region_name=region,
                aws_access_key_id=account,
                aws_secret_access_key="any",
                config=Config(retries={"total_max_attempts": 1}, **options),
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()
