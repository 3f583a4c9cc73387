"""Throttles by their reasons, and the rules of older years by setting: facts/lambda-api.md §11, lambda-limits.md §1."""

import concurrent.futures
import http.client
import json
import time

import pytest
from botocore.exceptions import ClientError

SLEEPS = """
    import time
    def handler(event, context):
        time.sleep(event or 0)
"""


@pytest.fixture(scope="module")
def older(platforms):
    """A server that scales and bills as AWS did."""
    running = platforms("--ephemeral", "--burst-concurrency", "3", "--no-bill-init")
    yield running
    assert running.stop() == 0, running.said()


def refused(call):
    """What a throttled call is answered with; None if it wasn't."""
    try:
        call()
    except ClientError as error:
        answer = error.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert answer["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
        return answer["Reason"], answer["Type"]
    return None


def test_nothing_reserved_turns_a_function_off(platform, deploy):
    function = deploy(SLEEPS)
    platform.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    assert refused(function) == ("ReservedFunctionConcurrentInvocationLimitExceeded", "User")


def test_ten_requests_a_second_for_each_reserved_unit_and_then_no_more(platform, deploy):
    function = deploy(SLEEPS)
    platform.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    # One kept connection and no client library: on a busy machine, too, that is more than ten a second.
    connection = http.client.HTTPConnection(platform.endpoint.removeprefix("http://"), timeout=60)
    scope = "Credential=123456789012/20261122/us-east-1/lambda/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    deadline = time.monotonic() + 60
    status, body = 200, b""
    while status == 200:
        assert time.monotonic() < deadline, "it was never refused"
        connection.request("POST", f"/2015-03-31/functions/{function.name}/invocations", "0", headers)
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    connection.close()
    assert (status, json.loads(body)) == (
        429,
        {"Reason": "ReservedFunctionInvocationRateLimitExceeded", "Type": "User", "message": "Rate Exceeded."},
    )


def test_an_account_that_bursts_gets_so_many_environments_and_then_some_a_minute(older):
    function = older.deploy(SLEEPS, Timeout=20)
    with concurrent.futures.ThreadPoolExecutor(60) as threads:
        reasons = list(threads.map(lambda _: refused(lambda: function(3)), range(60)))
    assert set(reasons) == {None, ("FunctionInvocationRateLimitExceeded", "User")}
    assert reasons.count(None) >= 3
    assert refused(function) is None  # an environment that is there is no new one


def test_before_august_2025_a_cold_start_was_shown_and_not_billed(older):
    function = older.deploy("import time\ntime.sleep(0.5)\ndef handler(event, context): ...\n")
    answers = []
    deadline = time.monotonic() + 60
    while refused(lambda: answers.append(function())):
        assert time.monotonic() < deadline, "no new environment came"
    fields = dict(part.split(": ", 1) for part in answers[0].report.strip().split("\t"))
    assert float(fields["Init Duration"].removesuffix(" ms")) >= 500
    assert int(fields["Billed Duration"].removesuffix(" ms")) - float(fields["Duration"].removesuffix(" ms")) < 1.01
