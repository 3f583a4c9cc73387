"""kill -9 and SIGTERM of the server under work: what was acknowledged is there, nothing is half there, nothing is left.

Nothing of it stays behind, whatever ends it.
"""

import concurrent.futures
import itertools
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

pytestmark = pytest.mark.root

ROUNDS = 10
CODE = "def handler(event, context): return {!r}"
NEVER = "import time\ndef handler(event, context):\n    print('go')\n    time.sleep(event)\n    return 'done'"


class Customers:
    """Threads that create, update, invoke and delete functions until the server is gone, and know what it told them."""

    def __init__(self, platform, known, wrong, seed):
        self._platform = platform
        self._known = known
        """Name -> what the function may return; None among it: it may be absent. One element: acknowledged."""
        self._wrong = wrong
        platform.client("lambda")
        self._threads = [
            threading.Thread(target=self._work, args=(worker, random.Random(seed * 10 + worker))) for worker in range(3)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        for thread in self._threads:
            thread.join()

    def _work(self, worker, dice):
        try:
            while True:
                self._step(worker, dice)
        except ClientError as answer:
            self._wrong.append(answer)
        except BotoCoreError:
            pass  # the server is gone

    def _step(self, worker, dice):
        # A thread has names of its own, so that it knows everything that anybody has asked for them.
        mine = [name for name in self._known if name.startswith(f"w{worker}-")]
        name = dice.choice([*mine[-3:], f"w{worker}-{len(mine)}"])
        before = self._known.get(name, {None})
        after = f"{name} {dice.random()}"
        # After a crash in the midst of a call, nobody knows: the next one may then be refused.
        function = None
        if before == {None}:
            self._known[name] = {None, after}
            function = self._platform.create(CODE.format(after), name=name)
            function.settle()
        elif None not in before and dice.random() < 0.2:
            self._known[name] = before | {None}
            self._platform.function(name).delete()
            after = None
        elif None not in before:
            self._known[name] = before | {after}
            function = self._platform.function(name)
            function.update(CODE.format(after))
        else:
            return
        self._known[name] = {after}
        if function is not None and (told := function().result) != after:
            self._wrong.append(f"{name} returned {told!r} after {after!r} was acknowledged")


def check(platform, known):
    """What the server knows is what it has said; afterwards nothing is uncertain any more."""
    pages = platform.client("lambda").get_paginator("list_functions").paginate()
    there = {item["FunctionName"] for page in pages for item in page["Functions"]}
    assert there <= set(known)
    for name, possible in known.items():
        if name in there:
            function = platform.function(name)
            function.settle()
            answer = function().result
            assert answer in possible
            known[name] = {answer}
        else:
            assert None in possible, f"{name} was acknowledged and is gone"
            known[name] = {None}


@pytest.mark.timeout(300)
def test_a_server_killed_at_any_moment_keeps_what_it_has_acknowledged_and_leaves_nothing(start, traces, tmp_path):
    """Kill -9 at random moments during deploy and invoke, then restart; on a slow machine more often, until enough was
    acknowledged for this to say anything."""
    seed = random.randrange(1_000_000)
    print("seed", seed)  # shown when it fails
    dice = random.Random(seed)
    known, wrong = {}, []
    acknowledged: list[str] = []
    for round_ in itertools.count():
        platform = start(tmp_path)
        check(platform, known)
        acknowledged = [name for name, (answer,) in known.items() if answer is not None]
        if round_ >= ROUNDS and len(acknowledged) >= ROUNDS:
            break
        trace = traces(platform, tmp_path)
        with Customers(platform, known, wrong, seed + round_):
            moment = time.monotonic() + dice.uniform(0, 0.4)
            while time.monotonic() < moment:
                trace.look()
                time.sleep(0.01)
            platform.process.kill()
        platform.forget()
        assert not wrong
        trace.gone()
    assert platform.stop() == 0
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert not [file for file in files if "unfinished" in str(file)]
    packages = {file.parts[1] for file in files if file.parts[0] == "trees"}
    assert len(packages) == len(acknowledged)  # unpacked code: that of the functions, and nobody else's
    assert sum(file.parts[0] == "code" for file in files) == len(acknowledged)


def test_a_server_killed_while_it_starts_leaves_nothing_and_can_be_started_again(platforms, start, traces, tmp_path):
    """Also on kill -9 of the server."""
    for delay_s in (0.0, 0.02, 0.05, 0.1):
        platform = start(tmp_path)
        trace = traces(platform, tmp_path)
        time.sleep(delay_s)  # boxes are being made meanwhile
        trace.look()
        platform.kill()
        trace.gone()
    assert start(tmp_path).deploy(CODE.format(1))().result == 1


def test_a_server_killed_before_it_is_ready_leaves_nothing_and_can_be_started_again(start, traces, tmp_path):
    """At any step of its start: with its helpers, their control groups, its way to the outside."""
    assert start(tmp_path).stop() == 0
    command = [sys.executable, "-c", "from samovar.cli import main; main()", "up", "--port", "0"]
    for _ in range(6):
        with subprocess.Popen(
            [*command, "--data-dir", tmp_path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            trace = traces(server, tmp_path)
            moment = time.monotonic() + random.uniform(0, 0.6)
            while time.monotonic() < moment:
                trace.look()
                time.sleep(0.005)
            server.kill()
        trace.gone()
    assert start(tmp_path).deploy(CODE.format(1))().result == 1


def test_a_file_system_for_tmp_never_has_a_name_that_a_kill_could_leave(start, tmp_path):
    """Not even while the first of its size is made: what is left would be in the way of the next one."""
    assert start(tmp_path).stop() == 0
    before = (tmp_path / "tmp").stat().st_mtime_ns
    platform = start(tmp_path)
    for size_mb in (512, 700):
        assert platform.deploy(CODE.format(1), EphemeralStorage={"Size": size_mb})().result == 1
    assert (tmp_path / "tmp").stat().st_mtime_ns == before
    assert platform.stop() == 0


def test_a_killed_server_takes_running_and_frozen_functions_along(start, traces, wait, tmp_path):
    """Nothing left running, mounted or in cgroups."""
    platform = start(tmp_path)
    stubborn = platform.deploy("""
        import os, signal, subprocess, sys, time
        for number in signal.valid_signals() - {9, 19}:
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(600)"])
        def handler(event, context):
            print("go")
            time.sleep(event)
    """, Timeout=100)
    stubborn(0)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        running = [threads.submit(stubborn, 60) for _ in range(3)]
        wait(lambda: sum("go\n" in lines for lines in stubborn.log().values()) == 3)
        trace = traces(platform, tmp_path)
        assert trace.left()
        platform.process.kill()
        assert all(isinstance(future.exception(), BotoCoreError) for future in running)
    trace.gone()


def test_sigterm_lets_running_invocations_finish(start, traces, wait, tmp_path):
    """Shutdown is clean on SIGINT/SIGTERM; `shutdown_grace_s` for running requests."""
    platform = start(tmp_path, "--shutdown-grace-s", "10")
    function = platform.deploy(NEVER, Timeout=60)
    trace = traces(platform, tmp_path)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        running = threads.submit(function, 1)
        wait(lambda: any("go\n" in lines for lines in function.log().values()))
        trace.look()
        platform.process.send_signal(signal.SIGTERM)
        assert running.result().result == "done"
    assert platform.process.wait(10) == 0
    platform.forget()
    trace.gone()
    again = start(tmp_path)
    assert again.function(function.name)(0).result == "done"
    ((_, lines), _) = again.function(function.name).log().items()
    assert lines[-1].startswith("REPORT ")  # the log of what ran at the end is there, too


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_waits_for_nobody_longer_than_its_grace(start, traces, wait, number, tmp_path):
    """SIGINT/SIGTERM with invocations that don't end."""
    platform = start(tmp_path, "--shutdown-grace-s", "0.5")
    function = platform.deploy(NEVER, Timeout=600)
    trace = traces(platform, tmp_path)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        running = [threads.submit(function, 300) for _ in range(3)]
        wait(lambda: sum("go\n" in lines for lines in function.log().values()) == 3)
        trace.look()
        began = time.monotonic()
        platform.process.send_signal(number)
        assert platform.process.wait(10) == 0
        assert time.monotonic() - began < 5
        for future in running:  # an answer or the end of the connection, but nobody waits on
            assert future.exception() is not None or future.result().error == "Unhandled"
    platform.forget()
    trace.gone()


def test_a_second_server_on_the_same_data_is_refused(platforms, start, tmp_path):
    """Store: refused with a clear message; the first one goes on."""
    first = start(tmp_path)
    with pytest.raises(Exception, match=r"(?i)another.*samovar|in use|already") as refused:
        platforms("--data-dir", str(tmp_path))
    assert "Traceback" not in str(refused.value)
    assert first.deploy(CODE.format(1))().result == 1
