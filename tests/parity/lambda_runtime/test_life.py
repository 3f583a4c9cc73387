"""The life of environments: what is kept, what is frozen, what starts afresh, and how many there are."""

import concurrent.futures
import http.client
import json
import threading
import time

import pytest
from botocore.exceptions import ClientError

STATE = """
    import os, time
    n = 0
    def handler(event, context):
        global n
        n += 1
        with open("/tmp/n", "a") as file:
            file.write("x")
        if event == "sleep":
            time.sleep(60)
        if event == "exit":
            os._exit(1)
        return [n, os.path.getsize("/tmp/n"), context.log_stream_name]
"""


def until(condition, within_s=20.0):
    """The first true value of `condition`."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.02)
    return value


def at_once(count, call):
    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        return list(threads.map(lambda _: call(), range(count)))


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_globals_and_tmp_are_kept_between_invocations(deploy):
    """facts/lambda-runtime.md §7, "Reuse"."""
    function = deploy(STATE)
    answers = [function().result for _ in range(5)]
    assert [answer[:2] for answer in answers] == [[n, n] for n in range(1, 6)]
    assert len({answer[2] for answer in answers}) == 1


@pytest.mark.parametrize("end", ["sleep", "exit"])
def test_after_a_timeout_or_a_crash_tmp_is_kept_and_globals_are_not(deploy, end):
    """facts/lambda-runtime.md §7, "reset": /tmp content yes, globals no; the same environment."""
    function = deploy(STATE, Timeout=1)
    stream = function().result[2]
    for round_ in range(1, 3):
        assert function(end).error == "Unhandled"
        assert function().result == [1, 2 * round_ + 1, stream]
    assert list(function.log()) == [stream]


def test_init_after_a_reset_isnt_a_cold_start_in_the_log(deploy):
    """facts/lambda-runtime.md §7: not a cold start line, but init time counts within the invoke."""
    function = deploy("import os, time\ntime.sleep(0.3)\ndef handler(event, context):\n    if event: os._exit(1)")
    assert "Init Duration" in function().report
    assert "Init Duration" not in function(1).report
    again = function().report
    assert "Init Duration" not in again
    assert float(again.split("Duration: ")[1].split(" ms")[0]) >= 300


def test_one_invocation_at_a_time(deploy):
    """facts/lambda-runtime.md §7, "Reuse": one invocation at a time per environment; N at once get N environments."""
    function = deploy("""
        import time
        running = 0
        def handler(event, context):
            global running
            running += 1
            seen = running
            time.sleep(0.5)
            running -= 1
            return [seen, context.log_stream_name]
    """, Timeout=30)
    answers = [answer.result for answer in at_once(8, function)]
    assert [seen for seen, _ in answers] == [1] * 8
    assert len({stream for _, stream in answers}) == 8
    assert len(function.log()) == 8


def test_an_idle_environment_is_used_again_before_a_new_one_is_made(deploy):
    """facts/lambda-runtime.md §7, "Reuse"."""
    function = deploy("def handler(event, context): return context.log_stream_name")
    assert len({function().result for _ in range(20)}) == 1


# --- frozen ---------------------------------------------------------------------------------------------------------


@pytest.mark.root
def test_background_threads_stand_still_between_invocations_and_go_on_with_the_next(deploy):
    """facts/lambda-runtime.md §7, "Freeze/thaw"."""
    function = deploy("""
        import subprocess, threading, time
        count = 0
        def work():
            global count
            while True:
                time.sleep(0.005)
                count += 1
        threading.Thread(target=work, daemon=True).start()
        child = subprocess.Popen(["/bin/sh", "-c", "while sleep 0.02; do echo x >>/tmp/ticks; done"])
        def ticks():
            with open("/tmp/ticks", "a+") as file:
                return file.tell()
        def handler(event, context):
            before = [count, ticks()]
            time.sleep(event)
            return before + [count, ticks()]
    """, Timeout=20, MemorySize=1769)
    _, _, threads, children = function(0.3).result
    assert threads and children
    time.sleep(1)  # what is shown is that nothing happens meanwhile
    before_threads, before_children, threads_then, children_then = function(0.3).result
    # The moment between the answer and the freeze, and that between the thaw and the handler, belong to the function.
    assert before_threads - threads <= 10
    assert before_children - children <= 2 * 3
    assert threads_then > before_threads
    assert children_then > before_children


def test_what_a_thread_prints_after_the_answer_is_logged_with_the_next_invocation(deploy):
    """facts/lambda-runtime.md §7: background work resumes at the next invocation."""
    function = deploy("""
        import threading, time
        def late():
            time.sleep(0.1)
            print("late")
        def handler(event, context):
            if event:
                threading.Thread(target=late).start()
            else:
                time.sleep(0.5)
    """, Timeout=10)
    function(1)
    answer = function(0)
    assert sum(line == "late\n" for lines in function.log().values() for line in lines) == 1
    assert answer.error is None


# --- updates --------------------------------------------------------------------------------------------------------


def test_an_update_replaces_environments_and_running_invocations_finish_on_the_old_code(deploy):
    """facts/lambda-runtime.md §7, "Update"."""
    code = "import time\ndef handler(event, context):\n    print('go')\n    time.sleep(event)\n    return '{}'"
    function = deploy(code.format("old"), Timeout=30)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        running = threads.submit(function, 2)
        until(lambda: any("go\n" in lines for lines in function.log().values()))
        function.update(code.format("new"))
        assert function(0).result == "new"
        assert not running.done(), "the machine is too slow for this test"
        assert running.result().result == "old"
    assert [function(0).result for _ in range(3)] == ["new"] * 3


def test_a_new_configuration_is_in_force_at_once(deploy):
    """facts/lambda-runtime.md §7, "Update": new environments use the new."""
    function = deploy("import os\ndef handler(event, context): return os.environ.get('COLOUR')")
    assert function().result is None
    for colour in ("red", "green"):
        function.configure(Environment={"Variables": {"COLOUR": colour}})
        assert function().result == colour


def test_a_deleted_function_isnt_run_any_more_and_a_new_one_of_its_name_starts_afresh(platform, deploy):
    """facts/lambda-runtime.md §7."""
    code = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return [n, {}]"
    first = platform.deploy(code.format(1), name="phoenix")
    assert first().result == [1, 1]
    first.delete()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        first()
    assert deploy(code.format(2), name="phoenix")().result == [1, 2]


# --- callers --------------------------------------------------------------------------------------------------------


def test_a_caller_who_hangs_up_doesnt_disturb_the_environment(deploy):
    """Client hangs up mid-invocation."""
    function = deploy("""
        import time
        n = 0
        def handler(event, context):
            global n
            n += 1
            print("go")
            time.sleep(event)
            return [n, context.log_stream_name]
    """, Timeout=30)
    stream = function(0).result[1]

    def logged(begin, times):
        return until(lambda: sum(line.startswith(begin) for line in function.log()[stream]) == times)

    for hung in range(3):
        caller = http.client.HTTPConnection(function.platform.endpoint.removeprefix("http://"))
        scope = "Credential=123456789012/20261122/us-east-1/lambda/aws4_request"
        signed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
        caller.request("POST", f"/2015-03-31/functions/{function.name}/invocations", "0.3", signed)
        logged("go", 2 * hung + 2)
        caller.close()
        logged("END", 2 * hung + 2)
        assert function(0).result == [2 * hung + 3, stream]


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(platforms):
    """A server of ten concurrent invocations, which lets go of environments that were idle for a second."""
    running = platforms("--ephemeral", "--concurrency", "10", "--idle-timeout-s", "1")
    yield running
    assert running.stop() == 0


def test_of_200_invocations_at_a_limit_of_10_ten_run_and_the_others_are_throttled(small):
    """facts/lambda-api.md, TooManyRequestsException."""
    function = small.deploy("""
        import time
        def handler(event, context):
            began = time.time()
            time.sleep(0.5)
            return [began, time.time(), context.log_stream_name]
    """, Timeout=30)
    barrier = threading.Barrier(200)

    def call():
        barrier.wait()
        try:
            return function().result
        except ClientError as refused:
            return refused.response

    small.client("lambda")
    answers = at_once(200, call)
    ran = [answer for answer in answers if isinstance(answer, list)]
    throttled = [answer for answer in answers if isinstance(answer, dict)]
    assert len(ran) >= 10
    assert len(throttled) >= 100
    for answer in throttled:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert answer["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
        assert (answer["Reason"], answer["Type"]) == ("ConcurrentInvocationLimitExceeded", "User")
    moments = sorted([(began, 1) for began, _, _ in ran] + [(ended, -1) for _, ended, _ in ran])
    running = most = 0
    for _, change in moments:
        running += change
        most = max(most, running)
    assert most <= 10
    assert len({stream for _, _, stream in ran}) <= 10
    assert [answer.error for answer in at_once(10, function)] == [None] * 10


def test_the_429_has_awss_body(small):
    """facts/lambda-api.md: `{"Reason": ..., "Type": "User", "message": "Rate Exceeded."}`."""
    function = small.deploy("import time\ndef handler(event, context):\n    print('go')\n    time.sleep(event)")
    with concurrent.futures.ThreadPoolExecutor(10) as threads:
        ten = [threads.submit(function, 3) for _ in range(10)]
        until(lambda: sum("go\n" in lines for lines in function.log().values()) == 10)

        def refused():
            connection = http.client.HTTPConnection(small.endpoint.removeprefix("http://"))
            scope = "Credential=123456789012/20261122/us-east-1/lambda/aws4_request"
            headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
            connection.request("POST", f"/2015-03-31/functions/{function.name}/invocations", "0", headers)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return (answer.getheader("x-amzn-ErrorType"), json.loads(body)) if answer.status == 429 else None

        kind, body = until(refused, within_s=2)
        for future in ten:
            future.exception()
    assert kind == "TooManyRequestsException"
    assert body == {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}


def test_an_idle_environment_is_let_go_of_after_its_time(small):
    """facts/lambda-runtime.md §7, "Reuse": no promise."""
    function = small.deploy("n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n")
    assert [function().result, function().result] == [1, 2]
    time.sleep(1 + 5 + 1)  # the idle time, the reaper's period, a slow machine
    assert function().result == 1


@pytest.mark.timeout(60)
def test_an_init_that_takes_more_than_ten_seconds_is_started_again_under_the_functions_timeout(deploy):
    """facts/lambda-runtime.md §7, "Init": 10 s limit; the retry is under the function's timeout."""
    function = deploy("import time\ntime.sleep(60)\ndef handler(event, context): pass", Timeout=1)
    began = time.monotonic()
    answer = function()
    assert answer.failure[0] == "Sandbox.Timedout"
    assert 11 <= time.monotonic() - began < 20
    ((_, lines),) = function.log().items()
    first, second = (line for line in lines if line.startswith("INIT_REPORT"))
    assert "\tPhase: init\tStatus: timeout" in first
    assert "\tPhase: invoke\tStatus: timeout" in second
