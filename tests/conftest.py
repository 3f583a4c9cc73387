"""A running platform for tests that cross the wire: one server process for the session, boto3 clients on it.

State is kept apart by accounts: `account` is a fresh one per test, so no test sees another's resources. Functions that
tests deploy have names of their own and go with the test. What the server said is attached to the tests that fail.
"""

import base64
import io
import itertools
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import hypothesis
import pytest
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "123456789012"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The one that is certainly here: the server's own."""
# How long an example takes says nothing on a busy machine.
hypothesis.settings.register_profile("samovar", deadline=None)
hypothesis.settings.load_profile("samovar")
_STOP_S = 60
_ACCOUNTS = itertools.count(100_000_000_000)
_COMMAND = [sys.executable, "-c", "from samovar.cli import main; main()"]


class ServerDied(Exception):
    """The server ended before it was ready."""


def package(code: str | Mapping[str, str | bytes], modes: Mapping[str, int] = {}) -> bytes:
    """A zip of sources, which may be indented as the test that holds them is, and of other files."""
    files: Mapping[str, str | bytes] = {"h.py": code} if isinstance(code, str) else code
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | modes.get(name, 0o644)) << 16
            archive.writestr(entry, textwrap.dedent(text) if isinstance(text, str) else text)
    return buffer.getvalue()


class Answer:
    """What an invocation came to, as the caller sees it."""

    def __init__(self, response: Mapping[str, Any]) -> None:
        self.status: int = response["StatusCode"]
        self.error: str | None = response.get("FunctionError")
        self.payload: bytes = response["Payload"].read()
        self.log: str = base64.b64decode(response.get("LogResult", "")).decode()
        self.request_id: str = response["ResponseMetadata"]["RequestId"]
        self.version: str = response["ExecutedVersion"]

    def __repr__(self) -> str:
        return f"Answer({self.status}, {self.error}, {self.payload[:2000]!r})"

    @property
    def value(self) -> Any:
        return json.loads(self.payload)

    @property
    def result(self) -> Any:
        """The value of a handler that returned; a failed one fails the test."""
        assert self.error is None, f"{self.payload[:4000].decode(errors='replace')}\n{self.log}"
        return self.value

    @property
    def failure(self) -> tuple[str, str]:
        """(errorType, errorMessage) of a handler that failed; one that returned fails the test."""
        assert self.error == "Unhandled", self.payload[:4000]
        return self.value["errorType"], self.value["errorMessage"]

    @property
    def report(self) -> str:
        """The REPORT line; needs `LogType="Tail"`."""
        return next(line for line in self.log.split("\n") if line.startswith("REPORT "))


class Function:
    """A deployed function. Call it with the event; keywords are parameters of Invoke. The log's tail is asked for."""

    def __init__(self, platform: "Platform", name: str) -> None:
        self.platform = platform
        self.name = name

    def __repr__(self) -> str:
        return f"Function({self.name})"

    def __call__(self, event: object = None, **options: Any) -> Answer:
        payload = {} if event is None else {"Payload": event if isinstance(event, bytes) else json.dumps(event)}
        invoke = self.platform.client("lambda").invoke
        return Answer(invoke(**{"FunctionName": self.name, "LogType": "Tail"} | payload | options))

    def update(self, code: str | Mapping[str, str | bytes]) -> None:
        self.platform.client("lambda").update_function_code(FunctionName=self.name, ZipFile=package(code))
        self.settle("function_updated_v2")

    def configure(self, **configuration: Any) -> None:
        self.platform.client("lambda").update_function_configuration(FunctionName=self.name, **configuration)
        self.settle("function_updated_v2")

    def settle(self, waiter: str = "function_active_v2") -> None:
        lambda_ = self.platform.client("lambda")
        lambda_.get_waiter(waiter).wait(FunctionName=self.name, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})

    def log(self) -> dict[str, list[str]]:
        """Log stream -> its messages, oldest stream first."""
        logs, group = self.platform.client("logs"), f"/aws/lambda/{self.name}"
        try:
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return {}  # never invoked
        found = {}
        for stream in sorted(streams, key=lambda stream: stream["creationTime"]):
            name = stream["logStreamName"]
            events = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)["events"]
            found[name] = [event["message"] for event in events]
        return found

    def delete(self) -> None:
        self.platform.client("lambda").delete_function(FunctionName=self.name)


