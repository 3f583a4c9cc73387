"""`engine/report.py`: AWS's lines and payloads byte for byte, and output cut into events wherever the pipe cuts it."""

import json
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.engine import report
from samovar.engine.model import Version
from samovar.engine.report import EVENT_LIMIT, FRAME_LIMIT, Lines, Tail

ID = "8286a188-ba32-4475-8077-530cd35c09a9"


def version(version: str = "$LATEST", log_group: str = "/aws/lambda/f") -> Version:
    return Version(
        key="k",
        account="123456789012",
        region="us-east-1",
        function_name="f",
        function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
        version=version,
        runtime="python3.12",
        handler="h.handler",
        memory_mb=128,
        timeout_s=3,
        ephemeral_mb=512,
        code="",
        variables={},
        role_arn="",
        log_group=log_group,
    )


def test_the_stream_name_has_the_utc_day_the_version_and_32_digits():
    latest, seven = version(), version(version="7")
    assert report.stream_name(latest, 1_764_028_799.0, "0" * 32) == "2025/11/24/[$LATEST]" + "0" * 32
    assert report.stream_name(seven, 1_764_028_800.0, "f" * 32) == "2025/11/25/[7]" + "f" * 32


def test_in_a_custom_group_the_stream_names_the_function():
    """facts/lambda-runtime.md §6."""
    custom = version(log_group="/shared")
    assert report.stream_name(custom, 1_764_028_799.0, "0" * 32) == "2025/11/24/f[$LATEST][" + "0" * 32 + "]"


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("python3.12", "python:3.12.v1"),
        ("nodejs22.x", "nodejs:22.v1"),
        ("java21", "java:21.v1"),
        ("java8.al2", "java:8.al2.v1"),
        ("provided.al2023", "provided:al2023.v1"),
        ("dotnet8", "dotnet:8.v1"),
    ],
)
def test_runtime_versions_are_written_like_aws_does(runtime, expected):
    assert report.runtime_version(runtime) == expected


def test_init_start_names_the_runtimes_version_and_its_arn():
    line = report.init_start("python3.13", "eu-west-1")
    head = "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:"
    digits = line.removeprefix(head).removesuffix("\n")
    assert line == f"{head}{digits}\n"
    assert len(bytes.fromhex(digits)) == 32


def test_start_and_end_name_the_request():
    assert report.start(ID, "$LATEST") == f"START RequestId: {ID} Version: $LATEST\n"
    assert report.end(ID) == f"END RequestId: {ID}\n"


def test_a_cold_report_has_the_init_duration_and_bills_it():
    """facts/lambda-runtime.md §6: 3.01 + 110.10 ms are billed as 114."""
    assert report.report(ID, duration_ms=3.01, memory_mb=128, max_memory_mb=36, init_ms=110.10) == (
        f"REPORT RequestId: {ID}\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n"
    )


def test_a_warm_report_ends_with_a_tab_too():
    assert report.report(ID, duration_ms=1.0, memory_mb=10240, max_memory_mb=36) == (
        f"REPORT RequestId: {ID}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 10240 MB\t"
        "Max Memory Used: 36 MB\t\n"
    )


def test_a_timed_out_report_ends_with_its_status():
    line = report.report(ID, duration_ms=3000.0, memory_mb=128, max_memory_mb=35, init_ms=67.49, status="timeout")
    assert line == (
        f"REPORT RequestId: {ID}\tDuration: 3000.00 ms\tBilled Duration: 3068 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 35 MB\tInit Duration: 67.49 ms\tStatus: timeout\n"
    )


def test_a_failed_report_names_the_error_type():
    line = report.report(
        ID, duration_ms=812.4, memory_mb=256, max_memory_mb=256, status="error", error_type=report.OUT_OF_MEMORY
    )
    assert line.endswith("\tMax Memory Used: 256 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n")


def test_an_init_that_is_not_billed_is_shown_all_the_same():
    line = report.report(ID, duration_ms=3.01, memory_mb=128, max_memory_mb=36, init_ms=110.10, bills_init=False)
    assert "\tBilled Duration: 4 ms\t" in line
    assert "\tInit Duration: 110.10 ms\t" in line


def test_init_report_tells_the_phase_and_what_went_wrong_where_something_did():
    assert report.init_report(13316.04) == "INIT_REPORT Init Duration: 13316.04 ms\n"
    assert report.init_report(10000.0, "init", "timeout") == (
        "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n"
    )
    assert report.init_report(137.69, "invoke", "error", "Runtime.ImportModuleError") == (
        "INIT_REPORT Init Duration: 137.69 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError\n"
    )


