"""What the invoker receives, and the log of it."""

import json
import re

import pytest

ID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
REPORT = (
    rf"REPORT RequestId: (?P<id>{ID})\tDuration: (?P<duration>\d+\.\d\d) ms\tBilled Duration: (?P<billed>\d+) ms"
    r"\tMemory Size: (?P<size>\d+) MB\tMax Memory Used: (?P<used>\d+) MB(\tInit Duration: (?P<init>\d+\.\d\d) ms)?"
    r"(\t|\tStatus: (?P<status>\w+)(\tError Type: (?P<type>[\w.]+))?)"
)


@pytest.fixture(scope="module")
def run(platform):
    """One function that runs the statements that it's given; they set `result`."""
    code = "def handler(event, context):\n    scope = {}\n    exec(event, scope)\n    return scope['result']\n"
    function = platform.deploy(code, Timeout=20, MemorySize=1769)
    yield function
    function.delete()


def report(answer):
    found = re.fullmatch(REPORT, answer.report)
    assert found, repr(answer.report)
    return found.groupdict()


# --- payloads -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def echo(platform):
    function = platform.deploy("def handler(event, context): return event", MemorySize=1769, Timeout=20)
    yield function
    function.delete()


@pytest.mark.parametrize(
    "event", [None, True, 0, -1.5, 1e300, 2**80, "", "x", "ü€😀\u0000\u2028", [], [[[]]], {}, {"": {"a": [None]}}]
)
def test_an_event_comes_back_as_it_was(echo, event):
    """facts/lambda-runtime.md §8: event JSON, result JSON."""
    assert echo(json.dumps(event).encode()).result == event


def test_no_payload_is_an_empty_object(echo):
    """facts/lambda-api.md §11."""
    assert echo().result == {}


def test_events_of_six_megabytes_go_through_and_come_back(echo):
    """facts/lambda-limits.md: 6 MB each way."""
    event = "a" * (6 * 1024 * 1024 - 2)
    assert echo(event).result == event


def test_a_result_of_more_than_six_megabytes_is_an_error_and_the_environment_lives_on(deploy):
    """facts/lambda-runtime.md §3, "response > 6 MB": byte for byte."""
    function = deploy("n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return 'a' * event + str(n)")
    answer = function(7 * 1024 * 1024)
    assert answer.error == "Unhandled"
    assert answer.payload == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"Function.ResponseSizeTooLarge"}'
    )
    assert function(0).result == "2"


def test_the_largest_result_has_6291556_bytes(deploy):
    """facts/lambda-runtime.md §1: 6 MiB + 100 bytes."""
    function = deploy("def handler(event, context): return 'a' * (event - 2)")
    assert len(function(6291556).payload) == 6291556
    assert function(6291557).failure[0] == "Function.ResponseSizeTooLarge"


def test_bytes_are_posted_as_they_are(run):
    """facts/lambda-runtime.md §8: `bytes` results are posted as-is."""
    assert run(json.dumps("result = b'{not json\\xff'").encode()).payload == b"{not json\xff"


def test_numbers_that_json_doesnt_have_are_written_as_python_does(run):
    """facts/lambda-runtime.md §8: NaN allowed, Decimal kept."""
    assert run("result = [float('nan'), float('inf')]").payload == b"[NaN, Infinity]"
    assert run("from decimal import Decimal; result = Decimal('1.10')").payload == b"1.10"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("result = {1, 2}", "Unable to marshal response: Object of type set is not JSON serializable"),
        ("result = []; result.append(result)", "Unable to marshal response: Circular reference detected"),
        ("result = {(1, 2): 3}", "Unable to marshal response: keys must be str, int, float, bool or None, not tuple"),
    ],
)
def test_what_json_cannot_hold_is_a_marshal_error(run, code, message):
    """facts/lambda-runtime.md §3: Runtime.MarshalError."""
    answer = run(code)
    assert answer.failure == ("Runtime.MarshalError", message)
    assert answer.value["requestId"] == answer.request_id


def test_unicode_goes_into_the_log_and_out_of_the_handler(deploy):
    """facts/lambda-runtime.md §6: stdout lines become events."""
    function = deploy("def handler(event, context):\n    print('größe', event)\n    return {'grüße': event}")
    answer = function("日本 😀")
    assert answer.result == {"grüße": "日本 😀"}
    assert "größe 日本 😀\n" in answer.log


# --- errors of the function -----------------------------------------------------------------------------------------


