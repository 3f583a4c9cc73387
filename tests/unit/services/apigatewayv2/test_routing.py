"""Which route of an HTTP API a request takes (facts/apigateway.md §3)."""

import pytest

from samovar.services.apigatewayv2 import route_key
from samovar.services.apigatewayv2.http.routing import Routing


def taken(keys: list[str], method: str, path: str) -> tuple[str, dict[str, str]] | None:
    return Routing((key, key) for key in keys).find(method, path)


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("GET", "/pets/dog", "GET /pets/{proxy+}"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("GET", "/birds", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
    ],
)
def test_a_full_match_beats_a_greedy_one_and_default_takes_the_rest(method, path, key):
    keys = ["$default", "ANY /{proxy+}", "GET /pets/{proxy+}", "GET /pets/dog/{id}"]
    assert taken(keys, method, path)[0] == key


def test_a_literal_beats_a_variable_and_a_method_beats_any():
    keys = ["ANY /pets/{id}", "GET /pets/{id}", "ANY /pets/mine"]
    assert taken(keys, "GET", "/pets/mine")[0] == "ANY /pets/mine"
    assert taken(keys, "GET", "/pets/6")[0] == "GET /pets/{id}"
    assert taken(keys, "PUT", "/pets/6")[0] == "ANY /pets/{id}"


def test_a_literal_that_leads_nowhere_gives_way_to_a_variable():
    assert taken(["GET /a/x", "GET /{name}/y"], "GET", "/a/y") == ("GET /{name}/y", {"name": "a"})


def test_a_full_match_through_a_variable_beats_a_greedy_route_below_a_literal():
    assert taken(["GET /a/{proxy+}", "GET /{name}/b"], "GET", "/a/b")[0] == "GET /{name}/b"


def test_path_parameters_are_decoded():
    assert taken(["GET /f/{name}"], "GET", "/f/a%20b%2Fc")[1] == {"name": "a b/c"}


def test_a_greedy_parameter_takes_the_rest_without_its_last_slash():
    assert taken(["GET /{proxy+}"], "GET", "/a//b/")[1] == {"proxy": "a//b"}
    assert taken(["GET /{proxy+}"], "GET", "/") is None
    assert taken(["GET /a/{proxy+}"], "GET", "/a") is None


def test_a_slash_at_the_end_does_not_count():
    assert taken(["GET /pets"], "GET", "/pets/")[0] == "GET /pets"


def test_an_empty_segment_is_no_value_of_a_variable():
    assert taken(["GET /a/{b}/c"], "GET", "/a//c") is None


def test_another_method_is_another_route():
    assert taken(["GET /pets"], "POST", "/pets") is None


_NO_KEYS = ["GET", "GET pets", "FETCH /pets", "GET /a/{b", "GET /{p+}/c", "GET /{a}/{a}", "GET /a/"]


@pytest.mark.parametrize("key", _NO_KEYS)
def test_what_is_no_route_key(key):
    assert route_key.parse(key) is None
