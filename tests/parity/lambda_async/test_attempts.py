"""When an event runs, runs again, and stops running (facts/lambda-events.md §2)."""

import json

FAILS = """
    import json
    def handler(event, context):
        print("ran", context.aws_request_id, json.dumps(event))
        raise ValueError("boom")
"""


def test_an_event_is_accepted_and_then_runs(deploy, send, lines, until):
    """Accept -> 202, empty body."""
    function = deploy("def handler(event, context): print('ran', context.aws_request_id, event['n'])")
    ids = [send(function, json.dumps({"n": n}).encode()) for n in range(20)]
    found = until(lambda: len(lines(function, "ran ")) >= 20 and lines(function, "ran "))
    assert sorted(found) == sorted(f"{id} {n}" for n, id in enumerate(ids))


def test_a_function_error_is_retried_after_one_minute_and_after_two_with_the_same_request_id(
    platform, deploy, send, lines, until, outcomes
):
    function = deploy(FAILS)
    id = send(function, b'{"a": 1}')
    until(lambda: outcomes(id) == ["retry"])
    platform.advance(30)
    assert len(lines(function, "ran ")) == 1
    platform.advance(31)
    until(lambda: outcomes(id) == ["retry"] * 2)
    platform.advance(90)
    assert len(lines(function, "ran ")) == 2
    platform.advance(31)
    until(lambda: len(lines(function, "ran ")) == 3)
    assert set(lines(function, "ran ")) == {f'{id} {{"a": 1}}'}
    until(lambda: outcomes(id) == ["retry", "retry", "failed"])
    platform.advance(3600)
    assert outcomes(id) == ["retry", "retry", "failed"]