def test_an_exception_has_its_message_type_id_and_trace(deploy):
    """facts/lambda-runtime.md §3, first row; the order of the keys is Python's."""
    function = deploy("def handler(event, context):\n    raise Exception('Handler fails')")
    answer = function()
    assert answer.status == 200
    assert list(answer.value.items()) == [
        ("errorMessage", "Handler fails"),
        ("errorType", "Exception"),
        ("requestId", answer.request_id),
        ("stackTrace", ["  File \"/var/task/h.py\", line 2, in handler\n    raise Exception('Handler fails')\n"]),
    ]
    assert "[ERROR] Exception: Handler fails" in answer.log
    assert report(answer)["status"] is None  # the runtime is fine


def test_a_failed_handler_keeps_its_environment(deploy):
    """facts/lambda-runtime.md §7: only timeouts and dead runtimes reset."""
    function = deploy("n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    raise ValueError(n)")
    assert [function().failure for _ in range(3)] == [("ValueError", str(n)) for n in (1, 2, 3)]
    assert len(function.log()) == 1


@pytest.mark.parametrize(
    ("files", "handler", "kind", "message"),
    [
        ({"h.py": ""}, "h.missing", "Runtime.HandlerNotFound", "Handler 'missing' missing on module 'h'"),
        ({"h.py": ""}, "x.handler", "Runtime.ImportModuleError", "Unable to import module 'x': No module named 'x'"),
        (
            {"h.py": "import absent_module"},
            "h.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'h': No module named 'absent_module'",
        ),
        (
            {"h.py": "def handler(:"},
            "h.handler",
            "Runtime.UserCodeSyntaxError",
            r"Syntax error in module 'h': invalid syntax (h.py, line 1)",
        ),
        (
            {"h.py": ""},
            "handler",
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        ),
        (
            {"h.py": ""},
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
    ],
)
def test_what_is_wrong_with_the_code_is_told(deploy, files, handler, kind, message):
    """facts/lambda-runtime.md §3, "Python fault types"."""
    function = deploy(files, Handler=handler)
    for _ in range(2):
        answer = function()
        assert answer.failure == (kind, message)
        assert answer.value["requestId"] == ""
        assert report(answer)["status"] == "error"
        assert report(answer)["type"] == kind


def test_an_exception_at_import_is_told_with_its_frames(deploy):
    """facts/lambda-runtime.md §3, "Python exception at import"."""
    answer = deploy("raise RuntimeError('at import')")()
    assert answer.failure == ("RuntimeError", "at import")
    assert answer.value["requestId"] == ""
    last = "  File \"/var/task/h.py\", line 1, in <module>\n    raise RuntimeError('at import')\n"
    assert answer.value["stackTrace"][-1] == last


# --- ends of the process --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "Runtime exited with error: signal: segmentation fault"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
    ],
)
def test_a_process_that_ends_in_the_handler_says_how(deploy, statement, reason):
    """facts/lambda-runtime.md §3: exit codes and signals; §7: the next invocation starts afresh."""
    function = deploy(f"""
        import os, signal, sys
        def handler(event, context):
            if event:
                {statement}
            return "alive"
    """)
    assert function(0).result == "alive"
    answer = function(1)
    assert list(answer.value.items()) == [
        ("errorType", "Runtime.ExitError"),
        ("errorMessage", f"RequestId: {answer.request_id} Error: {reason}"),
    ]
    assert (report(answer)["status"], report(answer)["type"]) == ("error", "Runtime.ExitError")
    assert function(0).result == "alive"


def test_an_exit_in_init_is_tried_once_more_and_then_told(deploy):
    """facts/lambda-runtime.md §7: init is retried under the function's timeout ("suppressed init", phase `invoke`)."""
    function = deploy("import sys\nprint('initialising')\nsys.exit(7)\ndef handler(event, context): pass")
    answer = function()
    assert answer.failure == (
        "Runtime.ExitError",
        f"RequestId: {answer.request_id} Error: Runtime exited with error: exit status 7",
    )
    ((_, lines),) = function.log().items()
    assert lines[1] == lines[3] == "initialising\n"
    reports = [line for line in lines if line.startswith("INIT_REPORT")]
    assert len(reports) == 2
    for line, phase in zip(reports, ("init", "invoke"), strict=True):
        assert re.fullmatch(
            rf"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: {phase}\tStatus: error\tError Type: Runtime.ExitError\n",
            line,
        )


