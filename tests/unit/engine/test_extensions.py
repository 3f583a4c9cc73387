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

    def signal(self, number, which):
        self.signals.append((number, which))

    def stop(self):
        self.stopped += 1


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
            story(extensions, box, replies)
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
