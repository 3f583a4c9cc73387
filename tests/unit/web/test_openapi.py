"""OpenAPI documents as text, and REST APIs there and back."""

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.web.openapi.document import OpenApiError, based, read, write
from samovar.web.openapi.export import RestApi, write_rest
from samovar.web.openapi.http import read_http
from samovar.web.openapi.rest import read_rest


def test_yaml_is_read_as_aws_reads_it():
    root = read(
        b"""
swagger: '2.0'
info: {title: yes, version: 2026-01-02, on: off, n: ~}
paths:
  /a: {get: {responses: {200: {description: 'true'}, default: {x: true}}}}
"""
    ).root
    assert root["info"] == {"title": "yes", "version": "2026-01-02", "on": "off", "n": None}
    assert root["paths"]["/a"]["get"]["responses"] == {"200": {"description": "true"}, "default": {"x": True}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"text",
        b"[1]",
        b"{",
        b'{"swagger": "3"}',
        b"swagger: '2.0'\na: !!python/object/apply:os.system [x]",
        b"swagger: '2.0'\na: &a [*a]",
        b"\xff\xfe",
        b'{"swagger":"2.0","a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"swagger: '2.0'\na: &a0 [x,x]\n" + b"".join(b"b%d: &a%d [*a%d,*a%d]\n" % (n, n + 1, n, n) for n in range(60)),
    ],
)
def test_what_is_no_document_is_refused_quickly(body):
    began = time.process_time()
    with pytest.raises(OpenApiError, match=r"Invalid OpenAPI input\."):
        read(body)
    assert time.process_time() - began < 5


def test_a_body_of_more_than_six_megabytes_is_refused():
    with pytest.raises(OpenApiError, match="6 MB"):
        read(b" " * (6 * 1024 * 1024 + 1))


@pytest.mark.parametrize(("mode", "path"), [("ignore", "/x/y"), ("prepend", "/a/b/c/x/y"), ("split", "/b/c/x/y")])
def test_a_base_path_is_ignored_put_before_or_split(mode, path):
    assert based("/x/y", "/a/b/c", mode) == path
    assert based("/x/y", "/", mode) == "/x/y"


def test_what_makes_no_sense_in_a_document_is_passed_over_or_warned_of():
    odd = {
        "openapi": "3.0.1",
        "info": None,
        "servers": ["x", 1],
        "paths": {
            "/a": {
                "get": {"parameters": "x", "responses": [], "security": "s", "requestBody": 5},
                "parameters": [1, {}],
            },
            "/b": {"$ref": "#/nowhere"},
            "/c": None,
        },
        "components": {"securitySchemes": {"x": None}, "schemas": {"S": {"$ref": "#/components/schemas/S"}}},
        "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": None},
        "x-amazon-apigateway-documentation": [],
        "tags": [None, {"name": 1}],
    }
    document = read(msgspec.json.encode(odd))
    rest = read_rest(document, "id")
    assert [(each.path, each.verb) for each in rest.methods] == [("/a", "GET")]
    assert any("#/nowhere is missing" in warning for warning in rest.warnings)
    assert [route.shape["RouteKey"] for route in read_http(document).routes] == ["GET /a"]


NAMES = st.text("abcXYZ09", min_size=1, max_size=5)
TEXTS = st.text(max_size=8)
INTEGRATIONS = st.fixed_dictionaries(
    {"type": st.sampled_from(["MOCK", "HTTP", "AWS_PROXY"]), "passthroughBehavior": st.just("NEVER")},
    optional={
        "httpMethod": st.sampled_from(["GET", "POST"]),
        "uri": st.just("https://example.com/{x}"),
        "requestTemplates": st.dictionaries(st.just("application/json"), TEXTS, min_size=1),
        "requestParameters": st.dictionaries(
            NAMES.map("integration.request.header.{}".format), TEXTS, min_size=1, max_size=2
        ),
        "timeoutInMillis": st.integers(50, 28999),
        "integrationResponses": st.fixed_dictionaries(
            {
                "200": st.just({"statusCode": "200"}),
                "404": st.just({"statusCode": "404", "selectionPattern": "4\\d{2}"}),
            }
        ),
    },
)
METHODS = st.fixed_dictionaries(
    {"authorizationType": st.sampled_from(["NONE", "AWS_IAM"]), "apiKeyRequired": st.booleans()},
    optional={
        "operationName": NAMES,
        "requestParameters": st.dictionaries(
            NAMES.map("method.request.querystring.{}".format), st.booleans(), min_size=1
        ),
        "requestModels": st.just({"application/json": "Pet"}),
        "requestValidatorId": st.just("v"),
        "methodResponses": st.just(
            {
                "200": {"statusCode": "200", "responseParameters": {"method.response.header.A": False}},
                "404": {"statusCode": "404", "responseModels": {"application/json": "Empty"}},
            }
        ),
        "methodIntegration": INTEGRATIONS,
    },
)
RESOURCES = st.dictionaries(
    st.lists(NAMES, max_size=2).map(lambda parts: "/" + "/".join(parts)),
    st.dictionaries(st.sampled_from(["GET", "POST", "ANY"]), METHODS, min_size=1),
    max_size=3,
)


def written(methods):
    """The shapes of methods as reading gives them, as AWS shows them again."""
    found = {}
    for each in methods:
        shape = {name: value for name, value in each.shape.items() if value != ""}
        if each.validator:
            shape["requestValidatorId"] = "v"
        if each.responses:
            shape["methodResponses"] = each.responses
        if each.integration:
            integration = dict(each.integration)
            if "integrationHttpMethod" in integration:
                integration["httpMethod"] = integration.pop("integrationHttpMethod")
            if each.answers:
                integration["integrationResponses"] = each.answers
            shape["methodIntegration"] = integration
        found.setdefault(each.path, {})[each.verb] = shape
    return found


@given(RESOURCES, st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_what_is_written_reads_back_as_the_same_api(resources, v3, as_yaml):
    models = {"Pet": {"schema": '{"type":"object","properties":{"a":{"type":"string"}}}'}, "Empty": {"schema": "{}"}}
    api = RestApi(
        settings={"name": "a", "version": "1", "binaryMediaTypes": ["*/*"]},
        scheme="https",
        host="h",
        stage="s",
        version="1",
        resources=sorted((path, "r", methods) for path, methods in resources.items()),
        authorizers={},
        models=models,
        validators={"v": {"name": "v", "validateRequestBody": True, "validateRequestParameters": False}},
        gateway_responses={},
    )
    again = read_rest(read(write(write_rest(api, v3, all_=True), as_yaml)), "id")
    assert written(again.methods) == resources
    assert again.models["Pet"]["schema"] == models["Pet"]["schema"]
    assert again.settings["binaryMediaTypes"] == ["*/*"]


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["get", "#/paths", "string", "apiKey"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "/a",
                    "get",
                    "$ref",
                    "parameters",
                    "responses",
                    "200",
                    "schema",
                    "security",
                    "x",
                    "x-amazon-apigateway-integration",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["paths", "definitions", "components", "info", "tags"]), DOCUMENTS, max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_document_is_read_or_refused(parts):
    for version in ({"swagger": "2.0"}, {"openapi": "3.0.0"}):
        try:
            document = read(msgspec.json.encode(version | parts))
            read_rest(document, "id")
            read_http(document)
        except OpenApiError:
            pass
