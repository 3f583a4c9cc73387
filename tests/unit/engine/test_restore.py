"""An environment that is forked from a template, and the template's own: what they are told and say."""

import asyncio
import json
from collections.abc import Callable, Coroutine
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
from samovar.engine.model import NOT_FORKABLE, ON_DEMAND, SNAP_START, InitFailure, Invocation, Result, Version
from samovar.engine.templates import Templates
from samovar.sandbox.port import Exit

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
    initialization=SNAP_START,
)
INVOCATION = Invocation("1" * 36, "arn", b"{}")


class FakeBox:
    id = "box"
    occupied = True

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.killed = self.released = self.throttled = False

    async def assign(self, assignment: object, meanwhile: object) -> list[str]:
        return ["/var/task", "/opt"]

    def send(self, *parts: bytes) -> None:
        self.sent.append(b"".join(parts))

    def kill(self) -> None:
        self.killed = True

    def peak_memory_mb(self) -> int:
        return 30

    def sound(self) -> bool:
        return True

    async def start(self, command: object) -> None: ...
    def attach(self, tenant: object) -> None: ...
    def throttle(self) -> None: ...
    def stop(self) -> None: ...
    def freeze(self) -> None: ...
    def drain_output(self) -> None: ...


class FakeHouse:
    """An engine with a template, or with none."""

    endpoint_url = "http://127.0.0.1:4566"
    bills_init = True
    issue = staticmethod(of_account)
    host_network = False

    def __init__(self) -> None:
        self.boxes = self
        self.log = Kept()
        self.clock = FakeClock()
        self.origin: FakeBox | None = FakeBox()
        self.made: list[tuple[str, FakeBox]] = []
        self.clocks: dict[Environment, tuple[float, Event]] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.environments: list[Environment] = []
        self.forks = True

    def _make(self, how: str) -> FakeBox:
        self.made.append((how, FakeBox()))
        return self.made[-1][1]

    async def take(self, kind: str, assignment: object) -> FakeBox:
        return self._make("taken")

    async def take_template(self, kind: str) -> FakeBox:
        return self._make("template")

    async def fork(self, origin: FakeBox) -> FakeBox:
        return self._make("forked")

    def can_fork(self, origin: FakeBox) -> bool:
        return True

    def release(self, what: Any) -> None:
        if isinstance(what, FakeBox):
            what.released = True

    async def template(self, version: Version) -> FakeBox | None:
        return self.origin

    @property
    def lines(self) -> list[str]:
        return self.log.lines

    def initialise(self, version: Version, told: Any, *, copied: bool = False) -> Environment:
        self.environments.append(Environment(self, version))  # type: ignore[arg-type]
        self.environments[-1].initialise(told, copied=copied)
        return self.environments[-1]

    def forkable(self, version: Version) -> bool:
        return self.forks

    def let_go(self, environment: Environment) -> None:
        environment.retire()

    def mounts(self, version: Version) -> list[Any]:
        return []

    def launch(self, version: Version) -> Launch:
        return Launch("python3.12", prepared=True, frames=True, environ={}, forks=True)

    def extensions(self, version: Version) -> list[str]:
        return []

    def start_clock(self, environment: Environment, seconds: float, event: Event) -> None:
        self.clocks[environment] = (seconds, event)

    def stop_clock(self, environment: Environment) -> None:
        self.clocks.pop(environment, None)

    def freeze_soon(self, environment: Environment) -> None: ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def settle(self) -> None:
        await asyncio.gather(*self.tasks)

    def lives_in(self, box_id: str, environment: Environment) -> None: ...
    def moves_out(self, box_id: str) -> None: ...
    def started(self, environment: Environment) -> None: ...
    def discard(self, environment: Environment) -> None: ...


