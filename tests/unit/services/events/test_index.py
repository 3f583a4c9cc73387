"""The index leaves out what can't match, and nothing else."""

import itertools
import json

import pytest

from samovar.core.pattern import compile
from samovar.services.events.index import Index
from samovar.services.events.state import Rule

PATTERNS = [
    {"source": ["a"]},
    {"source": ["a", "b"]},
    {"source": ["a"], "detail": {"kind": ["x"]}},
    {"source": ["a"], "detail": {"kind": ["y"], "n": [{"numeric": [">", 1]}]}},
    {"detail.kind": ["x"]},
    {"detail": {"list": ["p", "q"]}},
    {"detail": {"list": {"deep": ["x"]}}},
    {"detail": {"kind": [{"prefix": "x"}]}},
    {"detail": {"kind": ["x", None]}},
    {"detail": {"kind": [{"exists": False}]}},
    {"$or": [{"source": ["b"]}, {"detail": {"kind": ["y"]}}]},
    {"source": ["a"], "$or": [{"source": ["b"]}, {"detail": {"n": [1]}}]},
    {"detail": {"kind": ["x"]}, "detail.kind": ["y"]},
    {"resources": ["r1"]},
]
DETAILS = [
    {},
    {"kind": "x"},
    {"kind": "y", "n": 2},
    {"kind": None},
    {"kind": ["y", "x"]},
    {"list": ["q", "z"]},
    {"list": [{"deep": "x"}, [{"deep": "z"}]]},
    {"list": {"deep": "x"}},
    {"list.deep": "x"},
    {"n": 1},
]


def rule(name: str, pattern: object) -> Rule:
    return Rule(account="1", region="r", bus="default", name=name, pattern=json.dumps(pattern))


@pytest.mark.parametrize("source", ["a", "b", "c"])
def test_the_candidates_are_all_that_match(source):
    rules = [rule(str(n), pattern) for n, pattern in enumerate(PATTERNS)]
    index = Index(rules)
    for detail, resources in itertools.product(DETAILS, ([], ["r1", "r2"])):
        event = {"source": source, "detail": detail, "resources": resources}
        candidates = {each.name for each in index.candidates(event)}
        matching = {each.name for each in rules if compile(each.pattern).matches(event)}
        assert matching <= candidates, event


def test_of_many_rules_that_differ_in_one_string_few_are_candidates():
    rules = [rule(f"r{n:03}", {"source": ["a"], "detail": {"kind": [f"k{n}"]}}) for n in range(300)]
    index = Index(rules)
    assert [each.name for each in index.candidates({"source": "a", "detail": {"kind": "k7"}})] == ["r007"]
    assert index.candidates({"source": "a", "detail": {"kind": "nothing"}}) == []
