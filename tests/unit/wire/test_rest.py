"""The rest protocols: the places where members travel."""

import pytest

from samovar.core.errors import AwsError
from samovar.wire.model import Models


def test_the_payload_of_invoke_stays_the_same_bytes(models: Models) -> None:
    invoke = models["lambda"].operation("Invoke")
    payload = bytes(bytearray(b'{"not even": json'))
    params = invoke.parse({"FunctionName": "f"}, "", {}, payload)
    assert params["Payload"] is payload
    assert invoke.serialize({"StatusCode": 200, "Payload": payload}, "r").body is payload


def test_invoke_reads_query_and_headers(models: Models) -> None:
    headers = {"x-amz-invocation-type": "Event", "x-amz-log-type": "Tail", "x-amz-client-context": "e30="}
    assert models["lambda"].operation("Invoke").parse({"FunctionName": "f"}, "Qualifier=live&x=1", headers, b"") == {
        "FunctionName": "f",
        "Qualifier": "live",
        "InvocationType": "Event",
        "LogType": "Tail",
        "ClientContext": "e30=",
    }


def test_invoke_answers_with_status_headers_and_the_payload_as_json(models: Models) -> None:
    answer = (
        models["lambda"]
        .operation("Invoke")
        .serialize(
            {"StatusCode": 200, "FunctionError": "Unhandled", "ExecutedVersion": "$LATEST", "Payload": b"{}"}, "r"
        )
    )
    assert answer.status == 200
    assert sorted(answer.headers) == [
        ("Content-Type", "application/json"),
        ("X-Amz-Executed-Version", "$LATEST"),
        ("X-Amz-Function-Error", "Unhandled"),
        ("x-amzn-RequestId", "r"),
    ]
    event = models["lambda"].operation("Invoke").serialize({"StatusCode": 202, "Payload": b""}, "r")
    assert (event.status, event.headers, event.body) == (202, [("x-amzn-RequestId", "r")], b"")


def test_the_status_of_the_model_is_the_default_and_204_has_no_body(models: Models) -> None:
    assert models["lambda"].operation("CreateFunction").serialize({}, "r").status == 201
    assert models["lambda"].operation("DeleteFunction").serialize({"StatusCode": 204}, "r").body == b""
    assert models["lambda"].operation("DeleteAlias").serialize({}, "r").status == 204


def test_a_repeated_query_parameter_is_a_list(models: Models) -> None:
    labels = {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}
    params = models["lambda"].operation("UntagResource").parse(labels, "tagKeys=a&tagKeys=b%3Ac", {}, b"")
    assert params["TagKeys"] == ["a", "b:c"]


def test_a_number_in_a_label_or_a_query_string_is_read_or_refused(models: Models) -> None:
    parse = models["lambda"].operation("GetLayerVersion").parse
    assert parse({"LayerName": "l", "VersionNumber": "3"}, "", {}, b"")["VersionNumber"] == 3
    with pytest.raises(AwsError, match="SerializationException"):
        parse({"LayerName": "l", "VersionNumber": "three"}, "", {}, b"")
    with pytest.raises(AwsError, match="SerializationException"):
        models["lambda"].operation("ListFunctions").parse({}, "MaxItems=many", {}, b"")


def test_the_old_way_to_invoke_asynchronously_tells_its_status_in_the_body_as_well(models: Models) -> None:
    """facts/lambda-api.md §2."""
    answer = models["lambda"].operation("InvokeAsync").serialize({"Status": 202}, "r")
    assert (answer.status, answer.body) == (202, b'{"Status":202}')
    assert ("Content-Type", "application/json") in answer.headers


def test_prefixed_headers_become_a_map_and_back(models: Models) -> None:
    put = models["s3"].operation("PutObject")
    params = put.parse(
        {"Bucket": "b", "Key": "k"}, "", {"x-amz-meta-color": "blue", "content-type": "text/plain"}, b"x"
    )
    assert params["Metadata"] == {"color": "blue"}
    answer = models["s3"].operation("GetObject").serialize({"Metadata": {"color": "blue"}, "Body": b"x"}, "r")
    assert ("x-amz-meta-color", "blue") in answer.headers
    assert "x-amz-request-id" in dict(answer.headers)


def test_header_lists_are_split_at_commas_outside_quotes(models: Models) -> None:
    parse = models["s3"].operation("GetObjectAttributes").parse
    headers = {"x-amz-object-attributes": 'ETag, "ObjectSize"'}
    assert parse({"Bucket": "b", "Key": "k"}, "", headers, b"")["ObjectAttributes"] == ["ETag", "ObjectSize"]


def test_an_operation_that_streams_events_is_refused_before_it_runs(models: Models) -> None:
    with pytest.raises(AwsError, match="NotImplementedException: SubscribeToShard needs an event stream"):
        models["kinesis"].operation("SubscribeToShard").parse({}, "", {}, b"{}")
