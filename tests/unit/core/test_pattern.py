"""Event patterns, by the recorded examples of facts/eventbridge.md §B, lambda-events.md §5 and sns.md §6."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.core.pattern import EVENTS, FILTERS, POLICIES, PatternError, compile, exact

IPV6 = "2001:0db8:1234:1a00:0000:0000:0000:0000"
MISSING = object()


def matches(pattern, event):
    return compile(json.dumps(pattern)).matches(event)


@pytest.mark.parametrize(
    ("conditions", "wanted", "unwanted"),
    [
        (["a"], ["a", ["x", "a"], [["a"]]], ["A", "a ", 1, None, [], MISSING]),
        ([300], [300, 300.0], ["300", True, None]),
        ([1], [1], [True]),
        ([False], [False], [0, "false", None]),
        ([None], [None], ["null", [], False, MISSING]),
        ([""], [""], ["x", None]),
        (["1", "2"], [["3", "1"]], [["3"], "3", 1]),
        ([{"prefix": "init"}], ["initializing"], ["post-init", 1]),
        ([{"prefix": ""}], ["", "x"], [1, MISSING]),
        ([{"prefix": {"equals-ignore-case": "EventB"}}], ["EvEnTbridge"], ["Even"]),
        ([{"suffix": ".PNG"}], ["a.PNG"], ["image.png"]),
        ([{"suffix": {"equals-ignore-case": ".png"}}], ["image.PNG"], ["png"]),
        ([{"equals-ignore-case": ""}], [""], ["x"]),
        ([{"anything-but": 0}], [789, "0", None], [0, 0.0, MISSING]),
        ([{"anything-but": ["stopped", "overloaded"]}], ["pending", None], ["stopped", MISSING]),
        ([{"anything-but": {"prefix": "init"}}], ["post-init", 12, None], ["initial", MISSING]),
        ([{"anything-but": {"prefix": ["init", "post"]}}], ["x"], ["post-init"]),
        ([{"anything-but": {"suffix": ".txt"}}], ["file.txt.bak"], ["file.txt"]),
        ([{"anything-but": {"equals-ignore-case": "initializing"}}], ["x"], ["INITIALIZING"]),
        ([{"anything-but": {"equals-ignore-case": ["a", "b"]}}], ["c"], ["B"]),
        ([{"anything-but": {"wildcard": "*/dir/*"}}], ["dir/init/file", 123], ["/dir/"]),
        ([{"anything-but": {"wildcard": ""}}], ["dir/init/file"], [""]),
        ([{"wildcard": "/Users/*/doc.txt"}], ["/Users/u/dir/dir/doc.txt"], ["/Users/u/notmatchingdoc.txt"]),
        ([{"wildcard": "a*b*c"}], ["abc", "aXbXbXc", "abcc"], ["abcd", "acb"]),
        ([{"wildcard": r"a\*\\*"}], ["a*\\x"], ["ab\\x"]),
        ([{"wildcard": ""}], [""], ["x"]),
        ([{"wildcard": "*"}], ["", "x\ny"], [1]),
        ([{"numeric": [">", 100]}], [101.0], ["300", None, 100, True]),
        ([{"numeric": [">", 0, "<=", 5]}], [3, 5], [0, 42]),
        ([{"numeric": ["=", 301.8]}], [301.8], [301]),
        ([{"cidr": "10.0.0.0/24"}], ["10.0.0.255"], ["10.0.0.256", 123, "10.0.1.0"]),
        ([{"cidr": "2001:db8:1234:1a00::/64"}], [IPV6], ["::1", "10.0.0.1"]),
        ([{"exists": True}], ["x", None, [1]], [MISSING, [], {"S": "x"}]),
        ([{"exists": False}], [MISSING, []], ["x", None]),
        ([{"anything-but": ["roses"]}, {"exists": False}], [MISSING, "x"], ["roses"]),
        ([{"numeric": [">", 100]}, {"anything-but": "101"}], ["42"], ["101"]),
        ([{"exists": True}, {"prefix": "IGNORED"}], ["x"], [MISSING]),
    ],
)  # fmt: skip
def test_an_operator_wants_some_values_and_not_others(conditions, wanted, unwanted):
    for value in wanted:
        assert matches({"k": conditions}, {} if value is MISSING else {"k": value}), value
    for value in unwanted:
        assert not matches({"k": conditions}, {} if value is MISSING else {"k": value}), value


def test_all_fields_must_match_and_others_are_ignored():
    pattern = {"source": ["a"], "detail": {"n": [1]}}
    assert matches(pattern, {"source": "a", "detail": {"n": 1, "m": 2}, "id": "x"})
    assert not matches(pattern, {"source": "a", "detail": {"n": 2}})
    assert not matches(pattern, {"source": "a"})


@pytest.mark.parametrize("detail", [{"state": {"status": "running"}}, {"state.status": "running"}])
@pytest.mark.parametrize("pattern", [{"state.status": ["running"]}, {"state": {"status": ["running"]}}])
def test_dotted_and_nested_names_are_the_same_field(pattern, detail):
    assert matches({"detail": pattern}, {"detail": detail})
    assert not matches({"detail": {"state.status": {"status": ["running"]}}}, {"detail": detail})


@pytest.mark.parametrize("event", [{}, {"a": {}}, {"a": "text"}, {"a": {"b": "text"}}, {"a": {"b": {"d": 1}}}])
def test_a_field_is_missing_when_any_of_its_parents_is(event):
    pattern = {"a": {"b": {"c": [{"exists": False}]}}}
    assert matches(pattern, event)
    assert not matches(pattern, {"a": {"b": {"c": 1}}})


def test_fields_of_one_array_must_match_within_the_same_element():
    pattern = {"employees": {"firstName": ["Anna"], "lastName": ["Jones"]}}
    anna, peter = {"firstName": "Anna", "lastName": "Smith"}, {"firstName": "Peter", "lastName": "Jones"}
    assert not matches(pattern, {"employees": [anna, peter]})
    assert matches(pattern, {"employees": [anna, {"firstName": "Anna", "lastName": "Jones"}]})
    assert not matches({"all": pattern}, {"all": {"employees": [[anna], [peter]]}})
    assert matches({"automations": {"id": [{"exists": True}]}}, {"automations": [{"k": 1}, {"id": "x"}]})


def test_fields_of_different_arrays_need_not():
    pattern = {"a": {"x": [1]}, "b": {"x": [2]}}
    assert matches(pattern, {"a": [{"x": 0}, {"x": 1}], "b": [{"x": 2}]})


def test_records_match_when_the_first_fulfils_both_even_in_an_array_of_arrays():
    pattern = {
        "Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}}, "eventName": [{"prefix": "ObjectCreated:"}]}
    }
    good = {"s3": {"object": {"key": "auto-1"}}, "eventName": "ObjectCreated:Put"}
    other = {"s3": {"object": {"key": "manual"}}, "eventName": "ObjectRemoved:Delete"}
    assert matches(pattern, {"Records": [good, other]})
    assert matches(pattern, {"Records": [{**good, "s3": {"object": [[{"key": "auto-1"}]]}}, other]})
    assert not matches(pattern, {"Records": [{**good, "eventName": "x"}, {**other, "eventName": "ObjectCreated:Put"}]})


def test_many_elements_take_no_quadratic_time():
    elements = [{"a": 1} if number % 2 else {"b": 1} for number in range(20_000)]
    assert not matches({"x": {"y": {"a": [1], "b": [1]}}}, {"x": [{"y": elements}]})
    assert matches({"x": {"a": [1]}, "y": {"b": [1]}}, {"x": elements, "y": elements})


def test_or_is_expanded_into_alternatives():
    pattern = {"s": ["a"], "$or": [{"c": [{"numeric": [">", 0]}]}, {"d": [{"numeric": ["<", 10]}]}]}
    assert matches(pattern, {"s": "a", "c": 0, "d": 0})
    assert not matches(pattern, {"s": "a", "c": 0, "d": 10})
    assert not matches(pattern, {"s": "b", "c": 1, "d": 0})
    nested = {"k": {"$or": [{"a": [1]}, {"$or": [{"b": [2]}, {"c": [3]}]}]}}
    assert matches(nested, {"k": {"c": 3}})
    assert not matches(nested, {"k": {"c": 2}})


def test_of_two_leaves_for_one_field_the_one_written_last_stands():
    assert compile('{"x": [1], "$or": [{"x": [2]}, {"y": [3]}]}').matches({"x": 2})
    assert not compile('{"$or": [{"x": [2]}, {"y": [3]}], "x": [1]}').matches({"x": 2})
    assert compile('{"l": [{"prefix": "us-"}], "l": [{"anything-but": "us-east"}]}').matches({"l": "eu"})


@pytest.mark.parametrize("branches", [[{"a": [1]}], [{"a": [1]}, {"prefix": "x"}]])
def test_or_is_an_ordinary_name_unless_it_holds_two_objects_without_operators(branches):
    with pytest.raises(PatternError, match="Unrecognized match type a"):
        compile(json.dumps({"$or": branches}))
    assert matches({"$or": ["x"]}, {"$or": "x"})


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ('{"int": 1}', '"int" must be an object or an array'),
        ('{"suffix": "x"}', '"suffix" must be an object or an array'),
        ("{}", "Empty objects are not allowed"),
        ('{"a": {}}', "Empty objects are not allowed"),
        ('{"a": []}', "Empty arrays are not allowed"),
        ('{"a": [[1]]}', "Match value must be String, number, true, false, or null"),
        ('{"a": [{}]}', "Match expression name not found"),
        ('{"a": [{"EXISTS": true}]}', "Unrecognized match type EXISTS"),
        ('{"a": [{"prefix": "a", "suffix": "b"}]}', "Only one key allowed in match expression"),
        ('{"a": [{"exists": "x"}]}', "exists match pattern must be either true or false."),
        ('{"a": [{"prefix": 1}]}', "prefix match pattern must be a string"),
        ('{"a": [{"prefix": ["a"]}]}', "prefix match pattern must be a string"),
        ('{"a": [{"prefix": {"wildcard": "x"}}]}', "Unsupported prefix pattern: wildcard"),
        ('{"a": [{"suffix": null}]}', "suffix match pattern must be a string"),
        ('{"a": [{"equals-ignore-case": [1]}]}', "equals-ignore-case match pattern must be a string"),
        ('{"a": [{"wildcard": 1}]}', "wildcard match pattern must be a string"),
        ('{"a": [{"wildcard": "x**"}]}', "Consecutive wildcard characters at pos 1"),
        (r'{"a": [{"wildcard": "ab\\x"}]}', "Invalid escape character at pos 2"),
        ('{"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}', "Rule is too complex - try using fewer wildcard characters"),
        ('{"a": [{"numeric": 1}]}', "Value of numeric must be an array."),
        ('{"a": [{"numeric": []}]}', "Invalid member in numeric match: ]"),
        ('{"a": [{"numeric": [5]}]}', "Invalid member in numeric match: 5"),
        ('{"a": [{"numeric": ["operator", 1]}]}', "Unrecognized numeric range operator: operator"),
        ('{"a": [{"numeric": ["=", "1"]}]}', "Value of equals must be numeric"),
        ('{"a": [{"numeric": [">="]}]}', "Value of >= must be numeric"),
        ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements in numeric expression"),
        ('{"a": [{"numeric": [">", 1, ">", 0]}]}', "Bad numeric range operator: >"),
        ('{"a": [{"numeric": [">", 1, "<", "x"]}]}', "Value of < must be numeric"),
        ('{"a": [{"numeric": [">", 1, "<", 1]}]}', "Bottom must be less than top"),
        ('{"a": [{"numeric": [">", 1, 30]}]}', "Bad value in numeric range: 30"),
        ('{"a": [{"numeric": [">", 1, "<", 2, 3]}]}', "Too many terms in numeric range expression"),
        ('{"a": [{"cidr": ["x"]}]}', "prefix match pattern must be a string"),
        ('{"a": [{"cidr": "10.0.0.0"}]}', "Malformed CIDR, one '/' required"),
        ('{"a": [{"cidr": "10.0.0.0/x"}]}', "Malformed CIDR, mask bits must be an integer"),
        ('{"a": [{"cidr": "xx.11.xx/8"}]}', "Nonstandard IP address: xx.11.xx"),
        ('{"a": [{"cidr": "10.0.0.0/32"}]}', "IPv4 mask bits must be < 32"),
        ('{"a": [{"anything-but": null}]}', "Value of anything-but must be an array or single string/number value."),
        ('{"a": [{"anything-but": [true]}]}', "Inside anything but list, start|null|boolean is not supported."),
        ('{"a": [{"anything-but": [1, "a"]}]}', "Inside anything but list, either all values are number or string"),
        ('{"a": [{"anything-but": {"prefix": 1}}]}', "prefix/suffix match pattern must be a string"),
        ('{"a": [{"anything-but": {"prefix": ""}}]}', "Null prefix/suffix not allowed"),
        ('{"a": [{"anything-but": {"exists": true}}]}', "Unsupported anything-but pattern: exists"),
        (
            '{"a": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}',
            "Value of anything-but must be an array or single string/number value.",
        ),
        (
            '{"a": [{"anything-but": {"equals-ignore-case": [1]}}]}',
            "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
        ),
        ("[1]", "Filter is not an object"),
        ("this", "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token"),
        ("{'a'", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_pattern_is_told_in_awss_words(pattern, reason):
    with pytest.raises(PatternError) as caught:
        compile(pattern)
    assert caught.value.reason.startswith(reason)


def test_the_place_of_what_is_wrong_is_told_as_jackson_does():
    text = '{"a": [\n{"exists": 1}]}'
    with pytest.raises(PatternError) as caught:
        compile(text)
    assert caught.value.located(text, f'(String)"{text}"').endswith(
        f'\n at [Source: (String)"{text}"; line: 2, column: 13]'
    )
    with pytest.raises(PatternError) as broken:
        compile("{x}", source='(String)"{x}"')
    assert broken.value.located("{x}", "").endswith('\n at [Source: (String)"{x}"; line: 1, column: 3]')


def test_a_pattern_too_deep_or_with_too_many_alternatives_is_refused():
    with pytest.raises(PatternError, match="levels"):
        compile('{"a":' * 150 + "[1]" + "}" * 150)
    four = [{"a": [1]}, {"b": [1]}, {"c": [1]}, {"d": [1]}]
    nested = {f"k{n}": {"$or": four} for n in range(6)}
    with pytest.raises(PatternError, match="combinations"):
        compile(json.dumps(nested))


def test_filter_criteria_compare_plain_numbers_as_they_are_written():
    pattern = compile('{"body": {"n": [300]}}', FILTERS)
    assert pattern.matches({"body": exact('{"n": 300}')})
    assert not pattern.matches({"body": exact('{"n": 300.0}')})
    assert not pattern.matches({"body": exact('{"n": 3.0e2}')})
    assert compile('{"body": {"n": [{"numeric": [">", 299]}]}}', FILTERS).matches({"body": exact('{"n": 3.0e2}')})
    assert compile('{"body": {"n": [{"anything-but": [300]}]}}', FILTERS).matches({"body": exact('{"n": 301}')})


@pytest.mark.parametrize("operator", ['{"wildcard": "*"}', '{"anything-but": {"suffix": "x"}}'])
def test_filter_policies_know_fewer_operators(operator):
    compile(f'{{"a": [{operator}]}}', EVENTS)
    with pytest.raises(
        PatternError, match=r"Unrecognized match type wildcard|Unsupported anything-but pattern: suffix"
    ):
        compile(f'{{"a": [{operator}]}}', POLICIES)


@pytest.mark.parametrize("event", [None, "text", ["x"], 1])
def test_what_is_no_object_matches_nothing(event):
    assert not compile('{"a": [{"exists": false}]}').matches(event)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from([">", "<=", "="]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "a.b", "$or", "prefix", "anything-but", "numeric", "cidr", "wildcard"]),
            below,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(_json, _json)
def test_any_text_is_a_pattern_or_a_pattern_error_and_any_event_is_answered(pattern, event):
    try:
        compiled = compile(json.dumps(pattern))
    except PatternError:
        return
    assert compiled.matches(event) in (True, False)


@given(st.text(max_size=30))
def test_any_garbage_is_a_pattern_error(text):
    try:
        compile(text)
    except PatternError as error:
        assert error.located(text, "x")
