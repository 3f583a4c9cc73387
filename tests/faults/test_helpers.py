"""The server's helper processes are killed: it survives, says what happened, and goes on."""

import collections
import concurrent.futures
import contextlib
import os
import signal

import pytest

pytestmark = pytest.mark.root

COUNT = """
    import time
    n = 0
    def handler(event, context):
        global n
        n += 1
        print("go")
        time.sleep(event)
        return n
"""


@pytest.fixture
def platform(start, tmp_path):
    running = start(tmp_path)
    yield running
    assert running.stop() == 0, running.said()


def kill(helper, platform, name):
    """Kill a helper, and wait until another one is there or it's certainly gone."""
    pid = helper(platform, name)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["samovar-keeper", "samovar-zygote"])
def test_after_the_death_of_a_helper_functions_run_again(platform, helper, wait, name):
    """A running invocation fails and says so; those that come later run in new environments."""
    function = platform.deploy(COUNT, Timeout=60)
    assert function(0).result == 1
    with concurrent.futures.ThreadPoolExecutor() as threads:
        running = threads.submit(function, 30)
        wait(lambda: sum(lines.count("go\n") for lines in function.log().values()) == 2)
        kill(helper, platform, name)
        answer = running.result(timeout=20)
    kind, message = answer.failure
    assert kind in {"Sandbox.Failure", "Runtime.ExitError"}
    assert answer.request_id in message
    assert platform.process.poll() is None
    assert function(0).result == 1
    assert function(0).result == 2
    assert platform.deploy(COUNT)(0).result == 1


@pytest.mark.parametrize("name", ["samovar-keeper", "samovar-zygote"])
def test_idle_environments_that_died_with_a_helper_are_replaced(platform, helper, wait, name):
    """Nobody waits for them: the next invocation doesn't notice more than a cold start."""
    function = platform.deploy(COUNT)
    assert [function(0).result, function(0).result] == [1, 2]
    before = helper(platform, name)
    os.kill(before, signal.SIGKILL)
    wait(lambda: not os.path.exists(f"/proc/{before}"))
    assert function(0).result == 1
    assert len(function.log()) == 2


@pytest.mark.parametrize("name", ["samovar-keeper", "samovar-zygote", "samovar-guard", "the runtime", "the init"])
def test_who_comes_right_after_a_kill_notices_no_more_than_a_cold_start(platform, helper, boxed, doomed, wait, name):
    """Idle environments have gone, and the server hasn't heard of it yet: nobody is told of a failure."""
    function = platform.deploy(COUNT)
    for _ in range(5):
        with concurrent.futures.ThreadPoolExecutor() as threads:
            many = list(threads.map(function, [0.01] * 3))
        assert all(isinstance(answer.result, int) for answer in many)
        if name.startswith("the "):
            init, runtime = boxed(platform)
            os.kill(init if name == "the init" else runtime, signal.SIGKILL)
            wait(lambda runtime=runtime: doomed(runtime))  # the kernel takes it with its init
        else:
            killed = helper(platform, name)
            os.kill(killed, signal.SIGKILL)
            wait(lambda killed=killed: not os.path.exists(f"/proc/{killed}"))
        assert isinstance(function(0).result, int)
    ran = sum(lines.count("go\n") for lines in function.log().values())
    assert ran == 5 * 4


def test_the_keeper_may_die_again_and_again(platform, helper, traces, wait, tmp_path):
    """Each time everything is there again, and nothing of before is left."""
    function = platform.deploy(COUNT)
    for _ in range(3):
        assert function(0).result == 1
        trace = traces(platform, tmp_path)
        kill(helper, platform, "samovar-keeper")
        wait(lambda trace=trace: not trace.processes())
    assert function(0).result == 1


def test_the_guardian_may_die(platform, helper, traces, wait, tmp_path):
    """Without it the keeper goes as well; the server starts both again."""
    function = platform.deploy(COUNT)
    assert function(0).result == 1
    trace = traces(platform, tmp_path)
    kill(helper, platform, "samovar-guard")
    wait(lambda: not trace.processes())
    assert function(0).result == 1
    assert platform.process.poll() is None


def test_who_comes_after_the_end_of_the_maker_of_tmp_doesnt_notice_and_there_is_another(platform, helper, wait):
    function = platform.deploy(COUNT)
    for _ in range(2):
        killed = helper(platform, "samovar-tmp")
        os.kill(killed, signal.SIGKILL)
        wait(lambda killed=killed: not os.path.exists(f"/proc/{killed}"))
        # More environments than there are file systems that it had made before.
        function.configure(Description=str(killed))
        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            assert {answer.result for answer in threads.map(function, [0.5] * 16)} == {1}
        assert helper(platform, "samovar-tmp") != killed


def occupants(pids):
    """How many processes there are beside the init in each box: in each pid namespace."""
    spaces = collections.Counter()
    for pid in pids:
        with contextlib.suppress(OSError):
            spaces[os.readlink(f"/proc/{pid}/ns/pid")] += 1
    return [count - 1 for count in spaces.values()]


def test_who_comes_after_the_end_of_a_nursery_gets_a_box_of_another_one(
    start, tmp_path, helper, deeper, doomed, wait, usable_pythons
):
    """With it have gone the boxes that were made ahead, of which nobody hears; there is no environment whose end would
    tell that it has."""
    runtime = next((name for name in usable_pythons if int(name.rpartition(".")[2]) >= 12), None)
    if runtime is None:
        pytest.skip("SnapStart needs Python 3.12 or later, as on AWS")
    platform = start(tmp_path, "--idle-timeout-s", "0.5")
    function = platform.create(COUNT, Runtime=runtime, SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True)
    active = platform.client("lambda").get_waiter("published_version_active")
    active.wait(FunctionName=function.name, Qualifier="1", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
    assert function(0, Qualifier="1").result == 1
    killed = helper(platform, "samovar-nursery")
    wait(lambda: occupants(deeper(platform, killed)) == [0, 0])
    boxes = deeper(platform, killed)
    os.kill(killed, signal.SIGKILL)
    wait(lambda: all(map(doomed, boxes)))
    assert function(0, Qualifier="1").result == 1
    assert platform.stop() == 0, platform.said()


def test_who_comes_right_after_the_end_of_a_template_gets_one_that_is_made_anew(start, tmp_path, helper, wait):
    """A fork isn't asked of what has gone with a helper, though the server hasn't heard of it yet."""
    platform = start(tmp_path, "--fork-warm")
    function = platform.deploy(COUNT)
    for _ in range(3):
        assert isinstance(function(0).result, int)
        killed = helper(platform, "samovar-guard")
        os.kill(killed, signal.SIGKILL)
        wait(lambda killed=killed: not os.path.exists(f"/proc/{killed}"))
        assert isinstance(function(0).result, int)
    assert platform.stop() == 0, platform.said()
