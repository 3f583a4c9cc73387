"""Lambda as boto3 and plain HTTP see it; every test is a sentence of facts/lambda-api.md."""

import base64
import http.client
import json
import threading

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def refused(call, **params):
    """(code, message, status) of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def raw(server, method, path, body=b"", **headers):
    """(status, headers, body) without an SDK in between."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    scope = "Credential=123456789012/20261122/us-east-1/lambda/aws4_request"
    sent = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"} | headers
    connection.request(method, path, body, sent)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def test_create_answers_201_with_a_pending_function_and_the_waiters_see_it_become_active(client, create):
    answer = create()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (answer["State"], answer["FunctionArn"]) == ("Pending", ARN)
    for waiter in (
        "function_active_v2",
        "function_updated_v2",
        "function_active",
        "function_updated",
        "function_exists",
    ):
        client.get_waiter(waiter).wait(FunctionName="f", WaiterConfig={"Delay": 0})
    assert client.get_function(FunctionName="f")["Configuration"]["State"] == "Active"


def test_an_update_is_seen_by_the_waiter_and_shown(client, create):
    create()
    assert client.update_function_configuration(FunctionName="f", Timeout=9)["LastUpdateStatus"] == "InProgress"
    client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
    assert client.get_function_configuration(FunctionName="f")["Timeout"] == 9


def test_new_code_is_shown(client, create):
    before = create()
    empty_directory = b"PK\x05\x06" + bytes(18)
    assert refused(client.update_function_code, FunctionName="f", ZipFile=empty_directory) == (
        "InvalidParameterValueException",
        "Uploaded file must be a non-empty zip",
        400,
    )
    assert client.get_function_configuration(FunctionName="f")["CodeSha256"] == before["CodeSha256"]


def test_delete_answers_204(client, create):
    create("gone")
    assert client.delete_function(FunctionName="gone")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(client.get_function, FunctionName="gone")[2] == 404
    create("gone")


def test_a_list_goes_through_the_paginator(client, create):
    names = [f"f{number}" for number in range(5)]
    for name in names:
        create(name)
    pages = list(client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    assert [[item["FunctionName"] for item in page["Functions"]] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]


def test_an_arn_as_name_is_understood_in_the_path(client, create):
    create()
    for name in (ARN, f"{ARN}:$LATEST", "123456789012:function:f", "function:f", "f:$LATEST"):
        assert client.get_function(FunctionName=name)["Configuration"]["FunctionName"] == "f"


def test_the_error_of_a_missing_function_has_the_form_of_aws(server):
    status, headers, body = raw(server, "GET", "/2015-03-31/functions/nothing")
    assert status == 404
    assert headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert headers["x-amzn-RequestId"]
    text = "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nothing"
    assert json.loads(body) == {"Type": "User", "Message": text}


def test_a_validation_exception_has_a_message_and_no_type(server):
    status, headers, body = raw(server, "GET", "/2015-03-31/functions/arn:aws:lambda:us-east-1:function:f")
    assert (status, headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert json.loads(body).keys() == {"message"}


@pytest.mark.parametrize(
    ("given", "code", "start"),
    [
        ({"Timeout": 0}, "ValidationException", "1 validation error detected: Value '0' at 'timeout' failed to "),
        ({"Timeout": 901}, "InvalidParameterValueException", "'Timeout' value failed to satisfy constraint: "),
        ({"Role": "nobody"}, "ValidationException", "1 validation error detected: Value 'nobody' at 'role' failed to "),
        ({"Runtime": "cobol85"}, "InvalidParameterValueException", "Value cobol85 at 'runtime' failed to satisfy "),
        ({"Runtime": "python3.6"}, "InvalidParameterValueException", "The runtime parameter of python3.6 is no longer"),
        ({"Runtime": "nodejs24.x"}, "InvalidParameterValueException", "nodejs24.x is not installed on this machine."),
        ({"FunctionName": "x" * 65}, "InvalidParameterValueException", "1 validation error detected: Value 'xxxxx"),
        ({"FunctionName": f"{ARN}:1"}, "ValidationException", "1 validation error detected: Value 'arn:aws:lambda:"),
        ({"Environment": {"Variables": {"A": "x"}}}, "ValidationException", "1 validation error detected: Value "),
        ({"Environment": {"Variables": {"AB": "x" * 4096}}}, "InvalidParameterValueException", "Lambda was unable to "),
        ({"Code": {"ZipFile": b"PK no zip"}}, "InvalidParameterValueException", "Could not unzip uploaded file."),
    ],
)  # fmt: skip
def test_a_wrong_creation_is_refused(client, create, given, code, start):
    with pytest.raises(ClientError) as caught:
        create(given.pop("FunctionName", "f"), **given)
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert error["Message"].startswith(start)
    assert client.list_functions()["Functions"] == []


def test_a_body_with_nulls_is_one_without_those_members(server, create, client):
    create()
    body = json.dumps({"Description": None, "Timeout": 7, "Environment": None, "RevisionId": None}).encode()
    status, _, answer = raw(server, "PUT", "/2015-03-31/functions/f/configuration", body)
    assert status == 200
    assert json.loads(answer)["Timeout"] == 7
    assert json.loads(answer)["Description"] == ""


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"", b'{"FunctionName": 1}'])
def test_a_malformed_body_is_the_callers_fault(server, body):
    assert raw(server, "POST", "/2015-03-31/functions", body)[0] == 400