@pytest.mark.parametrize(
    ("duration", "init", "billed"),
    [
        (3.01, None, 4),
        (1293.83, 1049.63, 2344),
        (3.0, None, 3),
        (0.0, None, 0),
        (0.01, None, 1),
        (3000.0004, None, 3000),
        (0.1, 0.9, 1),
        (1.1, 2.9, 4),
    ],
)
def test_billing_rounds_up_what_report_prints(duration, init, billed):
    assert report.billed_ms(duration, init) == billed


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            report.timed_out(ID, 3),
            f'{{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {ID} Error: '
            'Task timed out after 3.00 seconds"}',
        ),
        (
            report.exited(ID, 129),
            f'{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {ID} Error: '
            'Runtime exited with error: exit status 129"}',
        ),
        (
            report.exited(ID, 0),
            f'{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {ID} Error: '
            'Runtime exited without providing a reason"}',
        ),
        (
            report.exited(ID, -9),
            f'{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {ID} Error: '
            'Runtime exited with error: signal: killed"}',
        ),
        (
            report.exited(ID, -11),
            f'{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {ID} Error: '
            'Runtime exited with error: signal: segmentation fault"}',
        ),
        (
            report.TOO_LARGE_PAYLOAD,
            '{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
            '"errorType":"Function.ResponseSizeTooLarge"}',
        ),
    ],
)
def test_failures_read_as_in_facts_lambda_runtime_3(payload, expected):
    assert payload.decode() == expected
    json.loads(payload)


# Output.


def frame(message: bytes, kind: int = 0xA55A0003, length: int | None = None) -> bytes:
    size = len(message) if length is None else length
    return kind.to_bytes(4, "big") + size.to_bytes(4, "big") + (1_700_000_000_000_000).to_bytes(8, "big") + message


def events(data: bytes) -> list[str]:
    lines = Lines()
    return lines.feed(data) + lines.flush()


def test_a_line_is_an_event_and_keeps_its_newline():
    assert events(b"one\ntwo\r\n\nthree") == ["one\n", "two\r\n", "\n", "three"]


def test_a_carriage_return_does_not_end_a_line():
    assert events(b"[ERROR] x\rTraceback\r  line 2\n") == ["[ERROR] x\rTraceback\r  line 2\n"]


def test_an_unfinished_line_waits_for_the_flush():
    lines = Lines()
    assert lines.feed(b"begun") == []
    assert lines.feed(b" and ended\nnext") == ["begun and ended\n"]
    assert lines.flush() == ["next"]
    assert lines.flush() == []
    assert lines.feed(b"more\n") == ["more\n"]


@pytest.mark.parametrize("format_", [2, 3])
@pytest.mark.parametrize("level", [0, 4, 8, 0xC, 0x10, 0x14, 0x18])
def test_a_frame_is_one_event_with_all_its_lines(format_, level):
    data = b"before\n" + frame(b"first\nsecond\n", 0xA55A0000 | format_ | level) + b"after\n"
    assert events(data) == ["before\n", "first\nsecond\n", "after\n"]


def test_whoever_chooses_events_learns_the_level_of_each_frame_and_0_for_a_line():
    """facts/lambda-runtime.md §6: `TRACE 4, DEBUG 8, INFO 0xC, WARN 0x10, ERROR 0x14, FATAL 0x18`."""
    told = {0: 0, 4: 1, 8: 2, 0xC: 3, 0x10: 4, 0x14: 5, 0x18: 6}
    for format_ in (2, 3):
        for level, number in told.items():
            seen: list[tuple[str, int]] = []
            lines = Lines(lambda text, level, seen=seen: seen.append((text, level)) or text == "kept\n")
            data = b"kept\nline\n" + frame(b"framed", 0xA55A0000 | format_ | level) + b"rest"
            assert lines.feed(data) + lines.flush() == ["kept\n"]
            assert seen == [("kept\n", 0), ("line\n", 0), ("framed", number), ("rest", 0)]


def test_a_frame_that_is_no_utf_8_is_chosen_by_its_level_too():
    lines = Lines(lambda text, level: level >= 5)
    assert lines.feed(frame(b"\xff", 0xA55A0017) + frame(b"\xfe", 0xA55A0013)) == ["\ufffd"]


def test_a_frame_may_follow_on_an_unfinished_line():
    assert events(b"unfinished" + frame(b"message") + b"rest\n") == ["unfinished", "message", "rest\n"]


def test_a_frame_that_looks_like_frames_inside_is_still_one_event():
    inner = frame("é".encode()).decode("latin-1")
    assert events(frame(inner.encode())) == [inner]


def test_an_empty_frame_is_no_event():
    assert events(frame(b"") + b"x\n") == ["x\n"]


@pytest.mark.parametrize("kind", [0xA55A0001, 0xA55A0004, 0xA55A001E, 0xA55A0103])
def test_an_unknown_frame_type_is_text(kind):
    data = b"a" + frame(b"message\n", kind)
    assert "".join(events(data)) == data.decode("utf-8", "replace")