def test_an_init_that_fails_once_works_on_the_second_attempt(deploy):
    """facts/lambda-runtime.md §7: the same environment, with its /tmp."""
    function = deploy("""
        import os
        if not os.path.exists("/tmp/tried"):
            open("/tmp/tried", "w").close()
            raise RuntimeError("the first time")
        def handler(event, context): return "well"
    """)
    assert function().result == "well"


def test_a_timeout_has_awss_payload_and_status(deploy):
    """facts/lambda-runtime.md §3, "Timeout (since ~2025)"; §6, `Status: timeout`."""
    function = deploy("import time\ndef handler(event, context):\n    print('before')\n    time.sleep(60)", Timeout=1)
    answer = function()
    assert answer.payload.decode() == (
        f'{{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {answer.request_id} '
        'Error: Task timed out after 1.00 seconds"}'
    )
    assert "before\n" in answer.log
    found = report(answer)
    assert (found["status"], found["duration"]) == ("timeout", "1000.00")


@pytest.mark.root
def test_a_function_without_enough_memory_is_killed_and_nothing_else_is(deploy, echo):
    """facts/lambda-runtime.md §3, "killed (also out of memory)": the payload; REPORT has all the memory as used."""
    pid = echo.platform.pid
    function = deploy(
        """
        def handler(event, context):
            return len(bytearray(b"x") * (event << 20))
    """,
        MemorySize=128,
    )
    for _ in range(2):
        answer = function(300)
        assert answer.failure == (
            "Runtime.ExitError",
            f"RequestId: {answer.request_id} Error: Runtime exited with error: signal: killed",
        )
        found = report(answer)
        assert (found["size"], found["used"]) == ("128", "128")
        assert (found["status"], found["type"]) == ("error", "Runtime.OutOfMemory")
    assert function(10).result == 10 << 20
    assert (echo("others").result, echo.platform.process.poll(), echo.platform.pid) == ("others", None, pid)


@pytest.mark.root
def test_an_init_without_enough_memory_says_so_in_both_reports(deploy):
    answer = deploy("taken = []\nwhile True: taken.append(bytearray(b'x') * (1 << 20))\n")()
    reports = [line for line in answer.log.split("\n") if line.startswith(("INIT_REPORT ", "REPORT "))]
    assert len(reports) == 3
    assert all(line.endswith("\tStatus: error\tError Type: Runtime.OutOfMemory") for line in reports), reports


# --- the log --------------------------------------------------------------------------------------------------------


def test_the_log_has_start_output_end_and_report(deploy):
    """facts/lambda-runtime.md §6, "Text platform lines"."""
    function = deploy("""
        print("static")
        def handler(event, context):
            print("hello")
            print("no newline", end="")
    """)
    answer = function()
    function()
    ((stream, lines),) = function.log().items()
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST][0-9a-f]{32}", stream)
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.\d+\.v\d+\t"
        r"Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n",
        lines[0],
    )
    assert lines[1:6] == [
        "static\n",
        f"START RequestId: {answer.request_id} Version: $LATEST\n",
        "hello\n",
        "no newline",
        f"END RequestId: {answer.request_id}\n",
    ]
    cold, warm = re.fullmatch(REPORT + "\n", lines[6]), re.fullmatch(REPORT + "\n", lines[11])
    assert cold and warm
    assert cold["init"] and not warm["init"]
    assert int(cold["billed"]) >= float(cold["duration"]) + float(cold["init"])
    assert float(warm["duration"]) <= int(warm["billed"]) < float(warm["duration"]) + 1.01
    assert len(lines) == 12


def test_the_tail_is_the_log_of_this_invocation(deploy):
    """facts/lambda-runtime.md §6, "Tail"."""
    function = deploy("def handler(event, context): print('event', event)")
    function(1)
    answer = function(2)
    start, output, end, report_line, nothing = answer.log.split("\n")
    assert start == f"START RequestId: {answer.request_id} Version: $LATEST"
    assert (output, nothing) == ("event 2", "")
    assert end == f"END RequestId: {answer.request_id}"
    assert re.fullmatch(REPORT, report_line)
    assert function(3, LogType="None").log == ""


def test_the_tail_is_four_kilobytes_at_most_and_ends_with_report(deploy):
    """facts/lambda-api.md: the last 4 KB of the execution log."""
    answer = deploy("def handler(event, context):\n    for n in range(10_000): print('line', n)")()
    assert 3800 < len(answer.log.encode()) <= 4096
    assert "line 9999\nEND" in answer.log
    assert re.fullmatch(REPORT, answer.log.rstrip("\n").rsplit("\n", 1)[1])