def test_a_taken_name_is_a_conflict_and_of_simultaneous_creations_one_wins(client, create, package):
    create()
    params = {"Role": "arn:aws:iam::123456789012:role/r", "Runtime": "python3.12", "Handler": "h.handler"}
    params["Code"] = {"ZipFile": package}
    assert refused(client.create_function, FunctionName="f", **params) == (
        "ResourceConflictException",
        "Function already exist: f",
        409,
    )
    outcomes = []

    def race():
        try:
            outcomes.append(client.create_function(FunctionName="raced", **params)["State"])
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.delete_function(FunctionName="raced")
    assert sorted(outcomes) == ["Pending"] + ["ResourceConflictException"] * 5


def test_a_stale_revision_is_a_412(client, create):
    stale = create()["RevisionId"]
    code, message, status = refused(client.update_function_configuration, FunctionName="f", RevisionId=stale)
    assert (code, status) == ("PreconditionFailedException", 412)
    assert message.startswith("The Revision Id provided does not match the latest Revision Id.")


def test_other_accounts_and_regions_have_their_own_functions(connect, create):
    create()
    for other in (connect(account="999999999999"), connect(region="eu-west-1")):
        assert other.list_functions()["Functions"] == []
    assert refused(connect(account="999999999999").get_function, FunctionName=ARN) == ("AccessDeniedException", "", 403)
    assert refused(connect(region="eu-west-1").invoke, FunctionName=ARN) == (
        "ResourceNotFoundException",
        "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
        404,
    )


@pytest.mark.parametrize("event", [{}, {"a": [1, "é", None]}, [], "text", 1.5, None])
def test_an_invocation_is_answered_with_the_result(client, create, event):
    create()
    answer = client.invoke(FunctionName="f", Payload=json.dumps(event))
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert not {"FunctionError", "LogResult"} & answer.keys()
    assert json.load(answer["Payload"]) == event


def test_a_function_error_is_a_200_with_a_header(client, create):
    create()
    answer = client.invoke(FunctionName="f", Payload=b'{"fail":1}', LogType="Tail")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert base64.b64decode(answer["LogResult"]).decode() == f"END RequestId: {request_id}"


def test_a_dry_run_is_a_204_without_an_executed_version(client, create):
    create()
    answer = client.invoke(FunctionName="f", InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert "ExecutedVersion" not in answer
    assert answer["Payload"].read() == b""


def test_a_missing_function_or_qualifier_is_not_found(client, create):
    create()
    assert refused(client.invoke, FunctionName="g")[1].endswith(":function:g:$LATEST")
    assert refused(client.invoke, FunctionName="f", Qualifier="3")[1] == f"Function not found: {ARN}:3"
    assert refused(client.invoke, FunctionName="f:1", Qualifier="3")[1] == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


def test_a_payload_that_is_not_json_is_invalid_request_content(client, create):
    create()
    code, message, status = refused(client.invoke, FunctionName="f", Payload=b'"\x87"')
    assert (code, status) == ("InvalidRequestContentException", 400)
    assert message == (
        "Could not parse request body into json: Could not parse payload into json: Invalid UTF-8 start byte 0x87\n"
        " at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 3]"
    )


def test_six_megabytes_go_both_ways_and_more_is_refused(client, create):
    create()
    payload = b'"' + b"x" * (6 * 1024 * 1024 - 2) + b'"'
    assert client.invoke(FunctionName="f", Payload=payload)["Payload"].read() == payload
    assert refused(client.invoke, FunctionName="f", Payload=payload + b" ")[2] == 413


def test_a_zip_over_50_megabytes_is_refused_by_its_zipped_size(client, create):
    with pytest.raises(ClientError) as caught:
        create(Code={"ZipFile": b"PK" + bytes(52_428_799)})
    answer = caught.value.response
    assert answer["Error"]["Code"] == "RequestEntityTooLargeException"
    assert answer["Error"]["Message"] == "Zipped size must be smaller than 52428800 bytes"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 413


@pytest.mark.parametrize(
    "path", ["/2015-03-31/functions/f/invocations", "/2021-11-15/functions/f/response-streaming-invocations"]
)
@pytest.mark.parametrize(
    "media_type", ["text/html", "image/png", "Multipart/form-data; boundary=x", "application/xml"]
)
def test_an_invocation_that_says_it_is_no_json_is_a_415(server, create, path, media_type):
    create()
    status, headers, content = raw(server, "POST", path, b"{}", **{"Content-Type": media_type})
    assert (status, headers["x-amzn-ErrorType"]) == (415, "UnsupportedMediaTypeException")
    assert headers["x-amzn-RequestId"]
    answer = json.loads(content)
    assert answer.keys() == {"Type", "message"} and answer["Type"] == "User" and media_type in answer["message"]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json; charset=utf-8",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/vnd.a+json",
        "text/plain;charset=UTF-8",
        "",
    ],
)
def test_json_is_taken_under_the_names_that_clients_give_it(server, client, create, media_type):
    create()
    client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
    path = "/2015-03-31/functions/f/invocations"
    assert raw(server, "POST", path, b"{}", **{"Content-Type": media_type})[0] == 200


def test_a_request_that_is_too_large_has_an_id_like_any_other(server):
    announced = {"Content-Length": str(6 * 1024 * 1024 + 1)}
    status, headers, _ = raw(server, "POST", "/2015-03-31/functions/f/invocations", **announced)
    assert (status, headers["x-amzn-ErrorType"]) == (413, "RequestEntityTooLargeException")
    assert headers["x-amzn-RequestId"]