def test_a_frame_with_a_huge_length_is_text_at_once():
    lines = Lines()
    assert lines.feed(frame(b"line 1\nline 2\n", length=FRAME_LIMIT + 1)) == ["line 1\n", "line 2\n"]
    assert lines.feed(frame(b"line 3\n", length=0xFFFFFFFF)) == ["line 3\n"]


def test_the_largest_frame_is_one_event():
    message = "\n".join(["x" * 99] * (FRAME_LIMIT // 100))
    assert events(frame(message.encode())) == [message]


def test_a_frame_that_never_ends_is_flushed_as_far_as_it_came():
    assert events(frame(b"half a mess", length=20)) == ["half a mess"]


def test_invalid_utf_8_is_replaced():
    assert events(b"\xff\xfe ok \xe2\x82\n") == ["\ufffd\ufffd ok \ufffd\n"]
    assert events(frame(b"\xff\nok")) == ["\ufffd\n", "ok"]


def test_a_line_that_is_too_long_becomes_several_events():
    assert [len(event) for event in events(b"x" * (2 * EVENT_LIMIT + 5) + b"\nshort\n")] == [
        EVENT_LIMIT,
        EVENT_LIMIT,
        6,
        6,
    ]


def test_a_line_of_exactly_the_limit_is_one_event():
    line = "x" * EVENT_LIMIT + "\n"
    assert events(line.encode()) == [line]


def test_a_line_that_never_ends_is_not_kept_in_memory():
    lines = Lines()
    given_back = sum(len(event) for _ in range(100) for event in lines.feed(b"x" * 65536))
    assert given_back >= 100 * 65536 - EVENT_LIMIT - 8


def test_a_long_line_is_not_cut_inside_a_character():
    line = "€" * EVENT_LIMIT
    pieces = events(line.encode())
    assert "".join(pieces) == line
    assert max(len(piece.encode()) for piece in pieces) <= EVENT_LIMIT


@pytest.mark.parametrize("length", range(4, 16))
def test_a_frame_about_where_a_long_line_is_cut_is_found(length):
    data = b"x" * length + frame(b"message") + b"rest\n"
    with mock.patch.object(report, "EVENT_LIMIT", 9):
        lines = Lines()
        found = [event for at in range(len(data)) for event in lines.feed(data[at : at + 1])]
    line = "x" * length
    assert found == [*filter(None, (line[:9], line[9:])), "message", "rest\n"]


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\n", b"line\n", b"\xa5", b"\xa5\x5a", b"\xa5\x5a\x00", "é€😀".encode(), b"\x80" * 9]),
        st.builds(frame, st.binary(max_size=24), st.sampled_from([0xA55A0003, 0xA55A0016, 0xA55A0001])),
        st.builds(lambda n: frame(b"lie", length=n), st.integers(0, 60)),
    ),
    max_size=12,
).map(b"".join)


@given(PIECES, st.data())
def test_it_makes_no_difference_where_the_pipe_cuts(data, draw):
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=10)))
    with mock.patch.multiple(report, EVENT_LIMIT=9, FRAME_LIMIT=20):
        whole = events(data)
        lines = Lines()
        chunked = [
            event for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) for event in lines.feed(data[a:b])
        ]
        assert chunked + lines.flush() == whole
        lines = Lines()
        bytewise = [event for at in range(len(data)) for event in lines.feed(data[at : at + 1])]
        assert bytewise + lines.flush() == whole
    assert all(whole), "an empty event"


@given(st.text())
def test_text_comes_out_as_it_went_in(text):
    found = events(text.encode())
    assert "".join(found) == text
    assert all(event.find("\n") in (-1, len(event) - 1) for event in found)


def test_the_tail_is_the_last_4_kb():
    tail = Tail()
    tail.add(["START\n"])
    tail.add([f"line {n}\n" for n in range(10_000)])
    tail.add(["END\n"])
    everything = "START\n" + "".join(f"line {n}\n" for n in range(10_000)) + "END\n"
    assert bytes(tail) == everything.encode()[-4096:]


def test_the_tail_begins_with_a_whole_character():
    tail = Tail()
    tail.add(["x" + "€" * 2000])
    assert bytes(tail).decode() == "€" * (4096 // 3)


def test_a_short_tail_is_the_whole_log():
    tail = Tail()
    assert bytes(tail) == b""
    tail.add(["a\n", "b\n"])
    tail.add([])
    tail.add(["c\n"])
    assert bytes(tail) == b"a\nb\nc\n"


def test_a_tail_of_whole_lines_ends_each_event():
    tail = Tail(lines=True)
    tail.add(["a\n", "b"])
    tail.add(["c"])
    assert bytes(tail) == b"a\nb\nc\n"
