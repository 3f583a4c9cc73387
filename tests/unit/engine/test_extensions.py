"""The shutdown of extensions, without processes: what each is told, and when the box is emptied."""

import asyncio
import json
import signal

import pytest

from samovar.engine.extensions import Extensions
from samovar.engine.lifecycle import ExtensionState
from samovar.sandbox.port import Exit


class Host:
    extensions_may_register = True

    def __init__(self):
        self.failures = 0

    def extensions_moved(self):
        pass

    def extension_failed(self):
        self.failures += 1


class FakeBox:
    def __init__(self):
        self.occupied = True
        self.signals = []
        self.stopped = 0
        self.said = []
        """Both, in their order."""

    def signal(self, number, which):
        self.signals.append((number, which))
        self.said.append((number, which))

    def stop(self):
        self.stopped += 1
        self.said.append("stop")


@pytest.fixture
def play():
    """Runs a story inside an event loop."""

    def play(story):
        async def run():
            extensions = Extensions(Host(), ["told", "untold"])
            replies = {}
            for number, (extension, events) in enumerate(zip(extensions.all, (["SHUTDOWN"], []), strict=True), 1):
                extensions.started(extension, number)
                assert extensions.register(extension, events)
                replies[extension.name] = []
                extensions.next(extension, replies[extension.name].append)
            extensions.launching = False
            assert extensions.ready
            box = FakeBox()
            told = story(extensions, box, replies)
            if told is not None:
                await told
            extensions.close()

        asyncio.run(run())

    return play


def test_the_runtime_has_its_sigterm_first_and_the_extensions_hear_when_it_has_gone(play):
    def story(extensions, box, replies):
        extensions.shut_down(box, "SPINDOWN", 1000.0)
        assert box.signals == [(None, signal.SIGTERM)]
        assert not replies["told"]
        extensions.runtime_gone()
        [response] = replies["told"]
        told = json.loads(response.body)
        assert told == {"eventType": "SHUTDOWN", "shutdownReason": "SPINDOWN", "deadlineMs": 1_002_000}

    play(story)


def test_a_runtime_that_ignores_its_sigterm_is_killed_before_the_extensions_time_is_over(play, monkeypatch):
    """facts/lambda-runtime.md §4, "Shutdown": it has 30 % of the time."""
    monkeypatch.setattr("samovar.engine.extensions._EXTERNAL_S", 0.1)

    async def story(extensions, box, replies):
        extensions.shut_down(box, "SPINDOWN", 1000.0)
        async with asyncio.timeout(20):
            while not box.stopped:  # noqa: ASYNC110 - what ends is a timer of the shutdown
                await asyncio.sleep(0.01)
        assert box.said == [(None, signal.SIGTERM), (None, signal.SIGKILL), "stop"]

    play(story)


def test_who_did_not_ask_for_the_shutdown_is_killed(play):
    def story(extensions, box, replies):
        box.occupied = False
        extensions.shut_down(box, "FAILURE", 1000.0)
        assert box.signals == [(2, signal.SIGKILL)]
        assert not replies["untold"]

    play(story)


def test_the_box_is_emptied_when_everyone_has_gone_and_their_ends_are_no_failures(play):
    def story(extensions, box, replies):
        box.occupied = False
        extensions.shut_down(box, "TIMEOUT", 1000.0)
        extensions.exited(2, Exit(signal=9))
        assert not box.stopped
        extensions.exited(1, Exit())
        assert box.stopped == 1
        assert extensions.failure is None

    play(story)


def test_a_busy_one_hears_of_the_shutdown_when_it_asks_next(play):
    def story(extensions, box, replies):
        box.occupied = False
        busy = extensions.all[0]
        busy.state = ExtensionState.RUNNING
        busy.parked = None
        extensions.shut_down(box, "TIMEOUT", 1000.0)
        heard = []
        assert extensions.next(busy, heard.append)
        assert json.loads(heard[0].body)["shutdownReason"] == "TIMEOUT"

    play(story)


def test_the_first_failure_counts(play):
    def story(extensions, box, replies):
        extensions.exited(1, Exit(status=3))
        extensions.exited(2, Exit(signal=9))
        assert (extensions.failure.error_type, extensions.failure.message) == ("Extension.Crash", "exit code 3")

    play(story)


def test_one_that_exits_before_its_number_is_known_has_failed_all_the_same():
    async def run():
        extensions = Extensions(Host(), ["quick"])
        extensions.exited(7, Exit(status=1))
        assert extensions.failure is None
        extensions.started(extensions.all[0], 7)
        assert extensions.failure is not None

    asyncio.run(run())
