"""Which operation a request means."""

from collections.abc import Mapping

import pytest

from samovar.core.errors import AwsError
from samovar.wire.model import Models
from samovar.wire.route import Match, Router

FUNCTIONS = "/2015-03-31/functions"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture(scope="session")
def router(models: Models) -> Router:
    return Router(models, ["s3", "lambda", "logs", "sts", "sqs", "iam", "cloudwatch"])


def signed(service: str) -> dict[str, str]:
    return {"authorization": f"AWS4-HMAC-SHA256 Credential=AKID/20260112/us-east-1/{service}/aws4_request, Signature=0"}


def resolve(
    router: Router, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"", method: str = "GET"
) -> Match:
    """As the gateway does: what the same look has led to before, if anything, else what it means."""
    path, _, query = target.partition("?")
    headers = headers or {}
    return router.recall(method, path, query, headers) or router.resolve(method, path, query, headers, body)


def refusal(router: Router, target: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> str:
    with pytest.raises(AwsError) as caught:
        resolve(router, target, headers, method=method)
    return caught.value.code


@pytest.mark.parametrize(
    ("method", "target", "operation", "labels"),
    [
        ("POST", f"{FUNCTIONS}/f/invocations", "Invoke", {"FunctionName": "f"}),
        ("POST", f"{FUNCTIONS}/f/invocations?Qualifier=live", "Invoke", {"FunctionName": "f"}),
        ("POST", f"{FUNCTIONS}/{ARN}/invocations", "Invoke", {"FunctionName": ARN}),
        ("POST", f"{FUNCTIONS}/{ARN.replace(':', '%3A')}/invocations", "Invoke", {"FunctionName": ARN}),
        ("GET", FUNCTIONS, "ListFunctions", {}),
        ("GET", f"{FUNCTIONS}/", "ListFunctions", {}),
        ("POST", FUNCTIONS, "CreateFunction", {}),
        ("GET", f"{FUNCTIONS}/f/aliases/live", "GetAlias", {"FunctionName": "f", "Name": "live"}),
        ("POST", "/2014-11-13/functions/f/invoke-async/", "InvokeAsync", {"FunctionName": "f"}),
        ("GET", "/2018-10-31/layers", "ListLayers", {}),
        ("GET", "/2018-10-31/layers?find=LayerVersion&Arn=x", "GetLayerVersionByArn", {}),
        ("GET", "/2018-10-31/layers?find=other", "ListLayers", {}),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency?List=ALL",
            "ListProvisionedConcurrencyConfigs",
            {"FunctionName": "f"},
        ),
        (
            "GET",
            "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=1",
            "GetProvisionedConcurrencyConfig",
            {"FunctionName": "f"},
        ),
        (
            "DELETE",
            "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af?tagKeys=a",
            "UntagResource",
            {"Resource": ARN},
        ),
    ],
)
def test_a_path_of_lambda_is_found_signed_or_not(
    router: Router, method: str, target: str, operation: str, labels: dict[str, str]
) -> None:
    for headers in (signed("lambda"), {}, {"host": "lambda.us-east-1.amazonaws.com"}):
        match = resolve(router, target, headers, method=method)
        assert (match.service, match.operation.name, match.labels) == ("lambda", operation, labels)


def test_the_scope_is_handed_on(router: Router) -> None:
    match = resolve(router, FUNCTIONS, signed("lambda"))
    assert match.scope is not None
    assert (match.scope.access_key, match.scope.region) == ("AKID", "us-east-1")


def test_a_greedy_label_takes_slashes_and_the_most_constants_win(router: Router) -> None:
    match = resolve(router, "/bucket/a/b%20c", signed("s3"))
    assert (match.operation.name, match.labels["Key"]) == ("GetObject", "a/b c")
    match = resolve(router, "/bucket/a/b?acl", signed("s3"))
    assert (match.operation.name, match.labels["Key"]) == ("GetObjectAcl", "a/b")


def test_an_empty_label_is_no_label(router: Router) -> None:
    assert refusal(router, f"{FUNCTIONS}//configuration", signed("lambda")) == "UnknownOperationException"


@pytest.mark.parametrize(("method", "target"), [("GET", "/nope"), ("PATCH", FUNCTIONS), ("GET", "/"), ("POST", "")])
def test_a_path_that_means_nothing_is_an_unknown_operation(router: Router, method: str, target: str) -> None:
    assert refusal(router, target, signed("lambda"), method) == "UnknownOperationException"


