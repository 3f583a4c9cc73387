"""JSON bodies: what is refused, what is ignored, what stays as it is."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.wire.answer import Spelled
from samovar.wire.model import Models

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def refusal(models: Models, service: str, operation: str, body: bytes) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        models[service].operation(operation).parse({"FunctionName": "f"}, "", {}, body)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "Start of list found where not expected."),
        (b'{"logGroupName": 1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"logGroupName": true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"logGroupName": {}}', "Start of structure or map found where not expected."),
        (b'{"logGroupName": "g", "limit": "5"}', "STRING_VALUE can not be converted to an Integer"),
        (b'{"logGroupName": "g", "limit": ' + b"9" * 100 + b"}", "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"logGroupName": "g", "interleaved": 1}', "NUMBER_VALUE can not be converted to a Boolean"),
        (b'{"logGroupName": "g", "logStreamNames": {}}', "Start of structure or map found where not expected."),
        (b'{"logGroupName": "g", "logStreamNames": "x"}', "Unexpected field type"),
    ],
)
def test_a_wrong_type_is_a_serialization_error_in_awss_words(models: Models, body: bytes, message: str) -> None:
    assert refusal(models, "logs", "FilterLogEvents", body) == ("SerializationException", message)


@pytest.mark.parametrize("body", [b"{", b"nope", b'{"a":"\xff"}', b"[" * 100_000, b'{"limit":1e999}'])
def test_a_body_that_is_not_json_is_told_in_each_services_words(models: Models, body: bytes) -> None:
    assert refusal(models, "logs", "FilterLogEvents", body)[0] == "SerializationException"
    code, message = refusal(models, "lambda", "UpdateFunctionConfiguration", body)
    assert code == "InvalidRequestContentException"
    assert message.startswith("Could not parse request body into json: ")


def test_a_value_nested_too_deeply_is_refused(models: Models) -> None:
    """AttributeValue contains itself; the reader follows it as deep as the sender likes."""
    deep = b'{"L":[' * 400 + b"]}" * 400
    body = b'{"TableName":"Table","Key":{"k":' + deep + b"}}"
    operation = models["dynamodb"].operation("GetItem")
    try:
        operation.parse({}, "", {}, body)
    except AwsError as error:
        assert error.code == "SerializationException"


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["FunctionName", "Role", "Code", "Timeout", "Layers", "Environment"]), ANY_JSON))
def test_whatever_json_is_sent_nothing_but_an_aws_error_is_raised(models: Models, body: dict[str, object]) -> None:
    try:
        models["lambda"].operation("CreateFunction").parse({}, "", {}, msgspec.json.encode(body))
    except AwsError as error:
        assert error.code in ("SerializationException", "ValidationException")


def test_unknown_members_and_nulls_of_a_request_are_ignored(models: Models) -> None:
    parse = models["logs"].operation("CreateLogGroup").parse
    assert parse({}, "", {}, b'{"logGroupName":"g","kmsKeyId":null,"novelty":[1]}') == {"logGroupName": "g"}


def test_an_empty_body_is_an_empty_structure(models: Models) -> None:
    assert models["logs"].operation("DescribeLogGroups").parse({}, "", {}, b"") == {}


def test_a_blob_is_base64_and_nothing_else(models: Models) -> None:
    parse = models["lambda"].operation("UpdateFunctionCode").parse
    assert parse({"FunctionName": "f"}, "", {}, b'{"ZipFile":"UEsFBg=="}')["ZipFile"] == b"PK\x05\x06"
    assert refusal(models, "lambda", "UpdateFunctionCode", b'{"ZipFile":"not base64!"}')[0] == "SerializationException"


def test_none_is_left_out_of_an_answer(models: Models) -> None:
    answer = models["lambda"].operation("GetFunctionConfiguration").serialize({"FunctionName": "f", "Role": None}, "r")
    assert answer.body == b'{"FunctionName":"f"}'


def test_a_member_that_the_model_does_not_have_is_a_bug(models: Models) -> None:
    with pytest.raises(TypeError, match="FunctionConfiguration has no member 'functionName'"):
        models["lambda"].operation("GetFunctionConfiguration").serialize({"functionName": "f"}, "r")


def test_a_time_is_a_number_without_a_needless_fraction(models: Models) -> None:
    serialize = models["lambda"].operation("GetEventSourceMapping").serialize
    assert serialize({"LastModified": 1768231884.0}, "r").body == b'{"LastModified":1768231884}'
    assert serialize({"LastModified": 1768231884.125}, "r").body == b'{"LastModified":1768231884.125}'


def test_an_operation_without_output_answers_with_no_body(models: Models) -> None:
    answer = models["logs"].operation("CreateLogGroup").serialize({}, "r")
    assert (answer.status, answer.body) == (200, b"")
    assert ("Content-Type", "application/x-amz-json-1.1") in answer.headers


@pytest.mark.parametrize(
    ("service", "operation", "protocol", "member", "item"),
    [
        ("lambda", "ListFunctions", "", "Functions", {"FunctionName": "f", "Timeout": 3, "Layers": [{"Arn": "a"}]}),
        ("cloudwatch", "ListDashboards", "json", "DashboardEntries", {"DashboardName": "d", "Size": 5}),
        ("cloudwatch", "ListDashboards", "smithy-rpc-v2-cbor", "DashboardEntries", {"DashboardName": "d", "Size": 5}),
    ],
)
def test_a_structure_that_is_json_already_is_written_as_its_members_would_be(
    models: Models, service: str, operation: str, protocol: str, member: str, item: dict[str, object]
) -> None:
    written = models[service].operation(operation, protocol)
    spelled = Spelled(msgspec.Raw(msgspec.json.encode(item)))
    assert written.serialize({member: [spelled]}, "r") == written.serialize({member: [item]}, "r")
    assert spelled == item
    assert (len(spelled), spelled[next(iter(item))]) == (len(item), next(iter(item.values())))