class Platform:
    """A running `samovar up`, as its user has it: a process, an endpoint, and what it said."""

    package = staticmethod(package)
    runtime = RUNTIME

    def __init__(self, *flags: str, command: list[str] = _COMMAND, environ: dict[str, str] | None = None, **popen: Any):
        """`popen`: further arguments of subprocess.Popen, such as the user to run as."""
        settings = {name: value for name, value in os.environ.items() if not name.startswith(("SAMOVAR_", "AWS_"))}
        # Appending: the server writes at the end also while it is read here.
        self._errors = tempfile.TemporaryFile("a+", errors="replace")  # noqa: SIM115 - lives as long as the process
        self._said = ""
        self.banner = ""
        """What it printed until it was ready."""
        self._clients: dict[str, Any] = {}
        self._names = itertools.count(1)
        self.process = subprocess.Popen(
            [*command, "up", "--port", "0", *flags],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=settings if environ is None else environ,
            **popen,
        )
        self.endpoint = self._wait()

    def _wait(self) -> str:
        """The endpoint, as the readiness line names it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.banner += line
            ready = re.match(r"Ready\. (http://\S+)", line)
            if ready:
                return ready[1]
        self.process.wait()
        said = self.said()
        self.forget()
        raise ServerDied(f"samovar up ended with {self.process.returncode}:\n{said}")

    def advance(self, seconds: float) -> None:
        """Move its clock (needs `--allow-clock`). Time is everybody's on this server, and only goes on."""
        body = json.dumps({"advance_s": seconds}).encode()
        with urllib.request.urlopen(f"{self.endpoint}/_samovar/clock", body, timeout=30) as answer:
            assert answer.status == 200

    def now(self) -> float:
        """Its time, in epoch seconds."""
        with urllib.request.urlopen(f"{self.endpoint}/_samovar/clock", timeout=30) as answer:
            return float(json.load(answer)["epoch_s"])

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        """The end of its error output."""
        if not self._errors.closed:
            self._errors.seek(0)
            self._said = self._errors.read()[-20_000:]
        return self._said

    def client(self, service: str) -> Any:
        """A client of one account that doesn't retry, shared by all threads."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="any",
                config=Config(retries={"total_max_attempts": 1}, max_pool_connections=256, read_timeout=100),
            )
        return self._clients[service]

    def create(
        self, code: str | Mapping[str, str | bytes], name: str = "", modes: Mapping[str, int] = {}, **configuration: Any
    ) -> Function:
        """CreateFunction, acknowledged. `code`: the text of h.py, or of each file; the handler is `h.handler`."""
        name = name or f"f-{next(self._names)}"
        wanted = {"Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Runtime": RUNTIME, "Handler": "h.handler"}
        self.client("lambda").create_function(
            FunctionName=name, Code={"ZipFile": package(code, modes)}, **(wanted | configuration)
        )
        return Function(self, name)

    def deploy(self, code: str | Mapping[str, str | bytes], name: str = "", **configuration: Any) -> Function:
        """`create`, and wait until it can be invoked."""
        function = self.create(code, name, **configuration)
        function.settle()
        return function

    def function(self, name: str) -> Function:
        """One that is there, or may be."""
        return Function(self, name)

    def stop(self) -> int:
        """SIGTERM; the exit status. A server that doesn't end in time is killed, and fails the test."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_S)
        finally:
            self.forget()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.forget()

    def forget(self) -> None:
        """Close what belongs to the process, which ends if it still lives."""
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.said()
        self._errors.close()
        for client in self._clients.values():
            client.close()
        self._clients.clear()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Attach what servers said to a test that failed."""
    if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Platform):
                item.add_report_section(call.when, "samovar up", value.said()[-4000:])


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """The session's server: ephemeral; reset is allowed, and so is moving the clock."""
    running = Platform("--ephemeral", "--allow-reset", "--allow-clock")
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture(scope="session")
def endpoint(platform: Platform) -> str:
    """Its base URL."""
    return platform.endpoint


@pytest.fixture
def deploy(platform: Platform) -> Iterator[Callable[..., Function]]:
    """`Platform.deploy` on the session's server; the functions go with the test."""
    made: list[Function] = []

    def deploy(code: str | Mapping[str, str | bytes], **configuration: Any) -> Function:
        made.append(platform.deploy(code, **configuration))
        return made[-1]

    yield deploy
    for function in made:
        function.delete()


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


@pytest.fixture(scope="session")
def platforms() -> type[Platform]:
    """Starts servers of a test's own: `platforms("--data-dir", ...)`."""
    return Platform


@pytest.fixture(scope="session")
def missing_protection() -> str:
    """Why functions aren't fully isolated here, as `samovar doctor` says it; empty when they are."""
    doctor = subprocess.run([*_COMMAND, "doctor"], capture_output=True, text=True, timeout=60)
    if doctor.returncode == 0:
        return ""
    lacking = [line for line in doctor.stdout.splitlines() if line.startswith("no ")]
    return "samovar doctor: " + "; ".join(lacking or [doctor.stdout + doctor.stderr])


@pytest.fixture(autouse=True)
def _needs_protection(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("root"):
        missing = request.getfixturevalue("missing_protection")
        if missing:
            pytest.skip(missing)


@pytest.fixture(scope="session")
def usable_pythons() -> list[str]:
    """The Pythons that `samovar runtimes` lists without an objection."""
    listed = subprocess.run([*_COMMAND, "runtimes"], capture_output=True, text=True, timeout=60, check=True)
    return [line.split()[1] for line in listed.stdout.splitlines() if line.startswith("yes  python")]
