"""`engine/log.py` and `engine/records.py`: what happens in an environment, as the events of its log stream."""

import json

import msgspec
import pytest
from tests.lib.log_lines import Kept

from samovar.core.clock import FakeClock
from samovar.engine.log import Journal
from samovar.engine.model import Version
from samovar.engine.records import Beginning, Ending
from samovar.engine.telemetry import Telemetry

ID = "8286a188-ba32-4475-8077-530cd35c09a9"
NOW = 1_665_532_815.064
TIME = "2022-10-12T00:00:15.064Z"
TEXT = Version(
    key="k",
    account="123456789012",
    region="us-east-1",
    function_name="f",
    function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
    version="$LATEST",
    runtime="python3.12",
    handler="h.handler",
    memory_mb=128,
    timeout_s=3,
    ephemeral_mb=512,
    code="",
    variables={},
    role_arn="",
    log_group="/aws/lambda/f",
)
DONE = Ending(
    request_id=ID,
    duration_ms=3.014,
    memory_mb=128,
    max_memory_mb=36,
    produced_bytes=12,
    init_ms=110.1,
    failed=False,
)


class Log:
    """A journal on a clock that stands still."""

    def __init__(self, version: Version = TEXT, **changes: str) -> None:
        self.sink = Kept()
        clock = FakeClock(NOW)
        version = msgspec.structs.replace(version, **changes)
        self.journal = Journal(version, "0" * 32, self.sink, clock, Telemetry(False, clock))


def json_log(system: str = "INFO", application: str = "INFO") -> Log:
    return Log(log_format="JSON", system_log_level=system, application_log_level=application)


def live(log: Log, *, tail: bool = False) -> bytes:
    """A cold environment's first invocation."""
    journal = log.journal
    journal.take(tail)
    journal.init_start("init")
    journal.output(b"loaded\n")
    journal.init_runtime_done("init", "success")
    journal.init_done(110.1, "init")
    journal.start(Beginning(ID))
    journal.output(b"a line\nunfinished")
    return journal.end(DONE)


def frame(message: bytes, kind: int) -> bytes:
    return kind.to_bytes(4, "big") + len(message).to_bytes(4, "big") + bytes(8) + message


@pytest.mark.parametrize("made", [Log, json_log])
@pytest.mark.parametrize("tail", [False, True])
def test_start_is_written_when_others_are_and_only_once(made, tail):
    log = made()
    log.journal.take(tail)
    log.journal.start(Beginning(ID))
    assert log.sink.batches == []
    [start] = log.sink.lines
    assert ID in start
    assert log.sink.lines == [start]
    told = log.journal.end(DONE)
    assert [event for event in log.sink.lines if event == start] == [start]
    assert len(log.sink.lines) > 1
    assert (start.encode() in told) == tail


def test_an_environments_log_as_text_has_awss_lines_in_awss_order():
    log = Log()
    tail = live(log, tail=True)
    init_start, *others = log.sink.lines
    assert init_start.startswith("INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:aws:lambda:us-")
    assert others == [
        "loaded\n",
        f"START RequestId: {ID} Version: $LATEST\n",
        "a line\n",
        "unfinished",
        f"END RequestId: {ID}\n",
        f"REPORT RequestId: {ID}\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n",
    ]
    assert tail.decode() == "".join(others[1:])
    assert log.sink.to == {("123456789012", "us-east-1", "/aws/lambda/f", "2022/10/12/[$LATEST]" + "0" * 32)}


def test_start_is_written_together_with_what_follows():
    log = Log()
    log.journal.take(False)
    log.journal.start(Beginning(ID))
    assert log.sink.batches == []
    log.journal.output(b"begun")
    assert log.sink.batches == []
    assert log.journal.end(DONE) == b""
    assert [event.partition(" ")[0] for event in log.sink.lines] == ["START", "begun", "END", "REPORT"]
    assert [len(batch) for batch in log.sink.batches] == [2, 2]


def invoked(log: Log, request_id: str) -> None:
    log.journal.take(False)
    log.journal.start(Beginning(request_id))
    log.journal.end(msgspec.structs.replace(DONE, request_id=request_id))


def test_several_invocations_that_print_nothing_are_written_at_once():
    log = Log()
    for number in range(10):
        invoked(log, f"id-{number}")
    assert log.sink.batches == []
    told = [" ".join(line.split()[::2][:2]) for line in log.sink.lines]
    assert told == [f"{kind} id-{number}" for number in range(10) for kind in ("START", "END", "REPORT")]
    assert len(log.sink.batches) == 1


