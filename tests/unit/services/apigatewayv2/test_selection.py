"""Selection expressions: what they select, whatever is written in them and whatever they are put to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.services.apigatewayv2.websocket.rules import check_selection
from samovar.services.apigatewayv2.websocket.selection import Expression, dig

BODY = {"action": "talk", "a": {"b": [{"c": 1}, {"c d": True}]}, "none": None, "list": []}


def select(expression):
    return Expression(expression).select(lambda name: dig(BODY, name.removeprefix("request.body")))


@pytest.mark.parametrize(
    "expression, selected",
    [
        ("$request.body.action", "talk"),
        ("${request.body.action}", "talk"),
        ("${request.body.action}-x", "talk-x"),
        ("${request.body.action}/${request.body.a.b[0].c}", "talk/1"),
        ("$request.body.a.b[1]['c d']", "true"),
        ('$request.body.a.b[1]["c d"]', "true"),
        ("$request.body.a.b[7].c", None),
        ("$request.body.a", None),
        ("$request.body.none", None),
        ("$request.body.list", None),
        ("$request.body.action.x", None),
        ("\\$default", "$default"),
        ("static", "static"),
        ("", ""),
    ],
)
def test_what_an_expression_selects(expression, selected):
    assert select(expression) == selected


@pytest.mark.parametrize("expression", ["$request.method $request.path", "$integration.response.statuscode"])
def test_a_message_is_selected_by_what_it_has(expression):
    with pytest.raises(AwsError):
        check_selection(expression)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_shreds = st.lists(st.sampled_from(["$", "{", "}", "request.body", ".a", "[0]", "['x']", "\\", "x", "."]), max_size=8)


@given(_shreds.map("".join), _json)
def test_any_expression_selects_a_text_or_nothing(expression, body):
    selected = Expression(expression).select(lambda name: dig(body, name.removeprefix("request.body")))
    assert selected is None or isinstance(selected, str)
