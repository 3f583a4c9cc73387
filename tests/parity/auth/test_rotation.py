"""An environment ends before the keys in its variables do (facts/lambda-api.md §7)."""

import json
import time
import urllib.request

import pytest

KEYS = """
    import os
    def handler(event, context):
        return [os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SESSION_TOKEN"][:20]]
"""
DEADLINE_S = 60


@pytest.fixture
def patient(platforms):
    running = platforms("--ephemeral", "--allow-clock", "--idle-timeout-s", "1000000")
    yield running
    assert running.stop() == 0, running.said()


def test_after_eleven_hours_an_environment_is_replaced_by_one_with_new_keys(patient):
    function = patient.deploy(KEYS)
    first = function().result
    assert first[0].startswith("ASIA") and function().result == first
    body = json.dumps({"advance_s": 11 * 3600 + 60}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{patient.endpoint}/_samovar/clock", body)).close()
    end = time.monotonic() + DEADLINE_S
    while function().result == first:
        assert time.monotonic() < end, "the environment is still used"
        time.sleep(0.1)