def test_what_is_held_back_is_bounded():
    log = Log()
    for number in range(1000):
        invoked(log, f"id-{number}")
    assert sum(map(len, log.sink.batches)) >= 2700
    assert len(log.sink.lines) == 3000


def test_what_an_invocation_prints_stands_behind_those_before_it():
    log = Log()
    invoked(log, "first")
    log.journal.take(False)
    log.journal.start(Beginning(ID))
    log.journal.output(b"a line\n")
    [batch] = log.sink.batches
    assert [line.partition(" ")[0] for line in batch] == ["START", "END", "REPORT", "START", "a"]


def test_an_invocation_that_never_began_gets_its_start_and_keeps_its_init_in_the_tail():
    log = Log()
    log.journal.take(True)
    log.journal.init_start("init")
    log.journal.init_failed(10_000.0, "init", "timeout", "")
    tail = log.journal.end(DONE).decode()
    assert [line.partition(" ")[0] for line in tail.splitlines()] == [
        "INIT_START", "INIT_REPORT", "START", "END", "REPORT",
    ]  # fmt: skip
    assert tail == "".join(log.sink.lines)


def test_a_later_invocation_starts_anew():
    log = Log()
    live(log)
    log.journal.take(True)
    tail = log.journal.end(msgspec.structs.replace(DONE, request_id="second")).decode()
    assert tail.startswith("START RequestId: second ")


def test_text_tells_the_status_only_of_what_the_platform_ended():
    """facts/lambda-runtime.md §6."""
    failed = msgspec.structs.replace(DONE, failed=True, error_type="ValueError")
    ended = msgspec.structs.replace(DONE, failed=True, status="error", error_type="Runtime.ExitError")
    log = Log()
    log.journal.end(failed)
    log.journal.end(ended)
    reports = [event for event in log.sink.lines if event.startswith("REPORT")]
    assert reports[0].endswith("Init Duration: 110.10 ms\t\n")
    assert reports[1].endswith("\tStatus: error\tError Type: Runtime.ExitError\n")


def test_text_has_one_init_start_per_environment():
    log = Log()
    log.journal.init_start("invoke")
    log.journal.init_done(3.0, "invoke")
    assert log.sink.lines == []


ARN = "arn:aws:lambda:us-east-1::runtime:"
INIT = '"initializationType":"on-demand","phase":"init"'


def golden(kind: str, record: str) -> str:
    return f'{{"time":"{TIME}","type":"platform.{kind}","record":{{{record}}}}}\n'


def test_an_environments_log_as_json_has_awss_records_in_awss_order():
    """facts/lambda-runtime.md §5, byte for byte as this platform orders it."""
    log = json_log("DEBUG")
    tail = live(log, tail=True)
    digits = json.loads(log.sink.lines[0])["record"]["runtimeVersionArn"].removeprefix(ARN)
    expected = [
        golden(
            "initStart",
            f'{INIT},"runtimeVersion":"python:3.12.v1","runtimeVersionArn":"{ARN}{digits}",'
            '"functionName":"f","functionVersion":"$LATEST",'
            f'"instanceId":"2022/10/12/f[$LATEST]{"0" * 32}","instanceMaxMemory":134217728',
        ),
        "loaded\n",
        golden("initRuntimeDone", f'{INIT},"status":"success"'),
        golden("initReport", f'{INIT},"status":"success","metrics":{{"durationMs":110.1}}'),
        golden("start", f'"requestId":"{ID}","version":"$LATEST"'),
        "a line\n",
        "unfinished",
        golden(
            "runtimeDone",
            f'"requestId":"{ID}","status":"success","metrics":{{"durationMs":3.014,"producedBytes":12}}',
        ),
        golden(
            "report",
            f'"requestId":"{ID}","metrics":{{"durationMs":3.014,"billedDurationMs":114,"memorySizeMB":128,'
            '"maxMemoryUsedMB":36,"initDurationMs":110.1},"status":"success"',
        ),
    ]
    assert log.sink.lines == expected
    assert tail.decode() == "".join(expected[4:]).replace("unfinished", "unfinished\n")


