"""Mapping templates made from models: what they write is in the model's shape."""

import json

import pytest

from samovar.web import models
from samovar.web.model_sample import sample
from samovar.web.template import Scope, compile

PET = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": ["integer", "null"]},
        "weight": {"type": "number"},
        "good": {"type": "boolean"},
        "owner": {"$ref": "https://apigateway.amazonaws.com/restapis/a1/models/Owner"},
        "$odd#": {"type": "string"},
        "anything": {},
    },
}
OWNER = {"type": "object", "properties": {"name": {"type": "string"}}}
SCHEMAS = {"Pet": json.dumps(PET), "Owner": json.dumps(OWNER), "Pets": json.dumps({"type": "array", "items": PET})}


def written(name, body="{}"):
    return compile(sample(name, SCHEMAS)).render(Scope(body=body))


def test_a_flat_model_reads_as_in_awss_example():
    schema = {"type": "object", "properties": {"a": {"type": "number"}, "op": {"type": "string"}}}
    text = "#set($inputRoot = $input.path('$'))\n{\n  \"a\" : 42,\n  \"op\" : \"foo\"\n}"
    assert sample("m", {"m": json.dumps(schema)}) == text
    assert sample("m", {"m": "{}"}) == "#set($inputRoot = $input.path('$'))\n{ }"


@pytest.mark.parametrize(("name", "body"), [("Pet", "{}"), ("Pets", "[1, 2]"), ("Pets", "[]")])
def test_what_is_written_fits_the_model(name, body):
    text = written(name, body)
    assert models.compile(SCHEMAS[name], SCHEMAS).errors(text.encode()) is None
    if name == "Pets":
        assert len(json.loads(text)) == len(json.loads(body))


def test_models_that_have_no_end_are_cut_short():
    many = {"type": "object", "properties": {f"p{n}": {"$ref": "x/m"} for n in range(50)}}
    assert len(sample("m", {"m": json.dumps(many)})) < 2_000_000
    assert sample("m", {"m": '{"$ref": "x/m"}'}).endswith("{ }")
