"""`--fork-warm`: functions in Python are initialised once, and their environments forked from that."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

GATED = """
    import boto3, os, random, time, uuid
    BORN = uuid.uuid4().hex

    def is_there(group):
        return boto3.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]

    def handler(event, context):
        while event.get("gate") and not is_there(event["gate"]):
            time.sleep(0.05)
        return [BORN, random.random(), os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], context.log_stream_name]
"""


@pytest.fixture(scope="module")
def warm(platforms: Any) -> Iterator[Any]:
    platform = platforms("--ephemeral", "--fork-warm", "--idle-timeout-s", "3600")
    yield platform
    assert platform.stop() == 0, platform.said()


def at_once(function: Any, count: int) -> list[list[Any]]:
    """What so many environments say, none of them twice."""
    gate = f"/gate/{function.name}"
    with ThreadPoolExecutor(count) as pool:
        answers = [pool.submit(function, {"gate": gate}) for _ in range(count)]
        wait_until(lambda: sum(line.startswith("INIT_START") for line in lines(function)) > count)
        function.platform.client("logs").create_log_group(logGroupName=gate)
        return [answer.result().result for answer in answers]


def lines(function: Any) -> list[str]:
    return [line for stream in function.log().values() for line in stream]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.root
def test_environments_are_forks_of_one_that_initialised_and_look_like_cold_starts(warm):
    function = warm.deploy(GATED, Timeout=60, MemorySize=256)
    found = at_once(function, 3)
    assert len({born for born, *_ in found}) == 1
    assert len({number for _, number, *_ in found}) == 3
    assert {kind for _, _, kind, _ in found} == {"on-demand"}
    streams = function.log()
    assert {stream for *_, stream in found} < streams.keys()
    for name in {stream for *_, stream in found}:
        assert streams[name][0].startswith("INIT_START")
        assert "\tInit Duration: " in streams[name][-1]


@pytest.mark.root
def test_an_update_forks_nothing_from_the_old_code(warm):
    function = warm.deploy("def handler(event, context):\n    return 1\n")
    assert function().result == 1
    function.update("def handler(event, context):\n    return 2\n")
    assert function().result == 2


@pytest.mark.root
def test_a_function_whose_init_fails_answers_as_ever(warm):
    function = warm.deploy("raise ValueError('no')\n")
    assert function().failure == ("ValueError", "no")
    assert function().failure == ("ValueError", "no")


@pytest.mark.root
def test_a_template_that_was_killed_is_made_again_and_its_forks_go_with_it(warm):
    function = warm.deploy(GATED, Timeout=60, MemorySize=256)
    [born, *_] = function({}).result
    for pid in templates(warm.pid):
        os.kill(pid, 9)
    wait_until(lambda: not templates(warm.pid))
    # What comes before the server has noticed fails: its environment is dying.
    answers = []
    wait_until(lambda: answers.append(function({})) or answers[-1].error is None)
    [again, *_] = answers[-1].result
    assert again != born


def templates(server: int) -> list[int]:
    """Processes of the server that hold the power which only templates have: CAP_SYS_ADMIN, in a box of their own."""
    found = []
    for pid in descendants(server):
        try:
            with open(f"/proc/{pid}/status") as file:
                status = {line.split(":")[0]: line.split(":")[1].strip() for line in file}
        except OSError:
            continue
        if int(status["CapEff"], 16) == 1 << 18 | 1 << 21:
            found.append(pid)
    return found


def descendants(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        try:
            with open(f"/proc/{each}/task/{each}/children") as file:
                found += map(int, file.read().split())
        except OSError:
            continue
    return found
