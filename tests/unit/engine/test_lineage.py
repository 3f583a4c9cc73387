"""The lineage counts a function's runs in a chain of events, whatever text comes in."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.engine.frames import complete_trace
from samovar.engine.lineage import counted, digest, runs

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
MARK = digest(ARN)


def test_each_run_is_counted_beside_those_of_others():
    trace = "Root=1-2-3;Parent=4;Sampled=1;Lineage=68fd508a:5"
    for run in range(1, 20):
        trace = counted(trace, MARK)
        assert runs(trace, ARN) == run
    assert trace == f"Root=1-2-3;Parent=4;Sampled=1;Lineage=68fd508a:5|{MARK}:19"


def test_without_a_lineage_it_is_the_first_run():
    assert runs("Root=1-2-3", ARN) == 0
    assert counted("Root=1-2-3", MARK) == f"Root=1-2-3;Lineage={MARK}:1"


NONSENSE = ["", ":", "x", f"{MARK}:", f"{MARK}:x", f"{MARK}:-1", f"{MARK}:9999999", "|||", "a:1|"]


@pytest.mark.parametrize("lineage", NONSENSE)
def test_what_cant_be_read_is_no_lineage(lineage):
    assert runs(f"Root=1;Lineage={lineage}", ARN) == 0


def test_a_lineage_doesnt_grow_without_end():
    trace = "Root=1"
    for n in range(1000):
        trace = counted(trace, f"{n:08x}")
    assert len(trace) < 1000


@given(st.text(max_size=200))
def test_whatever_comes_in_is_counted_once(text):
    assert runs(counted(text, MARK), ARN) == runs(text, ARN) + 1


ROOT, PARENT = "Root=1-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8"
OURS = r"Root=1-6b0bce8d-[0-9a-f]{24};Parent=[0-9a-f]{16}"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("", f"{OURS};Sampled=0"),
        ("garbage", f"{OURS};Sampled=0"),
        ("Root=1-zz;Sampled=1", f"{OURS};Sampled=0"),
        (ROOT, rf"{ROOT};Parent=[0-9a-f]{{16}};Sampled=0"),
        (f"{ROOT};Sampled=1", rf"{ROOT};Parent=[0-9a-f]{{16}};Sampled=1"),
        (f"{ROOT};{PARENT};Sampled=?", f"{ROOT};{PARENT};Sampled=0"),
        (f"Self=1-x;{ROOT}; {PARENT}; Sampled=1", f"{ROOT};{PARENT};Sampled=1"),
        (f"{ROOT};Parent=x;Sampled=1", rf"{ROOT};Parent=[0-9a-f]{{16}};Sampled=1"),
    ],
)
def test_a_function_gets_a_whole_trace_header_whatever_came(given, wanted):
    assert re.fullmatch(f"{wanted};Lineage={MARK}:1", complete_trace(given, 0x6B0BCE8D, MARK))
    again = f"{given};Lineage={MARK}:3"
    assert re.fullmatch(f"{wanted};Lineage={MARK}:4", complete_trace(again, 0x6B0BCE8D, MARK))
