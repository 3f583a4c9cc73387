"""An environment made ahead of any invocation: initialised, parked, leased later; or never ready, and why."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.lib.log_lines import Kept

from samovar.core.clock import FakeClock
from samovar.engine import frames
from samovar.engine.credentials import of_account
from samovar.engine.environment import Environment
from samovar.engine.launch import Launch
from samovar.engine.lifecycle import Event, State
from samovar.engine.model import PROVISIONED, InitFailure, Invocation, Version
from samovar.sandbox.port import Exit, SandboxDied

VERSION = Version(
    key="k",
    account="123456789012",
    region="us-east-1",
    function_name="f",
    function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
    version="1",
    runtime="python3.12",
    handler="h.handler",
    memory_mb=128,
    timeout_s=3,
    ephemeral_mb=512,
    code="",
    variables={},
    role_arn="",
    log_group="/aws/lambda/f",
    initialization=PROVISIONED,
)


class FakeBox:
    """A box whose occupant says what the test says."""

    id = "box"
    occupied = True

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.frozen = self.killed = self.stopped = False

    async def assign(self, assignment: object, meanwhile: Callable[[], None]) -> list[str]:
        meanwhile()
        self.sent.append(b"mounted")
        return ["/var/task", "/opt"]

    def send(self, *parts: bytes) -> None:
        self.sent.append(b"".join(parts))

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False

    def stop(self) -> None:
        self.stopped = True

    def kill(self) -> None:
        self.killed = True

    def peak_memory_mb(self) -> int:
        return 30

    def sound(self) -> bool:
        return True

    def attach(self, tenant: object) -> None: ...
    def throttle(self) -> None: ...
    def drain_output(self) -> None: ...


class FakeHouse:
    """An engine with one box, or with none."""

    endpoint_url = "http://127.0.0.1:4566"
    bills_init = True
    issue = staticmethod(of_account)
    host_network = False

    def __init__(self, box: FakeBox | None) -> None:
        self.boxes = self
        self.log = Kept()
        self.clock = FakeClock()
        self.box = box
        self.clocks: dict[Environment, tuple[float, Event]] = {}
        self.discarded: list[Environment] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def take(self, kind: str, assignment: object) -> FakeBox:
        if self.box is None:
            raise SandboxDied("no box")
        return self.box

    @property
    def lines(self) -> list[str]:
        return self.log.lines

    def mounts(self, version: Version) -> list[tuple[Path, str]]:
        return [(Path("/code"), "/var/task"), (Path("/layers"), "/opt")]

    def launch(self, version: Version) -> Launch:
        return Launch(kind="python3.12", prepared=True, frames=True, environ={}, forks=True, told_ahead=True)

    def extensions(self, version: Version) -> Sequence[str]:
        return []

    def start_clock(self, environment: Environment, seconds: float, event: Event) -> None:
        self.clocks[environment] = (seconds, event)

    def stop_clock(self, environment: Environment) -> None:
        self.clocks.pop(environment, None)

    def freeze_soon(self, environment: Environment) -> None:
        environment.freeze_now()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def settle(self) -> None:
        await asyncio.gather(*self.tasks)

    def discard(self, environment: Environment) -> None:
        self.discarded.append(environment)

    def lives_in(self, box_id: str, environment: Environment) -> None: ...
    def moves_out(self, box_id: str) -> None: ...
    def started(self, environment: Environment) -> None: ...
    def release(self, environment: Environment) -> None: ...


class Ahead:
    def __init__(self, version: Version = VERSION, box: FakeBox | None = None) -> None:
        self.house: Any = FakeHouse(box)
        self.environment = Environment(self.house, version)
        self.told: list[InitFailure | None] = []

    async def begin(self) -> None:
        self.environment.initialise(self.told.append)
        await self.house.settle()

    def frame(self, kind: int, content: bytes = b"") -> None:
        self.environment.on_frame(kind, memoryview(content))


def play(test: Callable[[Ahead], Coroutine[Any, Any, None]], version: Version = VERSION, boxes: int = 1) -> None:
    async def run() -> None:
        await test(Ahead(version, FakeBox() if boxes else None))

    asyncio.run(asyncio.wait_for(run(), 10))


def test_it_is_ready_when_its_runtime_asks_for_an_event_and_then_it_is_frozen():
    async def check(ahead: Ahead) -> None:
        await ahead.begin()
        assert ahead.told == []
        ahead.house.clock.advance(1.5)
        ahead.frame(frames.NEXT)
        assert ahead.told == [None]
        assert ahead.environment.state is State.IDLE
        assert ahead.house.box.frozen
        assert ahead.house.clocks == {}
        assert ahead.house.lines[0].startswith("INIT_START Runtime Version: ")
        assert ahead.house.lines[1:] == ["INIT_REPORT Init Duration: 1500.00 ms\n"]

    play(check)


def test_a_runtime_hears_what_it_will_be_while_its_code_is_mounted():
    async def check(ahead: Ahead) -> None:
        await ahead.begin()
        told, mounted, begin = ahead.house.box.sent
        assert (told[4], mounted, begin[4]) == (frames.AHEAD, b"mounted", frames.MOUNTED)
        handler, task, opt, *variables = told[5:].decode().split("\0")
        assert (handler, task, opt) == (VERSION.handler, "/var/task", "/opt")
        assert "AWS_LAMBDA_INITIALIZATION_TYPE=provisioned-concurrency" in variables
        assert "LAMBDA_TASK_ROOT=/var/task" in variables
        assert begin[5:].decode().split("\0")[0] == f"AWS_ACCESS_KEY_ID={VERSION.account}"

    play(check)


def test_an_invocation_gets_it_later_without_an_init():
    async def check(ahead: Ahead) -> None:
        await ahead.begin()
        ahead.frame(frames.NEXT)
        results: list[Any] = []
        ahead.environment.lease(Invocation("i" * 36, VERSION.function_arn, b"{}"), results.append)
        assert not ahead.house.box.frozen
        assert ahead.house.clocks[ahead.environment] == (3, Event.TIMED_OUT)
        ahead.frame(frames.RESPONSE, b"i" * 36 + b'"done"')
        assert [result.payload for result in results] == [b'"done"']
        assert ahead.environment.state is State.IDLE

    play(check)


@pytest.mark.parametrize(("timeout_s", "limit_s"), [(3, 130.0), (900, 900)])
def test_its_init_has_130_seconds_or_the_functions_timeout(timeout_s, limit_s):
    """facts/lambda-runtime.md §7, Init."""

    async def check(ahead: Ahead) -> None:
        await ahead.begin()
        assert ahead.house.clocks[ahead.environment] == (limit_s, Event.INIT_TIMED_OUT)
        ahead.environment.event(Event.INIT_TIMED_OUT)
        assert ahead.house.box.stopped
        assert [failure.error_type for failure in ahead.told] == ["Sandbox.Timedout"]
        assert ahead.house.lines[-1].endswith("ms\tPhase: init\tStatus: timeout\n")
        ahead.environment.on_exit(Exit(signal=9))
        assert ahead.house.discarded == [ahead.environment]

    play(check, msgspec.structs.replace(VERSION, timeout_s=timeout_s))


def test_an_import_error_is_told_as_the_runtime_posted_it_and_ends_the_environment():
    error = b'{"errorMessage":"no x","errorType":"Runtime.ImportModuleError"}'

    async def check(ahead: Ahead) -> None:
        await ahead.begin()
        ahead.frame(frames.INIT_ERROR, error)
        assert ahead.told == [InitFailure("Runtime.ImportModuleError", error)]
        assert ahead.house.lines[-1].endswith("Phase: init\tStatus: error\tError Type: Runtime.ImportModuleError\n")
        ahead.environment.on_exit(Exit(status=1))
        assert ahead.house.discarded == [ahead.environment]
        assert ahead.told == [InitFailure("Runtime.ImportModuleError", error)]

    play(check)


def test_a_runtime_that_exits_is_told_with_how():
    async def check(ahead: Ahead) -> None:
        await ahead.begin()
        ahead.environment.on_exit(Exit(status=3))
        assert [failure.error_type for failure in ahead.told] == ["Runtime.ExitError"]
        assert "exit status 3" in json.loads(ahead.told[0].payload)["errorMessage"]
        assert ahead.house.discarded == [ahead.environment]

    play(check)


def test_without_a_box_the_platform_has_failed():
    async def check(ahead: Ahead) -> None:
        await ahead.begin()
        assert [failure.error_type for failure in ahead.told] == ["Sandbox.Failure"]
        assert ahead.house.discarded == [ahead.environment]

    play(check, boxes=0)


def test_let_go_before_it_was_ready_it_says_so_and_only_that():
    async def check(ahead: Ahead) -> None:
        await ahead.begin()
        ahead.environment.retire()
        assert ahead.told == [InitFailure("")]
        assert ahead.house.discarded == [ahead.environment]

    play(check)