def run(test: Callable[[FakeHouse], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(test(FakeHouse()), 10)

    asyncio.run(main())


def say(environment: Environment, kind: int, content: bytes = b"") -> None:
    environment.on_frame(kind, memoryview(content))


def restored(sent: bytes) -> dict[str, Any]:
    assert sent[4] == frames.RESTORE
    told: dict[str, Any] = json.loads(sent[5:])
    return told


async def started(house: FakeHouse, version: Version = VERSION) -> tuple[Environment, list[Result]]:
    results: list[Result] = []
    environment = Environment(house, version)  # type: ignore[arg-type]
    environment.start(INVOCATION, results.append)
    await house.settle()
    return environment, results


def test_a_fork_is_told_that_it_is_restored_and_gets_its_invocation_when_its_hooks_are_done():
    async def test(house: FakeHouse) -> None:
        environment, _ = await started(house)
        assert environment.state is State.RESTORING
        assert house.clocks[environment] == (10.0, Event.INIT_TIMED_OUT)
        [(how, box)] = house.made
        told = restored(box.sent[0])
        assert (how, told["tmp"]) == ("forked", True)
        tokens = told["environ"]["AWS_CONTAINER_AUTHORIZATION_TOKEN"], told["environ"]["AWS_LAMBDA_METADATA_TOKEN"]
        assert tokens[0] == tokens[1] != ""
        say(environment, frames.NEXT)
        assert environment.state is State.BUSY
        assert box.sent[1][4] == frames.INVOCATION

    run(test)


@pytest.mark.parametrize(
    ("event", "refused", "status"),
    [
        (Event.INIT_TIMED_OUT, "SnapStartTimeoutException", "\tStatus: timeout"),
        (Event.EXITED, "SnapStartException", "\tStatus: error\tError Type: Runtime.ExitError"),
    ],
)
def test_a_restore_that_fails_is_the_invokers_exception_and_ends_the_environment(event, refused, status):
    async def test(house: FakeHouse) -> None:
        environment, results = await started(house)
        if event is Event.EXITED:
            environment.on_exit(Exit(status=65))
        else:
            environment.event(event)
        assert environment.state is State.DEAD
        assert [result.refused for result in results] == [refused]
        assert json.loads(results[0].payload)["errorType"] == refused
        assert any(line.startswith("RESTORE_REPORT ") and line.endswith(status + "\n") for line in house.lines)
        [report] = [line for line in house.lines if line.startswith("REPORT ")]
        assert f"\tDuration: {VERSION.timeout_s * 1000:.2f} ms" not in report  # a restore has a limit of its own
        assert house.made[0][1].killed

    run(test)


def test_an_on_demand_fork_looks_like_a_cold_start_of_no_time():
    async def test(house: FakeHouse) -> None:
        environment, results = await started(house, msgspec.structs.replace(VERSION, initialization=ON_DEMAND))
        [(_, box)] = house.made
        keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
        metadata = ["AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN"]
        assert list(restored(box.sent[0])["environ"]) == ["AWS_LAMBDA_LOG_STREAM_NAME", *keys, *metadata]
        say(environment, frames.NEXT)
        say(environment, frames.RESPONSE, INVOCATION.request_id.encode() + b"1")
        assert results[0].init_ms is not None
        assert [line.split(" ")[0] for line in house.lines] == ["INIT_START", "START", "END", "REPORT"]
        assert "Restore" not in "".join(house.lines)

    run(test)


def test_without_a_template_it_initialises_in_full_and_then_goes_on_as_if_restored():
    async def test(house: FakeHouse) -> None:
        house.origin = None
        environment, _ = await started(house)
        [(how, box)] = house.made
        assert (how, environment.state, box.sent[0][4]) == ("taken", State.INIT, frames.CONFIGURE)
        assert house.clocks[environment] == (130.0, Event.INIT_TIMED_OUT)  # as long as its publication had
        say(environment, frames.PAUSED, b'{"problems":[]}')
        assert restored(box.sent[1])["tmp"] is True
        say(environment, frames.NEXT)
        assert environment.state is State.BUSY

    run(test)


def test_hooks_that_fail_after_a_full_init_are_the_invokers_exception():
    async def test(house: FakeHouse) -> None:
        house.origin = None
        environment, results = await started(house)
        say(environment, frames.PAUSED, b'{"problems":[]}')
        say(environment, frames.RESTORE_ERROR, b'{"errorType":"ValueError"}')
        assert (environment.state, results) == (State.RESTARTING, [])
        environment.on_exit(Exit(status=65))
        await house.settle()
        say(environment, frames.PAUSED, b'{"problems":[]}')
        say(environment, frames.RESTORE_ERROR, b'{"errorType":"ValueError"}')
        assert [result.refused for result in results] == ["SnapStartException"]

    run(test)


def test_a_template_is_made_once_for_all_who_wait_and_again_when_it_is_lost():
    async def test(house: FakeHouse) -> None:
        templates = Templates(house, fork_warm=False)
        waiting = [asyncio.ensure_future(templates.get(VERSION)) for _ in range(3)]
        await asyncio.sleep(0)
        await house.settle()
        [template] = house.environments
        assert not any(future.done() for future in waiting)
        say(template, frames.PAUSED, b'{"problems":[]}')
        assert {await future for future in waiting} == {house.made[0][1]}
        template.on_exit(Exit(signal=9, box_gone=True))
        again = asyncio.ensure_future(templates.get(VERSION))
        await asyncio.sleep(0)
        await house.settle()
        say(house.environments[1], frames.PAUSED, b'{"problems":[]}')
        assert await again is house.made[1][1]

    run(test)


def test_one_that_cannot_be_forked_is_not_tried_again_and_one_that_failed_is_later():
    async def test(house: FakeHouse) -> None:
        templates = Templates(house, fork_warm=False)
        told: list[InitFailure | None] = []
        templates.publish(VERSION, told.append)
        await house.settle()
        say(house.environments[0], frames.PAUSED, b'{"problems":["threads run: t"]}')
        assert told == [None]
        assert any("threads run: t" in line for line in house.lines)
        assert await templates.get(VERSION) is None
        house.clock.advance(3600)
        assert await templates.get(VERSION) is None

        other = msgspec.structs.replace(VERSION, key="other")
        templates.publish(other, told.append)
        await house.settle()
        say(house.environments[1], frames.INIT_ERROR, b'{"errorType":"ValueError"}')
        assert told[1] is not None and told[1].error_type == "ValueError" != NOT_FORKABLE
        assert await templates.get(other) is None
        house.clock.advance(3600)
        again = asyncio.ensure_future(templates.get(other))
        await asyncio.sleep(0)
        await house.settle()
        assert len(house.environments) == 3
        say(house.environments[2], frames.PAUSED, b"{}")
        assert await again is not None

    run(test)


def test_templates_of_on_demand_functions_go_when_they_are_long_out_of_use():
    async def test(house: FakeHouse) -> None:
        templates = Templates(house, fork_warm=True)
        on_demand = msgspec.structs.replace(VERSION, key="other", initialization=ON_DEMAND)
        for version in (VERSION, on_demand):
            future = asyncio.ensure_future(templates.get(version))
            await asyncio.sleep(0)
            await house.settle()
            say(house.environments[-1], frames.PAUSED, b"{}")
            assert await future is not None
        templates.reap(600)
        house.clock.advance(700)
        templates.reap(600)
        assert [environment.state for environment in house.environments] == [State.TEMPLATE, State.DEAD]
        assert [box.released for _, box in house.made] == [False, True]

    run(test)


def test_only_what_may_be_forked_has_a_template():
    async def test(house: FakeHouse) -> None:
        templates = Templates(house, fork_warm=False)
        assert await templates.get(msgspec.structs.replace(VERSION, initialization=ON_DEMAND)) is None
        house.forks = False
        assert await templates.get(VERSION) is None
        assert house.environments == []

    run(test)


@pytest.mark.parametrize(
    ("kind", "content", "failed"),
    [
        (frames.PAUSED, b'{"problems":[]}', False),
        (frames.INIT_ERROR, b'{"errorType":"ValueError"}', True),
    ],
)
def test_what_cannot_be_forked_initialises_once_all_the_same_when_it_is_published(kind, content, failed):
    """Its hooks for after a restore wait for the first that would be restored."""
    async def test(house: FakeHouse) -> None:
        house.forks = False
        told: list[InitFailure | None] = []
        Templates(house, fork_warm=False).publish(VERSION, told.append)
        await house.settle()
        [environment] = house.environments
        assert (environment.state, told) == (State.PREPARING, [])
        sent = len(environment.box.sent)
        say(environment, kind, content)
        assert len(house.made[0][1].sent) == sent  # it isn't told to go on
        assert told == [InitFailure("ValueError", content) if failed else None]
        assert environment.state is (State.LEAVING if failed else State.DEAD)

    run(test)
