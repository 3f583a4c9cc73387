"""LoggingConfig: text and JSON, levels of the platform and of the function, a log group of its own."""

import json
import re
import subprocess
import sys

import pytest

JSON = {"LogFormat": "JSON"}
PLAIN = "def handler(event, context): return event"
NAMES = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


def lines(answer):
    """The tail of an invocation that logs JSON: each line of it."""
    return [json.loads(line) if line.startswith("{") else line for line in answer.log.splitlines()]


def types(answer):
    return [line["type"] for line in lines(answer) if "type" in line]


def application(answer):
    """What the function itself has logged."""
    return [line for line in lines(answer) if not (isinstance(line, dict) and "type" in line)]


def stored(function):
    """All events of the function's only stream."""
    [events] = function.log().values()
    return [json.loads(event) for event in events]


# The platform.


@pytest.mark.parametrize(
    ("level", "cold", "warm"),
    [
        (
            "DEBUG",
            ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"],
            ["start", "runtimeDone", "report"],
        ),
        ("INFO", ["initStart", "start", "report"], ["start", "report"]),
        ("WARN", [], []),
    ],
)
def test_platform_events_are_written_at_their_levels(deploy, level, cold, warm):
    """facts/lambda-runtime.md §6: DEBUG adds the successes, INFO is the default, failures are WARN."""
    function = deploy(PLAIN, LoggingConfig=JSON | {"SystemLogLevel": level})
    function(1)
    written = [json.loads(event)["type"] for events in function.log().values() for event in events]
    assert written == [f"platform.{name}" for name in cold]
    assert types(function(2)) == [f"platform.{name}" for name in warm]


READS_ITS_LOG = """
import boto3
logs = boto3.client("logs")

def handler(event, context):
    stream = {"logGroupName": context.log_group_name, "logStreamName": context.log_stream_name}
    return [event["message"] for event in logs.get_log_events(**stream)["events"]]
"""


@pytest.mark.parametrize("settings", [{}, {"LoggingConfig": JSON}])
def test_start_is_in_the_log_while_the_function_runs(deploy, settings):
    """Whoever follows the log of a long invocation sees that it has begun."""
    function = deploy(READS_ITS_LOG, Timeout=60, **settings)
    for answer in (function(None), function(None)):
        assert answer.request_id in answer.value[-1], answer.value


def test_a_failure_is_told_at_warn(deploy):
    function = deploy(
        "def handler(event, context): raise ValueError('no')", LoggingConfig=JSON | {"SystemLogLevel": "WARN"}
    )
    answer = function()
    done, report = [line for line in lines(answer) if "type" in line]
    assert (done["type"], report["type"]) == ("platform.runtimeDone", "platform.report")
    told = {"requestId": answer.request_id, "status": "error", "errorType": "Function.Unknown"}
    assert told.items() <= done["record"].items()
    assert told.items() <= report["record"].items()


def test_a_failed_init_is_told_at_warn_for_both_attempts(deploy):
    function = deploy("import nothing_of_this_name", LoggingConfig=JSON | {"SystemLogLevel": "WARN"})
    function()
    inits = [line for line in stored(function) if line.get("type", "").startswith("platform.init")]
    assert [(line["type"], line["record"]["phase"], line["record"]["status"]) for line in inits] == [
        ("platform.initRuntimeDone", "init", "error"),
        ("platform.initReport", "init", "error"),
        ("platform.initRuntimeDone", "invoke", "error"),
        ("platform.initReport", "invoke", "error"),
    ]
    assert {line["record"]["errorType"] for line in inits} == {"Runtime.ImportModuleError"}


def test_a_timeout_and_a_dead_runtime_are_told_in_the_report(deploy):
    late = deploy("import time\ndef handler(event, context): time.sleep(9)", Timeout=1, LoggingConfig=JSON)
    told = lines(late(0))[-1]["record"]
    assert (told["status"], told["metrics"]["durationMs"], "errorType" in told) == ("timeout", 1000, False)
    # Another function: after a timeout the init is within the next invocation's second, which may not be enough for it.
    dead = deploy("import os\ndef handler(event, context): os._exit(3)", LoggingConfig=JSON)
    told = lines(dead(0))[-1]["record"]
    assert (told["status"], told["errorType"]) == ("error", "Runtime.ExitError")


