"""Parameter mapping, and the headers that let pages of other sites read answers (facts/apigateway.md §9)."""

import pytest

from samovar.net.message import Request, Response
from samovar.services.apigatewayv2.http.cors import Cors
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.http.mapping import RequestMapping, ResponseMapping
from samovar.services.apigatewayv2.http.values import WrongExpression, value
from samovar.web.event_v2 import Routed
from samovar.web.front import Visit


def exchange(query="", body=b"", **headers):
    request = Request("POST", "/pets/6", query, headers, body)
    routed = Routed("1" * 12, "api", "api.example", "dev", "/dev/pets/6", {"colour": "red"}, "id-1", "Root=1", 0.0, "")
    routed.route_key, routed.parameters = "POST /pets/{id}", {"id": "6"}
    visit = Visit(request, None, lambda response: None, "api", "", "/dev/pets/6")
    return Exchange(visit, request, routed, None, "", "/pets/6", 0.0)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("plain", "plain"),
        ("$request.header.User", "me"),
        ("${request.header.user}-${request.path.id}", "me-6"),
        ("a $stageVariables.colour b", "a red b"),
        ("$request.querystring.x", "1,2"),
        ("$request.path", "/pets/6"),
        ("$request.body.pet.name", "Rex"),
        ("$request.body.pet.ages[1]", "2"),
        ("$request.body.pet.ages", "[1,2]"),
        ("$context.requestId", "id-1"),
        ("$context.routeKey", "POST /pets/{id}"),
        ("$context.nothing", None),
        ("$request.header.absent", None),
        ("x${request.header.absent}y", "xy"),
        ("costs $5", "costs $5"),
    ],
)
def test_what_a_text_means_of_a_request(text, meant):
    asked = exchange("x=1&x=2", b'{"pet": {"name": "Rex", "ages": [1, 2]}}', user="me")
    assert value(text)(asked, None) == meant


@pytest.mark.parametrize("text", ["$request.nothing.x", "$response.path", "$request.body.a[", "${request.cookie.a}"])
def test_expressions_that_mean_nothing_are_refused(text):
    with pytest.raises(WrongExpression):
        value(text)


def test_a_body_that_is_no_json_gives_nothing():
    assert value("$request.body.a")(exchange(body=b"{"), None) is None
    assert value("$request.body")(exchange(body=b"{"), None) == "{"


def test_headers_and_queries_are_appended_overwritten_and_removed():
    mapping = RequestMapping(
        {
            "append:header.a": "2",
            "overwrite:header.b": "3",
            "remove:header.c": "",
            "append:querystring.x": "a b",
            "remove:querystring.y": "",
            "overwrite:path": "new/$request.path.id",
        }
    )
    asked = exchange("x=1&y=2", a="1", b="1", c="1")
    mapping.applied(asked)
    assert asked.request.headers == {"a": "1,2", "b": "3"}
    assert asked.request.query == "x=1&x=a+b"
    assert asked.routed.path == "/new/6"


def test_a_value_that_would_break_the_header_is_left_out():
    asked = exchange(body=b'{"a": "x\\r\\ny: z"}')
    RequestMapping({"append:header.a": "$request.body.a"}).applied(asked)
    assert "a" not in asked.request.headers


def test_an_answer_gets_another_status_and_headers():
    mapping = ResponseMapping(
        {"overwrite:statuscode": "$response.header.x-status", "append:header.b": "$response.body.b"}
    )
    changed = mapping.applied(exchange(), Response(200, [("X-Status", "404")], b'{"b": true}'))
    assert (changed.status, changed.headers) == (404, [("X-Status", "404"), ("b", "true")])
    odd = mapping.applied(exchange(), Response(200, [("x-status", "many")], b""))
    assert odd.status == 200


@pytest.mark.parametrize(
    "key", ["move:header.a", "append:body.a", "append:header.x-amzn-a", "overwrite:header.via", "append:header.Origin"]
)
def test_what_cannot_be_mapped(key):
    with pytest.raises(WrongExpression):
        RequestMapping({key: "x"})


def allowed(configuration, origin):
    return dict(Cors(configuration).applied(Request("GET", "/", "", {"origin": origin}, b""), []))


def test_origins_are_exact_or_of_a_scheme_or_any():
    name = "access-control-allow-origin"
    assert allowed({"AllowOrigins": ["https://a.example"]}, "https://a.example")[name] == "https://a.example"
    assert allowed({"AllowOrigins": ["https://a.example"]}, "https://a.example.evil") == {}
    assert allowed({"AllowOrigins": ["https://*"]}, "https://b.example")[name] == "https://b.example"
    assert allowed({"AllowOrigins": ["https://*"]}, "http://b.example") == {}
    assert allowed({"AllowOrigins": ["*"]}, "null")[name] == "*"
    assert allowed({}, "https://a.example") == {}
