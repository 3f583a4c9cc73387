"""Parameter mappings, and what must never leave in a head."""

import json
from types import SimpleNamespace

import pytest

from samovar.core.errors import AwsError
from samovar.services.apigateway import expressions
from samovar.services.apigateway.expressions import Source
from samovar.services.apigateway.plane.mapping import Mappings, ResponseMapping, Returned
from samovar.services.apigateway.plane.refusals import Refusal

VALUES = {
    ("querystring", "q"): "a b",
    ("querystring", "evil"): "x\r\nInjected: y",
    ("querystring", "empty"): "",
    ("header", "A"): "1",
    ("context", "stage"): "dev",
    ("static", "s"): "s",
}


def mapped(body=b"", **parameters):
    wanted = {name.replace("__", ".").replace("_", "-"): value for name, value in parameters.items()}
    mappings = Mappings.of_request({f"integration.request.{name}": value for name, value in wanted.items()})
    value = lambda source: VALUES.get((source.kind, source.name))  # noqa: E731
    return {part: mappings.of(part, value, body) for part in ("header", "querystring", "path")}


def test_each_kind_of_source_finds_its_place():
    found = mapped(
        b'{"a": {"b": [1, "x"]}, "n": null}',
        header__X_Q="method.request.querystring.q",
        header__X_Body="method.request.body.a.b[1]",
        header__X_Object="method.request.body.a",
        header__X_Null="method.request.body.n",
        header__X_None="method.request.body.nothing",
        header__X_Empty="method.request.querystring.empty",
        querystring__s="'s'",
        path__p="context.stage",
    )
    assert found == {
        "header": [("X-Q", "a b"), ("X-Body", "x"), ("X-Object", '{"b":[1,"x"]}')],
        "querystring": [("s", "s")],
        "path": [("p", "dev")],
    }


def test_the_whole_body_goes_as_text_and_a_part_of_what_isnt_json_is_refused():
    assert mapped(b"h\xc3\xa9", querystring__b="method.request.body")["querystring"] == [("b", "hé")]
    assert mapped(b"text", querystring__b="method.request.body.a")["querystring"] == []
    with pytest.raises(Refusal) as refused:
        mapped(b"{", querystring__b="method.request.body.a")
    assert (refused.value.kind, refused.value.message) == ("BAD_REQUEST_BODY", "Invalid JSON in request body")


def test_a_value_that_would_break_a_head_apart_isnt_sent():
    assert mapped(header__X="method.request.querystring.evil")["header"] == []
    assert mapped(querystring__x="method.request.querystring.evil")["querystring"] == [("x", "x\r\nInjected: y")]


@pytest.mark.parametrize(
    "expression", ["true", "", "method.request.body.", "method.response.header.a", "integration.response.body", "'open"]
)
def test_an_expression_that_is_none_is_refused(expression):
    with pytest.raises(AwsError, match="Invalid mapping expression specified: Validation Result: "):
        expressions.check_request({"integration.request.header.X": expression})


def test_identity_sources_are_expressions_of_a_request():
    assert expressions.identity_source(" context.httpMethod ") == Source("context", "httpMethod")
    assert expressions.identity_source("'static'") is None
    assert expressions.identity_source("nonsense") is None


def answer(responses, returned, **override):
    exchange = SimpleNamespace(
        request=SimpleNamespace(headers={"accept": ""}),
        plan=SimpleNamespace(media=SimpleNamespace(is_binary=lambda header: False)),
        response_override=override,
        value=lambda source: source.name if source.kind == "static" else None,
        say=lambda line: None,
    )
    shape = {"integrationResponses": {each["statusCode"]: each for each in responses}}
    declared = {each["statusCode"]: {} for each in responses}
    return ResponseMapping(shape, declared).answer(exchange, returned)


def test_the_first_pattern_that_matches_as_a_whole_decides_else_the_default():
    responses = [{"statusCode": "200"}, {"statusCode": "400", "selectionPattern": "bad.*"}]
    assert answer(responses, Returned(200, [], b"x", "bad thing")).status == 400
    assert answer(responses, Returned(200, [], b"x", "a bad thing")).status == 200
    with pytest.raises(Refusal):
        answer(responses[1:], Returned(200, [], b"x", "good"))


def test_mapped_headers_come_from_the_backend_without_regard_to_case():
    mapping = {"method.response.header.X": "integration.response.header.x-back"}
    mapping |= {"method.response.header.Server": "'mine'", "method.response.header.Evil": "integration.response.body.e"}
    body = json.dumps({"e": "x\r\ny: z"}).encode()
    response = answer(
        [{"statusCode": "200", "responseParameters": mapping}], Returned(200, [("X-BACK", "1")], body, "")
    )
    assert response.headers == [
        ("Content-Type", "application/json"),
        ("X", "1"),
        ("x-amzn-Remapped-Server", "mine"),
    ]


def test_overrides_go_before_mappings_and_a_status_below_200_is_none():
    responses = [{"statusCode": "200"}]
    response = answer(responses, Returned(200, [], b"x", ""), header={"A": 1, "B": "x\ny"}, status="404")
    assert (response.status, response.headers) == (404, [("Content-Type", "application/json"), ("A", "1")])
    assert answer(responses, Returned(200, [], b"x", ""), status=101).status == 200
    with pytest.raises(Refusal):
        answer([{"statusCode": "100"}], Returned(200, [], b"x", ""))
