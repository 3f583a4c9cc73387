"""Every error of the models, as boto3 reads it; and the errors that no model has."""

from typing import Any

import botocore.parsers
import msgspec
import pytest
from botocore.awsrequest import HeadersDict
from hypothesis import given, settings

from samovar.core.errors import AwsError
from samovar.wire.errors import answer_unresolved

PROTOCOL_SETTINGS = settings(settings.get_profile("protocol"), max_examples=2)
SERVICES = ("lambda", "logs", "sts", "sqs", "sns", "dynamodb", "iam", "events", "kinesis", "cloudwatch")


def read(model: Any, answer: Any, shape: Any = None, protocol: str = "") -> dict[str, Any]:
    """An error as boto3 sees it."""
    parser = botocore.parsers.create_parser(protocol or model.resolved_protocol)
    response = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.body}
    parsed: dict[str, Any] = parser.parse(response, shape)
    return parsed


@pytest.mark.parametrize(
    ("service", "protocol"),
    [*((each, "") for each in SERVICES), ("cloudwatch", "query"), ("cloudwatch", "smithy-rpc-v2-cbor")],
)
def test_every_error_shape_is_read_back_by_boto3(
    service: str, protocol: str, models: Any, botocore_model: Any, generator: Any, to_botocore: Any
) -> None:
    model = botocore_model(service)
    protocol = protocol or model.resolved_protocol
    operation = models[service].operation(min(models[service].operation_names), protocol)

    def check_shape(shape: Any) -> None:
        own = {n: m for n, m in shape.members.items() if n not in ("Message", "message", "Type")}

        @PROTOCOL_SETTINGS
        @given(generator(service, valid=False, full=True).of(shape))
        def check(members: dict[str, Any]) -> None:
            members = {name: value for name, value in members.items() if name in own}
            answer = operation.serialize_error(AwsError(shape.name, "It went wrong <&>.", **members), "request-1")
            error = read(model, answer, None, protocol)
            code = error["Error"].get("QueryErrorCode", error["Error"]["Code"])
            in_query = models[service].errors.query_code(shape.name)
            assert code == (in_query if protocol == "query" else shape.name)
            assert error["Error"]["Message"] == "It went wrong <&>."
            assert error["ResponseMetadata"]["RequestId"] == "request-1"
            assert answer.status == models[service].error_status(shape.name) >= 400
            # The members of its own, as the client attaches them to the exception.
            parsed = read(model, answer, shape, protocol)
            assert {n: parsed[n] for n in members} == {n: to_botocore(v, own[n]) for n, v in members.items()}

        check()

    for shape in model.error_shapes:
        check_shape(shape)


def test_lambda_spells_message_as_each_shape_does_and_tells_whose_fault_it_is(models: Any) -> None:
    """facts/lambda-api.md §1, the two spellings."""
    invoke = models["lambda"].operation("Invoke")
    cases = {
        "ResourceNotFoundException": (404, {"Type": "User", "Message": "x"}),
        "ResourceConflictException": (409, {"Type": "User", "message": "x"}),
        "ServiceException": (500, {"Type": "Service", "Message": "x"}),
        "ServiceQuotaExceededException": (402, {"Type": "User", "Message": "x"}),
        "RequestEntityTooLargeException": (413, {"message": "x"}),
        "ValidationException": (400, {"message": "x"}),
        "AccessDeniedException": (403, {"Message": "x"}),  # facts/iam.md §6
        "NotImplementedException": (501, {"message": "x"}),
        "InternalFailure": (500, {"message": "x"}),
    }
    for code, (status, body) in cases.items():
        answer = invoke.serialize_error(AwsError(code, "x"), "r")
        assert (answer.status, msgspec.json.decode(answer.body)) == (status, body)
        assert ("x-amzn-ErrorType", code) in answer.headers
        assert ("x-amzn-RequestId", "r") in answer.headers


def test_a_throttle_carries_its_reason_in_the_body_and_the_delay_in_a_header(models: Any) -> None:
    error = AwsError(
        "TooManyRequestsException", "Rate Exceeded.", Reason="CallerRateLimitExceeded", retryAfterSeconds="3"
    )
    answer = models["lambda"].operation("Invoke").serialize_error(error, "r")
    assert answer.status == 429
    assert msgspec.json.decode(answer.body) == {
        "Type": "User",
        "message": "Rate Exceeded.",
        "Reason": "CallerRateLimitExceeded",
    }
    assert ("Retry-After", "3") in answer.headers


@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "AccessDeniedException", "ValidationException", "NeverHeardOf"]
)
def test_logs_answers_400_whatever_the_caller_did_wrong(code: str, models: Any) -> None:
    answer = models["logs"].operation("GetLogEvents").serialize_error(AwsError(code, "x"), "r")
    assert answer.status == 400
    assert msgspec.json.decode(answer.body) == {"__type": code, "message": "x"}


def test_logs_answers_503_when_it_is_unavailable(models: Any) -> None:
    assert models["logs"].error_status("ServiceUnavailableException") == 503


def test_query_errors_have_code_type_and_message_in_the_services_namespace(models: Any) -> None:
    answer = models["iam"].operation("GetRole").serialize_error(AwsError("NoSuchEntityException", "No <role>."), "r")
    assert answer.status == 404
    assert answer.body == (
        b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        b"<Code>NoSuchEntity</Code><Message>No &lt;role&gt;.</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
    assert models["iam"].error_status("NoSuchEntity") == 404


def test_sqs_tells_both_names_of_an_error(models: Any) -> None:
    """facts/sqs.md §1, 3."""
    error = AwsError("QueueDoesNotExist", "The specified queue does not exist.")
    answer = models["sqs"].operation("SendMessage").serialize_error(error, "r")
    assert ("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender") in answer.headers
    assert msgspec.json.decode(answer.body)["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    answer = models["sqs"].operation("SendMessage", "query").serialize_error(error, "r")
    assert b"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer.body


def test_a_request_that_means_no_operation_is_answered_in_the_form_it_speaks() -> None:
    error = AwsError("UnknownOperationException", "x")
    answer = answer_unresolved(error, "r", {}, "", b"")
    assert (answer.status, answer.body) == (404, b'{"message":"x"}')
    answer = answer_unresolved(
        error, "r", {"x-amz-target": "A.B", "content-type": "application/x-amz-json-1.1"}, "", b""
    )
    assert (answer.status, answer.body) == (400, b'{"__type":"UnknownOperationException","message":"x"}')
    assert ("Content-Type", "application/x-amz-json-1.1") in answer.headers
    answer = answer_unresolved(AwsError("InvalidAction", "x"), "r", {}, "Action=Foo", b"")
    assert (answer.status, answer.body) == (
        400,
        b"<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>x</Message></Error>"
        b"<RequestId>r</RequestId></ErrorResponse>",
    )