def test_logging_has_lambdas_format(deploy):
    """facts/lambda-runtime.md §8: `[LEVEL]\\tTS.mmmZ\\tREQID\\tMESSAGE`."""
    function = deploy("import logging\ndef handler(event, context): logging.warning('careful\\nof %s', event)")
    answer = function(1)
    assert re.search(
        rf"^\[WARNING]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{answer.request_id}\tcareful\nof 1\n",
        answer.log,
        re.M,
    )
    ((_, lines),) = function.log().items()
    assert any(line.endswith("careful\nof 1\n") for line in lines), lines  # one event, by the framed descriptor


@pytest.mark.root
def test_max_memory_used_grows_with_what_is_used(deploy):
    """facts/lambda-runtime.md §6: REPORT's `Max Memory Used` is the environment's peak."""
    function = deploy("def handler(event, context): return len(bytearray(b'x') * (event << 20))", MemorySize=512)
    before = int(report(function(1))["used"])
    after = int(report(function(150))["used"])
    assert 10 <= before <= 120
    assert 140 <= after - before <= 200


@pytest.mark.root
def test_max_memory_used_is_all_where_a_process_of_the_function_was_killed_for_its_memory(deploy):
    function = deploy(
        """
        import subprocess, sys
        TAKE_ALL = "taken = []\\nwhile True: taken.append(bytearray(b'x') * (1 << 20))"
        def handler(event, context): return subprocess.run([sys.executable, "-c", TAKE_ALL]).returncode
    """,
        Timeout=30,
    )
    answer = function()
    assert answer.result == -9
    assert report(answer)["used"] == "128"


TRACED = "import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']"


def test_an_invocation_that_is_sampled_is_told_so_behind_its_report(deploy):
    """facts/lambda-runtime.md §6: a second line, in the same event."""
    function = deploy(TRACED, TracingConfig={"Mode": "Active"})
    trace = dict(part.split("=") for part in function().result.split(";"))
    assert trace["Sampled"] == "1"
    [report] = [line for lines in function.log().values() for line in lines if line.startswith("REPORT ")]
    first, second = report.splitlines()
    assert first.endswith("\t")
    assert second == f"XRAY TraceId: {trace['Root']}\tSegmentId: {trace['Parent']}\tSampled: true\t"


def test_whoever_calls_decides_whether_an_invocation_is_sampled(deploy):
    root = "1-5759e988-bd862e3fe1be46a994272793"
    trace = f"Root={root};Sampled=1"
    function = deploy(TRACED)
    client = function.platform.client("lambda")
    wanted = "before-sign.lambda.Invoke", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", trace)
    client.meta.events.register(*wanted)
    try:
        client.invoke(FunctionName=function.name)
    finally:
        client.meta.events.unregister(*wanted)
    [report] = [line for lines in function.log().values() for line in lines if line.startswith("REPORT ")]
    assert report.splitlines()[1].startswith(f"XRAY TraceId: {root}\tSegmentId: ")


def test_an_invocation_is_not_sampled_unless_somebody_wants_it(deploy):
    function = deploy(TRACED)
    assert "Sampled=0" in function().result
    assert not any("XRAY" in line for lines in function.log().values() for line in lines)


def test_a_function_may_replace_how_its_events_and_answers_are_read_and_written(deploy):
    """awslambdaric's `LambdaRuntimeClient.marshaller`."""
    function = deploy("""
        from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
        from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

        class Own(LambdaMarshaller):
            def unmarshal_request(self, request, content_type="application/json"):
                return [type(request).__name__, len(request), content_type]

            def marshal_response(self, response):
                return "own " + super().marshal_response(response)[0], "text/plain"

        LambdaRuntimeClient.marshaller = Own()

        def handler(event, context):
            return event
    """)
    for size in (10, 1_000_000):
        answer = function("x" * size)
        assert (answer.error, answer.payload) == (None, b'own ["bytes", %d, "application/json"]' % (size + 2))


def test_a_function_may_stand_before_awslambdarics_handling_of_events(deploy):
    function = deploy("""
        from awslambdaric import bootstrap

        handle, seen = bootstrap.handle_event_request, []

        def wrapped(client, handler, request_id, event_body, *rest):
            seen.append([type(event_body).__name__, len(event_body)])
            return handle(client, handler, request_id, event_body, *rest)

        bootstrap.handle_event_request = wrapped

        def handler(event, context):
            return seen
    """)
    function("x")
    assert function("x" * 1_000_000).result == [["bytes", 3], ["bytes", 1_000_002]]
