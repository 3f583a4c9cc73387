"""Request models: draft 4, in the words that API Gateway's clients see."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.web import models


def errors(schema, body):
    return models.compile(json.dumps(schema)).errors(json.dumps(body))


@pytest.mark.parametrize(
    ("schema", "body", "expected"),
    [
        ({"required": ["b", "a"]}, {}, '[object has missing required properties (["a","b"])]'),
        (
            {"type": "string"},
            1,
            '[instance type (integer) does not match any allowed primitive type (allowed: ["string"])]',
        ),
        (
            {"type": "number"},
            "1",
            '[instance type (string) does not match any allowed primitive type (allowed: ["integer","number"])]',
        ),
        (
            {"type": "integer"},
            1.0,
            '[instance type (number) does not match any allowed primitive type (allowed: ["integer"])]',
        ),
        ({"enum": ["A", 2]}, "B", '[instance value ("B") not found in enum (possible values: ["A",2])]'),
        ({"minLength": 2}, "a", '[string "a" is too short (length: 1, required minimum: 2)]'),
        ({"maxLength": 1}, "😀b", '[string "😀b" is too long (length: 2, maximum allowed: 1)]'),
        ({"pattern": "^a+$"}, "b", '[ECMA 262 regex "^a+$" does not match input string "b"]'),
        ({"minimum": 1}, 0, "[numeric instance is lower than the required minimum (minimum: 1, found: 0)]"),
        (
            {"minimum": 1, "exclusiveMinimum": True},
            1,
            "[numeric instance is not strictly greater than the required minimum 1]",
        ),
        ({"maximum": 1.5}, 2, "[numeric instance is greater than the required maximum (maximum: 1.5, found: 2)]"),
        (
            {"maximum": 1, "exclusiveMaximum": True},
            1,
            "[numeric instance is not strictly lower than the required maximum 1]",
        ),
        ({"multipleOf": 0.1}, 0.25, "[remainder of division is not zero (0.25 / 0.1)]"),
        ({"minItems": 1}, [], "[array is too short: must have at least 1 elements but instance has 0 elements]"),
        ({"maxItems": 1}, [1, 2], "[array is too long: must have at most 1 elements but instance has 2 elements]"),
        ({"uniqueItems": True}, [1, 1.0], "[array must not contain duplicate elements]"),
        ({"minProperties": 1}, {}, "[object has too few properties (found 0 but schema requires at least 1)]"),
        ({"maxProperties": 0}, {"a": 1}, "[object has too many properties (found 1 but schema requires at most 0)]"),
        (
            {"properties": {"a": {}}, "patternProperties": {"^x": {}}, "additionalProperties": False},
            {"c": 1, "b": 1, "a": 1, "xy": 1},
            '[object instance has properties which are not allowed by the schema: ["b","c"]]',
        ),
        (
            {"dependencies": {"a": ["b"]}},
            {"a": 1},
            '[property "a" of object has missing property dependencies (schema requires ["b"]; missing: ["b"])]',
        ),
        (
            {"allOf": [{"type": "string"}, {"minLength": 2}]},
            "a",
            "[instance failed to match all required schemas (matched only 1 out of 2)]",
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            1,
            "[instance failed to match at least one required schema among 2]",
        ),
        ({"oneOf": [{}, {}]}, 1, "[instance failed to match exactly one schema (matched 2 out of 2)]"),
        ({"not": {}}, 1, "[instance matched a schema which it should not have]"),
        ({"format": "ipv4"}, "1.2.3", '[string "1.2.3" is not a valid IPv4 address]'),
        ({"format": "email"}, "nobody", '[string "nobody" is not a valid email address]'),
        (
            {"format": "date-time"},
            "today",
            '[string "today" is invalid against requested date format(s) '
            "[yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]]",
        ),
    ],
)
def test_what_does_not_fit_is_told_in_the_validators_words(schema, body, expected):
    assert errors(schema, body) == expected


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ({}, {"any": "thing"}),
        ({"type": ["string", "null"]}, None),
        ({"type": "integer"}, 2**70),
        ({"required": True, "format": "colour", "title": "x", "default": 1}, {}),
        ({"minLength": 5, "minimum": 5, "minItems": 5}, True),
        ({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}}, ["a", 1]),
        ({"multipleOf": 0.01}, 19.99),
        ({"format": "date-time"}, "2026-11-28T10:00:00.123Z"),
        ({"pattern": "b"}, "abc"),
        ({"enum": [1]}, 1.0),
    ],
)
def test_what_fits_says_nothing(schema, body):
    assert errors(schema, body) is None


def test_errors_of_members_come_together_and_only_if_the_object_itself_is_right():
    schema = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "integer"}, "tags": {"items": {"type": "string"}}},
    }
    assert errors(schema, {"id": "x", "tags": [1]}).count("does not match") == 2
    assert errors(schema, {"tags": [1]}) == '[object has missing required properties (["id"])]'


def test_an_empty_body_is_an_object():
    assert models.compile('{"required":["a"]}').errors("") == '[object has missing required properties (["a"])]'
    assert "Invalid JSON" in models.compile("{}").errors("{")


def test_references_lead_into_the_schema_and_to_other_models():
    pet = {"type": "object", "properties": {"friend": {"$ref": "#"}, "name": {"$ref": "#/definitions/name"}}}
    pet["definitions"] = {"name": {"type": "string"}}
    pets = {"type": "array", "items": {"$ref": "https://apigateway.amazonaws.com/restapis/abc123/models/Pet"}}
    model = models.compile(json.dumps(pets), {"Pet": json.dumps(pet)})
    assert model.errors('[{"name":"Rex","friend":{"name":"Tom"}}]') is None
    assert model.errors('[{"name":"Rex","friend":{"name":1}}]').startswith("[instance type (integer)")


@pytest.mark.parametrize(
    "schema",
    [
        "[]",
        "{",
        '{"type":"thing"}',
        '{"required":"a"}',
        '{"minLength":-1}',
        '{"multipleOf":0}',
        '{"pattern":"("}',
        '{"anyOf":[]}',
        '{"properties":[]}',
        '{"$ref":"#/definitions/none"}',
        '{"$ref":"https://apigateway.amazonaws.com/restapis/a/models/None"}',
        '{"not":' * 200 + "{}" + "}" * 200,
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(schema):
    with pytest.raises(models.ModelError):
        models.compile(schema)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ({"$ref": "#"}, {}),
        (
            {
                "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
                "$ref": "#/definitions/a",
            },
            1,
        ),
        (
            {
                "definitions": {
                    f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}, {"$ref": f"#/definitions/d{n + 1}"}]}
                    for n in range(40)
                }
                | {"d40": {"type": "object"}},
                "$ref": "#/definitions/d0",
            },
            {},
        ),
        ({"pattern": "(a+)+$"}, "a" * 40 + "!"),
    ],
)
def test_a_validation_that_would_not_end_is_ended(schema, body):
    found = errors(schema, body)
    assert "takes too long" in found or "nested too deeply" in found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.floats(-2, 2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
SCHEMAS = st.recursive(
    st.sampled_from(
        [{}, {"type": "string"}, {"type": ["integer", "null"]}, {"enum": [1, "a"]}, {"minimum": 1}, {"$ref": "#"}]
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2)}),
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)


@given(SCHEMAS, VALUES)
@settings(max_examples=150, deadline=None)
def test_any_schema_and_any_body_end(schema, body):
    found = errors(schema, body)
    assert found is None or found.startswith("[")
    if not (found or "").count("nested too deeply"):
        inverse = errors({"not": {**schema, "definitions": {}}}, body) if "$ref" not in json.dumps(schema) else None
        assert (found is None) == (inverse is not None) or "$ref" in json.dumps(schema)