def test_x_amz_target_names_service_and_operation(router: Router) -> None:
    match = resolve(router, "/", {"x-amz-target": "Logs_20140328.CreateLogGroup"}, method="POST")
    assert (match.service, match.operation.name) == ("logs", "CreateLogGroup")
    unknown = {"x-amz-target": "Logs_20140328.Nope"}
    assert refusal(router, "/", unknown, "POST") == "UnknownOperationException"
    absent = {"x-amz-target": "DynamoDB_20120810.GetItem", **signed("dynamodb")}
    assert refusal(router, "/", absent, "POST") == "UnknownServiceException"


def test_an_action_is_found_in_a_form_and_in_a_query_string(router: Router) -> None:
    action = "Action=GetCallerIdentity&Version=2011-06-15"
    for match in (
        resolve(router, "/", FORM, action.encode(), "POST"),
        resolve(router, "/", FORM, b"Version=2011-06-15&Action=GetCallerIdentity", "POST"),
        resolve(router, "/", {**FORM, **signed("sts")}, action.encode(), "POST"),
        resolve(router, f"/?{action}", {"host": "sts.localhost:4566"}),
        resolve(router, f"/?{action}"),
    ):
        assert (match.service, match.operation.name) == ("sts", "GetCallerIdentity")


def test_an_unknown_action_is_told_in_the_services_words(router: Router) -> None:
    with pytest.raises(AwsError) as caught:
        resolve(router, "/?Action=Foo", signed("sts"))
    assert (caught.value.code, caught.value.message) == (
        "InvalidAction",
        "Could not find operation Foo for version 2011-06-15",
    )
    with pytest.raises(AwsError, match="The action Foo is not valid for this endpoint"):
        resolve(router, "/?Action=Foo", signed("sqs"))


def test_one_service_may_speak_two_protocols(router: Router) -> None:
    in_json = resolve(router, "/", {"x-amz-target": "AmazonSQS.SendMessage"}, b"{}", "POST")
    in_query = resolve(router, "/", FORM, b"Action=SendMessage", "POST")
    assert in_json.operation.name == in_query.operation.name == "SendMessage"
    assert in_json.operation.serialize({}, "r").body == b"{}"
    assert in_query.operation.serialize({}, "r").body.startswith(b"<SendMessageResponse")


def test_a_protocol_that_is_not_spoken_is_named(router: Router) -> None:
    headers = {**signed("monitoring"), "smithy-protocol": "rpc-v3-cbor"}
    with pytest.raises(AwsError, match=r"NotImplementedException: The protocol smithy-rpc-v3-cbor isn't spoken"):
        resolve(router, "/service/GraniteServiceVersion20100801/operation/PutMetricData", headers, method="POST")


def test_a_service_that_is_not_here_is_named(router: Router) -> None:
    with pytest.raises(AwsError, match="UnknownServiceException: The service 'kms' isn't on this server"):
        resolve(router, "/", signed("kms"), method="POST")


def test_what_a_path_led_to_before_decides_only_where_nothing_else_has_a_say(router: Router) -> None:
    """Paths are remembered: by method, service, and only without a query or a form."""
    invoke = f"{FUNCTIONS}/f/invocations"
    for _ in range(2):
        assert resolve(router, invoke, signed("lambda"), method="POST").operation.name == "Invoke"
        assert resolve(router, f"{FUNCTIONS}/f", signed("lambda")).operation.name == "GetFunction"
        assert resolve(router, f"{FUNCTIONS}/f", signed("lambda"), method="DELETE").operation.name == "DeleteFunction"
        assert resolve(router, "/", signed("sts") | FORM, b"Action=GetCallerIdentity", "POST").service == "sts"
        assert resolve(router, "/", signed("iam") | FORM, b"Action=ListUsers", "POST").operation.name == "ListUsers"
        assert resolve(router, f"{FUNCTIONS}/f", signed("s3")).service == "s3"
        assert refusal(router, f"{FUNCTIONS}/f", signed("sqs")) == "UnknownOperationException"
    for look, headers in (("/f", signed("lambda")), ("/f?a=b", signed("lambda")), ("/f", signed("lambda") | FORM)):
        path, _, query = look.partition("?")
        resolve(router, f"{FUNCTIONS}{look}", headers)
        known = router.recall("GET", f"{FUNCTIONS}{path}", query, headers) is not None
        assert known is (look == "/f" and headers == signed("lambda"))


def test_the_scope_is_each_requests_own(router: Router) -> None:
    for key in ("AKIDA", "AKIDB"):
        headers = {name: text.replace("AKID", key) for name, text in signed("lambda").items()}
        found = resolve(router, FUNCTIONS, headers)
        assert found.scope is not None and found.scope.access_key == key
