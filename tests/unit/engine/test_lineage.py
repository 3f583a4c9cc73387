"""The lineage counts a function's runs in a chain of events, whatever text comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
