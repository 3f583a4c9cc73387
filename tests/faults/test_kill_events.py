"""kill -9 while events flow: every one that was acknowledged is delivered, and hardly one twice."""

import collections
import gc
import json
import threading
import time
import urllib.request

import pytest
from botocore.exceptions import BotoCoreError, ClientError

pytestmark = [
    pytest.mark.root,
    # A client whose server was killed while it answered leaves its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

ROUNDS = 2
DEADLINE_S = 90


def delivered(platform) -> collections.Counter:
    """Event -> how often the journal says so."""
    found, after = collections.Counter(), 0
    while True:
        url = f"{platform.endpoint}/_samovar/events?source=lambda&outcome=delivered&limit=1000&after={after}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            events = json.load(answer)["events"]
        if not events or (after and events[-1]["id"] <= after):
            return found
        if not after and len(events) == 1000:
            after = 1  # the newest thousand; from the oldest on instead
            continue
        found.update(event["event_id"] for event in events)
        after = events[-1]["id"]


def test_every_acknowledged_event_is_delivered_across_kill_minus_nine(platforms, tmp_path):
    acknowledged: list[str] = []
    for round_ in range(ROUNDS):
        platform = platforms("--data-dir", str(tmp_path), "--prefork", "1")
        if round_ == 0:
            platform.deploy("def handler(event, context): pass", name="f")
        platform.client("lambda")  # made before the threads want it

        def send(platform=platform):
            try:
                while True:
                    answer = platform.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b"{}")
                    acknowledged.append(answer["ResponseMetadata"]["RequestId"])
            except (BotoCoreError, ClientError):
                pass  # the server is gone

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        wanted = len(acknowledged) + 30 + 15 * round_
        deadline = time.monotonic() + DEADLINE_S
        while len(acknowledged) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        platform.process.kill()
        for thread in threads:
            thread.join()
        platform.kill()
        gc.collect()
    platform = platforms("--data-dir", str(tmp_path), "--prefork", "1")
    deadline = time.monotonic() + DEADLINE_S
    missing = set(acknowledged)
    while missing and time.monotonic() < deadline:
        counts = delivered(platform)
        missing = set(acknowledged) - set(counts)
        time.sleep(0.05)
    assert not missing, f"{len(missing)} of {len(acknowledged)} acknowledged events were never delivered"
    assert sum(counts.values()) == len(counts), "what was told as delivered was done again"
    assert platform.stop() == 0, platform.said()
