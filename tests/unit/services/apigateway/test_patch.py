"""The dialect of patch operations."""

import pytest

from samovar.core.errors import AwsError
from samovar.services.apigateway import patch
from samovar.services.apigateway.patch import boolean, element, integer, listed, text

RULES = {
    "/name": text(),
    "/size": integer("add replace remove"),
    "/flags/*": boolean("add replace remove"),
    "/types/*": element(),
    "/scopes": listed("add remove"),
    "/deep/*/limit": integer("replace"),
}


def apply(shape, *operations):
    return patch.apply(shape, [dict(zip(("op", "path", "value"), each, strict=False)) for each in operations], RULES)


def test_a_shape_is_copied_never_changed():
    shape = {"name": "a", "types": ["x"]}
    assert apply(shape, ("replace", "/name", "b"), ("add", "/types/y")) == {"name": "b", "types": ["x", "y"]}
    assert shape == {"name": "a", "types": ["x"]}


def test_values_are_strings_read_as_the_member_is():
    assert apply({}, ("replace", "/size", "7"), ("add", "/flags/a.b", "TRUE")) == {"size": 7, "flags": {"a.b": True}}


def test_a_slash_in_a_name_is_escaped():
    shape = apply(
        {"types": ["a/b"]}, ("add", "/types/image~1png"), ("remove", "/types/a~1b"), ("add", "/flags/~0~1", "false")
    )
    assert shape == {"types": ["image/png"], "flags": {"~/": False}}


def test_elements_are_named_by_the_path_or_by_the_value():
    assert apply({"types": ["a", "b"]}, ("replace", "/types/a", "c")) == {"types": ["c", "b"]}
    assert apply({"scopes": ["a"]}, ("add", "/scopes", "b"), ("remove", "/scopes", "a")) == {"scopes": ["b"]}
    assert apply({"scopes": ["a"]}, ("add", "/scopes", "a")) == {"scopes": ["a"]}


def test_members_go_and_what_is_missing_may_be_removed():
    assert apply({"size": 1}, ("remove", "/size"), ("remove", "/flags/x")) == {"flags": {}}
    assert apply({}, ("replace", "/deep/x/limit", "3")) == {"deep": {"x": {"limit": 3}}}


def test_a_number_that_may_be_removed_is_removed_by_an_empty_value():
    """How API Gateway's guide turns compression off: `op=replace,path=/minimumCompressionSize,value=`."""
    assert apply({"size": 1}, ("replace", "/size", "")) == {}
    with pytest.raises(AwsError):
        apply({}, ("replace", "/deep/x/limit", ""))


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            ("replace", "/nothing", "x"),
            "Invalid patch path  '/nothing' specified for op 'replace'. Must be one of: [/name, /size, /flags/{name}, "
            "/types/{name}, /deep/{name}/limit]",
        ),
        (
            ("copy", "/name", "x"),
            "Invalid patch path  '/name' specified for op 'copy'. Please choose supported operations",
        ),
        (("replace", "name", "x"), "Invalid patch path name"),
        (("replace", "/size", "x"), "Invalid integer value specified: x"),
        (("replace", "/flags/a", "yes"), "Invalid boolean value specified: yes"),
        (("replace", "/size"), "Invalid integer value specified: "),
    ],
)
def test_what_isnt_supported_is_told_in_awss_words(operation, message):
    with pytest.raises(AwsError) as refused:
        apply({}, operation)
    assert (refused.value.code, refused.value.message) == ("BadRequestException", message)
