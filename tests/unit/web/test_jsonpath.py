"""JSONPath as Jayway's library answers it; each expectation was compared with its release 2.10."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.web import jsonpath

DOCUMENT = {
    "store": {
        "book": [
            {"category": "ref", "author": "Nigel", "title": "Say", "price": 8.95},
            {"category": "fic", "author": "Evelyn", "title": "Sword", "price": 12.99, "isbn": "0-1"},
            {"category": "fic", "author": "Herman", "title": "Moby", "price": 8.99, "tags": ["a", "b"]},
            {"category": "fic", "author": "J R", "title": "Lord", "price": 22.99, "tags": []},
        ],
        "bicycle": {"color": "red", "price": 19.95},
    },
    "expensive": 10,
    "a b": 1,
    "x-y": 2,
    "none": None,
    "num": [1, 2, 3, 4.5],
    "obj": {"k": {"z": 1}, "l": {"z": 2}},
    "$d": 4,
}
MISSING = jsonpath.MISSING


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DOCUMENT),
        ("$.store.bicycle.color", "red"),
        ("store.bicycle.color", "red"),
        ("$['store']['bicycle']['color']", "red"),
        ("$.store.book[0].title", "Say"),
        ("$.store.book.[0].title", "Say"),
        ("$.store.book[-1].title", "Lord"),
        ("$.store.book[9].title", MISSING),
        ("$.store.book.title", MISSING),
        ("$.missing.deep", MISSING),
        ("$.none", None),
        ("$['a b']", 1),
        ("$.a b", 1),
        ("$.x-y", 2),
        ("$.$d", 4),
        ("$.store.book[*].title", ["Say", "Sword", "Moby", "Lord"]),
        ("$..author", ["Nigel", "Evelyn", "Herman", "J R"]),
        ("$..book[0,1].title", ["Say", "Sword"]),
        ("$..book[:2].title", ["Say", "Sword"]),
        ("$..book[-2:].title", ["Moby", "Lord"]),
        ("$.store.book[*].missing", []),
        ("$.store.book[0]['title','price','none']", {"title": "Say", "price": 8.95}),
        ("$.store.book[?(@.isbn)].title", ["Sword"]),
        ("$.store.book[?(@.price < 10)].title", ["Say", "Moby"]),
        ("$.store.book[?(@.price <= $['expensive'])].title", ["Say", "Moby"]),
        ("$.store.book[?(@.category == 'fic' && @.price > 10)].title", ["Sword", "Lord"]),
        ("$.store.book[?(@.category != 'fic' || @.title == \"Lord\")].title", ["Say", "Lord"]),
        ("$.store.book[?(@.author =~ /.*NIGEL/i)].title", ["Say"]),
        ("$.store.book[?(@.tags contains 'a')].title", ["Moby"]),
        ("$.store.book[?('a' in @.tags)].title", ["Moby"]),
        ("$.store.book[?(@.category in ['ref', 'x'])].title", ["Say"]),
        ("$.store.book[?(@.category nin ['ref'])].title", ["Sword", "Moby", "Lord"]),
        ("$.store.book[?(@.tags size 2)].title", ["Moby"]),
        ("$.store.book[?(@.tags empty true)].title", ["Lord"]),
        ("$.store.book[?(@.missing == null)].title", []),
        ("$.num[?(@ > 2)]", [3, 4.5]),
        ("$.num[?(!(@ > 2))]", [1, 2]),
        ("$.obj.*.z", [1, 2]),
        ("$.num.length()", 4),
        ("$.num.sum()", 10.5),
        ("$.num.min()", 1.0),
        ("$.num.avg()", 2.625),
        ("$.obj.keys()", ["k", "l"]),
        ("$.store.book[?(@.price > 20)].length()", [5]),
        ("$..price.max()", 22.99),
    ],
)
def test_a_path_means_what_it_means_to_jayway(path, expected):
    assert jsonpath.compile(path).read(DOCUMENT) == expected


@pytest.mark.parametrize(
    "path", ["", "$.", "$..", "$[", "$.a[", "$.a[b]", "$.a[?(", "$.a[?(@.x = 1)]", "$.num.foo()", "$.a[?(@.x =~ /(/)]"]
)
def test_what_is_not_a_path_is_refused(path):
    with pytest.raises(ValueError):
        jsonpath.compile(path)


class Spent(Exception):
    """The account is empty."""


def account(steps):
    left = [steps]

    def charge(cost):
        left[0] -= cost
        if left[0] < 0:
            raise Spent

    return charge


def test_documents_that_contain_themselves_and_patterns_without_end_cost_no_more_than_allowed():
    endless = {"a": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}
    endless["self"] = endless
    with pytest.raises((Spent, ValueError)):
        jsonpath.compile("$..x").read(endless, account(10_000))
    wide = [0]
    for _ in range(60):
        wide = [wide, wide]
    with pytest.raises((Spent, ValueError)):
        jsonpath.compile("$..[0]").read(wide, account(10_000))
    with pytest.raises(Spent):
        jsonpath.compile("$[?(@.a =~ /(a+)+$/)]").read(endless, account(10_000))


PIECES = st.sampled_from([*".[]()*?@$:,'\"0-1", "..", "a", "[?(", "==", "&&", "=~", "/x/", "in", ".length()"])


@given(st.lists(PIECES, max_size=12).map("".join))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_path_or_is_refused(path):
    try:
        found = jsonpath.compile(path).read(DOCUMENT, account(100_000))
    except ValueError:
        return
    assert found is MISSING or msgspec.json.encode(found)