def test_the_records_are_those_of_the_telemetry_api(deploy):
    """facts/lambda-runtime.md §5."""
    function = deploy(PLAIN, LoggingConfig=JSON | {"SystemLogLevel": "DEBUG"})
    answer = function("é")
    events = stored(function)
    for event in events:
        assert list(event) == ["time", "type", "record"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    init_start, init_done, init_report, start, done, report = [event["record"] for event in events]
    runtime = function.platform.client("lambda").get_function_configuration(FunctionName=function.name)["Runtime"]
    arn = init_start.pop("runtimeVersionArn")
    assert re.fullmatch("arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}", arn)
    instance = init_start.pop("instanceId")
    assert re.fullmatch(rf"\d{{4}}/\d\d/\d\d/{function.name}\[\$LATEST\]\w{{32}}", instance)
    assert init_start == {
        "initializationType": "on-demand",
        "phase": "init",
        "runtimeVersion": runtime.replace("python", "python:") + ".v1",
        "functionName": function.name,
        "functionVersion": "$LATEST",
        "instanceMaxMemory": 128 << 20,
    }
    assert init_done == {"initializationType": "on-demand", "phase": "init", "status": "success"}
    init_ms = init_report.pop("metrics")["durationMs"]
    assert init_report == init_done
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
    assert start == {"requestId": answer.request_id, "functionArn": arn, "version": "$LATEST"}
    assert (done["status"], done["metrics"]["producedBytes"]) == ("success", len(answer.payload))
    metrics = report["metrics"]
    assert (report["requestId"], report["status"]) == (answer.request_id, "success")
    assert metrics.keys() == {"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"}
    assert (metrics["memorySizeMB"], metrics["initDurationMs"]) == (128, init_ms)
    assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    assert metrics["billedDurationMs"] >= init_ms + metrics["durationMs"] > metrics["billedDurationMs"] - 1.01


def test_the_tail_of_json_logs_begins_with_its_start_and_has_whole_lines(deploy):
    code = "def handler(event, context): print('unfinished', end='')"
    answer = deploy(code, LoggingConfig=JSON)()
    start, said, report = lines(answer)
    assert (start["type"], said, report["type"]) == ("platform.start", "unfinished", "platform.report")
    assert answer.log.endswith("}\n")


# The function: Python.

LOGS = """
    import logging, sys

    def handler(event, context):
        logger = logging.getLogger("mine")
        if event:
            logging.getLogger().setLevel(1)
        logger.debug("a debug"); logger.info("an info"); logger.warning("a warning")
        logger.error("an error", extra={"colour": "blue"}); logger.critical({"it": "burns"})
"""
MESSAGES = ["a debug", "an info", "a warning", "an error", {"it": "burns"}]


@pytest.mark.parametrize(("level", "count"), list(zip(NAMES, [5, 5, 4, 3, 2, 1], strict=True)))
@pytest.mark.parametrize("sets_its_own", [False, True])
def test_python_logging_is_filtered_by_the_application_level(deploy, level, count, sets_its_own):
    """Whatever level the code gives its logger: the platform filters as well."""
    function = deploy(LOGS, LoggingConfig=JSON | {"ApplicationLogLevel": level})
    said = application(function(sets_its_own))
    assert [line["message"] for line in said] == MESSAGES[5 - count :]


def test_every_python_logs_json(deploy, usable_pythons):
    """Older ones have older clients of AWS's."""
    for runtime in usable_pythons:
        function = deploy(LOGS, Runtime=runtime, LoggingConfig=JSON | {"ApplicationLogLevel": "WARN"})
        said = application(function(True))
        assert [(line["level"], line["message"]) for line in said[:2]] == [
            ("WARNING", "a warning"),
            ("ERROR", "an error"),
        ]
        assert len(said) == 3


def test_a_python_record_has_awss_keys(deploy):
    """facts/lambda-runtime.md §8."""
    answer = deploy(LOGS, LoggingConfig=JSON)(None)
    info, _, error, _ = application(answer)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", info.pop("timestamp"))
    assert info == {"level": "INFO", "message": "an info", "logger": "mine", "requestId": answer.request_id}
    assert error["colour"] == "blue"


def test_the_error_of_a_handler_is_one_json_line(deploy):
    function = deploy("def handler(event, context): raise ValueError('so\\nnot')", LoggingConfig=JSON)
    answer = function()
    [error] = application(answer)
    assert answer.failure == ("ValueError", "so\nnot")
    assert {member: error[member] for member in ("level", "errorType", "errorMessage", "requestId")} == {
        "level": "ERROR",
        "errorType": "ValueError",
        "errorMessage": "so\nnot",
        "requestId": answer.request_id,
    }
    assert "in handler" in error["stackTrace"][0]


def test_an_init_error_is_json_as_well(deploy):
    function = deploy("raise ValueError('no')", LoggingConfig=JSON)
    function()
    errors = [line for line in stored(function) if line.get("level") == "ERROR"]
    assert [(error["errorType"], error["errorMessage"]) for error in errors] == [("ValueError", "no")] * 2


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("TRACE", ["plain", "number", "late", "no level", "no time", "debug", "warn", "WARNING", "error"]),
        ("INFO", ["plain", "number", "late", "no level", "no time", "warn", "WARNING", "error"]),
        ("WARN", ["warn", "WARNING", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_a_printed_line_is_filtered_by_its_level_and_is_at_info_without(deploy, level, kept):
    """facts/lambda-runtime.md §6, and the guide's "Log-level filtering": INFO as well without an RFC 3339 time."""
    printed = [
        "plain",
        json.dumps({"level": 9, "timestamp": "2024-11-02T16:51:31.587199Z", "msg": "number"}),
        json.dumps({"level": "error", "timestamp": "just now", "msg": "late"}),
        json.dumps({"timestamp": "2024-11-02T16:51:31.587199Z", "msg": "no level"}),
        json.dumps({"level": "ERROR", "msg": "no time"}),
        json.dumps({"level": "debug", "timestamp": "2024-11-02T16:51:31.587199Z", "msg": "debug"}),
        json.dumps({"level": "warn", "time": "2024-11-02T16:51:31+01:00", "msg": "warn"}),
        json.dumps({"level": "WARNING", "@timestamp": "2024-11-02T16:51:31Z", "msg": "WARNING"}),
        json.dumps({"level": "Error", "timestamp": "2024-11-02T16:51:31Z", "msg": "error"}),
    ]
    function = deploy(
        "def handler(event, context): print(*event, sep='\\n')", LoggingConfig=JSON | {"ApplicationLogLevel": level}
    )
    said = [line for line in function(printed).log.splitlines() if "platform." not in line]
    assert [line if line == "plain" else json.loads(line)["msg"] for line in said] == kept
    assert set(said) <= set(printed), "a line was changed"


def test_text_is_the_default_and_filters_nothing(deploy):
    code = "import os\ndef handler(event, context):\n    print(event)\n    return sorted(os.environ)"
    answer = deploy(code)('{"level": "TRACE"}')
    assert '{"level": "TRACE"}\n' in answer.log
    assert not {"AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"} & set(answer.result)


def test_with_json_two_variables_tell_the_runtime(deploy):
    """facts/lambda-runtime.md §2.1."""
    code = "import os\ndef handler(event, context): return [os.environ['AWS_LAMBDA_LOG_' + name] for name in event]"
    function = deploy(code, LoggingConfig=JSON | {"ApplicationLogLevel": "WARN"})
    assert function(["FORMAT", "LEVEL"]).result == ["JSON", "WARN"]


def test_a_change_of_the_format_holds_with_the_next_invocation(deploy):
    function = deploy(PLAIN)
    assert function(1).log.startswith("START ")
    function.configure(LoggingConfig=JSON)
    assert lines(function(1))[0]["type"] == "platform.start"
    function.configure(LoggingConfig={"LogFormat": "Text"})
    assert function(1).log.startswith("START ")


# The function: Node.js.


@pytest.fixture(scope="session")
def usable_node() -> str:
    """A Node.js that `samovar runtimes` lists without an objection."""
    command = [sys.executable, "-c", "from samovar.cli import main; main()", "runtimes"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = re.search(r"^yes  (nodejs\S+)", listed.stdout, re.MULTILINE)
    return found[1] if found else pytest.skip("no Node.js is installed")


@pytest.fixture
def deploy_node(deploy, usable_node):
    return lambda code, **options: deploy({"h.mjs": code}, Runtime=usable_node, **options)


CONSOLE = """
    export const handler = async () => {
        console.trace('t'); console.debug('d'); console.info('i'); console.warn('w');
        console.error('e'); console.fatal('f');
    };
"""


@pytest.mark.parametrize(("level", "kept"), [("TRACE", "tdiwef"), ("INFO", "iwef"), ("WARN", "wef"), ("FATAL", "f")])
def test_the_console_of_node_is_filtered_by_the_application_level(deploy_node, level, kept):
    answer = deploy_node(CONSOLE, LoggingConfig=JSON | {"ApplicationLogLevel": level})()
    said = application(answer)
    assert "".join(line["message"] for line in said) == kept
    assert {line["requestId"] for line in said} == {answer.request_id}


def test_the_error_of_a_node_handler_is_one_json_line(deploy_node):
    answer = deploy_node("export const handler = async () => { throw new TypeError('no') }", LoggingConfig=JSON)()
    assert answer.failure == ("TypeError", "no")
    [error] = application(answer)
    assert (error["level"], error["requestId"]) == ("ERROR", answer.request_id)
    assert error["message"]["errorType"] == "TypeError"


# The group.


def test_a_custom_group_gets_the_log_and_the_streams_name_the_function(deploy, platform):
    """facts/lambda-runtime.md §6: `YYYY/MM/DD/NAME[VERSION][32hex]`."""
    code = "def handler(event, context): return [context.log_group_name, context.log_stream_name]"
    function = deploy(code, LoggingConfig={"LogGroup": "/shared/by-all"})
    group, stream = function().result
    assert group == "/shared/by-all"
    assert re.fullmatch(rf"\d{{4}}/\d\d/\d\d/{function.name}\[\$LATEST]\[[0-9a-f]{{32}}]", stream)
    events = platform.client("logs").get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    assert events["events"][0]["message"].startswith("INIT_START ")
    assert function.log() == {}
