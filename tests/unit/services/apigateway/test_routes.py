"""Which resource a path means."""

import pytest

from samovar.services.apigateway.plane.routes import Routes


@pytest.fixture
def routes():
    found = Routes()
    for path in (
        "/",
        "/pets",
        "/pets/{id}",
        "/pets/dog",
        "/pets/dog/{proxy+}",
        "/{any}/toys",
        "/{any}/{proxy+}",
        "/a b",
    ):
        found.add(path, path)
    return found


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("", "/", {}),
        ("/", "/", {}),
        ("/pets", "/pets", {}),
        ("/pets/", "/pets", {}),
        ("/pets//", "/pets", {}),
        ("/pets/7", "/pets/{id}", {"id": "7"}),
        ("/pets/a%20b", "/pets/{id}", {"id": "a%20b"}),
        ("/pets/dog", "/pets/dog", {}),
        ("/pets/dog/a/b/", "/pets/dog/{proxy+}", {"proxy": "a/b"}),
        ("/pets/dog/a//b", "/pets/dog/{proxy+}", {"proxy": "a//b"}),
        ("/pets/toys", "/pets/{id}", {"id": "toys"}),
        ("/cats/toys", "/{any}/toys", {"any": "cats"}),
        ("/cats/x/y", "/{any}/{proxy+}", {"any": "cats", "proxy": "x/y"}),
        ("/pets/7/x", "/{any}/{proxy+}", {"any": "pets", "proxy": "7/x"}),
        ("/a%20b", "/a b", {}),
    ],
)
def test_literals_go_before_variables_and_these_before_greedy_ones(routes, path, resource, parameters):
    assert routes.find(path) == (resource, parameters)


@pytest.mark.parametrize("path", ["/nothing", "//x"])
def test_a_greedy_variable_takes_at_least_one_segment_and_a_variable_isnt_empty(routes, path):
    assert routes.find(path) is None