@pytest.mark.parametrize(("system", "written"), [("INFO", ["initStart", "start", "report"]), ("WARN", [])])
def test_successes_are_written_at_their_levels(system, written):
    """facts/lambda-runtime.md §6."""
    log = json_log(system)
    live(log)
    platform = [json.loads(event)["type"] for event in log.sink.lines if event.startswith("{")]
    assert platform == [f"platform.{name}" for name in written]


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ({"status": "timeout"}, {"status": "timeout"}),
        (
            {"status": "error", "error_type": "Runtime.ExitError"},
            {"status": "error", "errorType": "Runtime.ExitError"},
        ),
        (
            {"error_type": "Function.ResponseSizeTooLarge"},
            {"status": "error", "errorType": "Function.ResponseSizeTooLarge"},
        ),
        ({"error_type": "ValueError"}, {"status": "error", "errorType": "Function.Unknown"}),
        ({"error_type": "Runtime.lower"}, {"status": "error", "errorType": "Function.Unknown"}),
        ({}, {"status": "error", "errorType": "Function.Unknown"}),
    ],
)
def test_failures_are_written_at_warn(ending, told):
    """facts/lambda-runtime.md §1 for the types: what isn't AWS's own name is unknown."""
    log = json_log("WARN")
    log.journal.end(msgspec.structs.replace(DONE, failed=True, **ending))
    done, report = [json.loads(event) for event in log.sink.lines]
    assert (done["type"], report["type"]) == ("platform.runtimeDone", "platform.report")
    for record in (done["record"], report["record"]):
        assert {member: record[member] for member in record if member in ("status", "errorType")} == told


def test_a_failed_init_is_written_at_warn():
    log = json_log("WARN")
    log.journal.init_start("init")
    log.journal.init_runtime_done("init", "timeout")
    log.journal.init_failed(10_000.0, "init", "timeout", "")
    log.journal.init_start("invoke")
    log.journal.init_runtime_done("invoke", "error", "KeyError")
    log.journal.init_failed(1.5, "invoke", "error", "KeyError")
    records = [json.loads(event) for event in log.sink.lines]
    assert [record["type"] for record in records] == ["platform.initRuntimeDone", "platform.initReport"] * 2
    assert records[1]["record"] == {
        "initializationType": "on-demand",
        "phase": "init",
        "status": "timeout",
        "metrics": {"durationMs": 10_000.0},
    }
    assert (records[3]["record"]["phase"], records[3]["record"]["errorType"]) == ("invoke", "Runtime.Unknown")


def kept(application: str, data: bytes) -> list[str]:
    log = json_log("WARN", application)
    log.journal.output(data)
    return log.sink.lines


def test_a_frame_is_at_its_own_level_whatever_it_says():
    error = frame(b'{"level":"DEBUG","timestamp":"2024-11-02T16:51:31Z"}', 0xA55A0016)
    plain = frame(b"plain", 0xA55A0013)
    unsaid = frame(b'{"level":"FATAL","timestamp":"2024-11-02T16:51:31Z"}', 0xA55A0002)
    assert len(kept("WARN", error + plain + unsaid)) == 3
    assert kept("ERROR", plain) == []
    assert len(kept("ERROR", error + plain + unsaid)) == 2


@pytest.mark.parametrize(
    "line",
    [
        "plain",
        "",
        '"ERROR"',
        "[1]",
        "{",
        "{}",
        '{"level":"ERROR"}',
        '{"level":"ERROR","timestamp":1700000000}',
        '{"level":"ERROR","timestamp":"yesterday"}',
        '{"level":"LOUD","timestamp":"2024-11-02T16:51:31Z"}',
        '{"level":null,"timestamp":"2024-11-02T16:51:31Z"}',
        '{"level":"ERROR","timestamp":"2024-11-02T16:51:31Z"} and more',
    ],
)
def test_a_line_without_a_usable_level_and_time_is_at_info(line):
    data = f"{line}\n".encode()
    assert kept("INFO", data) == [data.decode()]
    assert kept("WARN", data) == []


@pytest.mark.parametrize("time", ["timestamp", "time", "@timestamp"])
@pytest.mark.parametrize(
    ("level", "lowest"),
    [("trace", 0), ("Debug", 1), ("INFO", 2), ("warning", 3), ("WARN", 3), ("ERROR", 4), ("CRITICAL", 5), ("fatal", 5)],
)
def test_a_json_line_is_at_the_level_that_it_says(level, lowest, time):
    data = f' {{"{time}":"2024-11-02T16:51:31.587199Z","msg":1,"level":"{level}"}}\n'.encode()
    found = [bool(kept(name, data)) for name in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")]
    assert found == [True] * (lowest + 1) + [False] * (5 - lowest)


def test_text_keeps_everything():
    log = Log()
    log.journal.output(b'{"level":"TRACE","timestamp":"2024-11-02T16:51:31Z"}\n' + frame(b"x", 0xA55A0007))
    assert len(log.sink.lines) == 2
