"""Functions behind a load balancer (facts/apigateway.md §13, lambda-events.md §7)."""

import base64
import json
import re

import pytest
from balancers import forward, states
from botocore.exceptions import ClientError

MULTI = {"lambda.multi_value_headers.enabled": "true"}


@pytest.fixture
def elb(platform):
    """In the account where the function is."""
    return platform.client("elbv2")


@pytest.fixture
def served(elb, echo, balancer, group):
    """A load balancer in front of the function."""

    def make(attributes=None):
        arn = group("lambda", attributes)
        function = echo.platform.client("lambda").get_function_configuration(FunctionName=echo.name)
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": function["FunctionArn"]}])
        front = balancer(forward(arn))
        front.group = arn
        return front

    return make


def test_the_event_has_single_values_by_default(served):
    front = served()
    headers = [("X-Dup", "1"), ("X-Dup", "2"), ("User-Agent", "Test"), ("Connection", "keep-alive")]
    event = front("GET", "/a%20b/%C3%A4?q=a%20b&q=2&plus=+&none&empty=", headers=headers).value
    trace = event["headers"].pop("x-amzn-trace-id")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", trace)
    assert event == {
        "requestContext": {"elb": {"targetGroupArn": front.group}},
        "httpMethod": "GET",
        "path": "/a%20b/%C3%A4",
        "queryStringParameters": {"q": "2", "plus": "+", "none": "", "empty": ""},
        "headers": {
            "host": front.host,
            "x-dup": "2",
            "user-agent": "Test",
            "connection": "keep-alive",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "80",
            "x-forwarded-proto": "http",
        },
        "body": "",
        "isBase64Encoded": False,
    }


def test_with_multi_value_headers_the_event_has_lists_instead(served):
    front = served(MULTI)
    event = front("GET", "/x?q=1&q=%32", headers=[("X-Dup", "1"), ("X-Dup", "2")]).value
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "%32"]}
    assert event["multiValueHeaders"]["x-dup"] == ["1", "2"]
    assert event["multiValueHeaders"]["x-forwarded-proto"] == ["http"]
    assert not {"headers", "queryStringParameters"} & event.keys()


@pytest.mark.parametrize(
    ("headers", "is_text"),
    [
        ([("Content-Type", "text/plain")], True),
        ([("Content-Type", "application/json; charset=utf-8")], True),
        ([("Content-Type", "application/xml")], True),
        ([("Content-Type", "application/x-www-form-urlencoded")], False),
        ([("Content-Type", "application/octet-stream")], False),
        ([("Content-Type", "text/plain"), ("Content-Encoding", "gzip")], False),
        ([], False),
    ],
)
def test_bodies_are_text_by_their_media_type_and_base64_otherwise(served, headers, is_text):
    event = served()("POST", "/", b"h\xc3\xa4", headers=headers).value
    expected = "hä" if is_text else base64.b64encode(b"h\xc3\xa4").decode()
    assert (event["body"], event["isBase64Encoded"]) == (expected, not is_text)


def test_a_root_that_comes_along_is_kept_and_the_load_balancer_names_itself(served):
    root = "Root=1-67891233-abcdef012345678912345678;Sampled=1"
    event = served()(headers=[("X-Amzn-Trace-Id", root)]).value
    assert re.fullmatch(rf"Self=1-[0-9a-f]{{8}}-[0-9a-f]{{24}};{root}", event["headers"]["x-amzn-trace-id"])


@pytest.mark.parametrize(
    ("mode", "seen"), [("append", "9.9.9.9, 127.0.0.1"), ("preserve", "9.9.9.9"), ("remove", None)]
)
def test_x_forwarded_for_is_treated_as_the_attribute_says(served, elb, mode, seen):
    front = served()
    wanted = [{"Key": "routing.http.xff_header_processing.mode", "Value": mode}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=front.arn, Attributes=wanted)
    event = front(headers=[("X-Forwarded-For", "9.9.9.9")]).value
    assert event["headers"].get("x-forwarded-for") == seen


def answered(front, result):
    return front("POST", "/raw", json.dumps(result).encode(), headers=[("Content-Type", "application/json")])


def test_a_result_becomes_the_answer(served):
    page = answered(
        served(),
        {
            "statusCode": 201,
            "statusDescription": "201 Created",
            "isBase64Encoded": True,
            "headers": {"Content-Type": "image/png", "X-A": "b", "Connection": "close", "Content-Length": "99"},
            "body": base64.b64encode(b"\x89PNG").decode(),
        },
    )
    assert (page.status, page.body) == (201, b"\x89PNG")
    assert (page.headers["Content-Type"], page.headers["X-A"]) == ("image/png", "b")
    assert page.headers["Server"] == "awselb/2.0"
    assert page.headers["Content-Length"] == "4"


def test_a_body_without_a_type_is_an_octet_stream(served):
    assert answered(served(), {"statusCode": 200, "body": "x"}).headers["Content-Type"] == "application/octet-stream"


def test_multi_value_headers_of_a_result_count_where_they_are_enabled(served):
    result = {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "headers": {"X-Single": "1"}}
    page = answered(served(MULTI), result)
    assert page.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert page.headers["X-Single"] is None
    page = answered(served(), result)
    assert page.headers.get_all("Set-Cookie") is None
    assert page.headers["X-Single"] == "1"


BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


@pytest.mark.parametrize(
    "result",
    [
        {},
        "text",
        None,
        [],
        {"body": "x"},
        {"statusCode": "abc"},
        {"statusCode": 99},
        {"statusCode": True},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": {"b": 1}}},
        {"statusCode": 200, "headers": {"a b": "x"}},
        {"statusCode": 200, "headers": {"a": "x\r\ny: z"}},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
        {"statusCode": 200, "isBase64Encoded": "true"},
        {"statusCode": 200, "body": "x" * 1_048_576},
    ],
)
def test_what_is_no_answer_is_a_502_page(served, result):
    front = served()
    page = answered(front, result) if len(str(result)) < 10_000 else answered_large(front)
    assert (page.status, page.headers["Content-Type"], page.body) == (502, "text/html", BAD_GATEWAY)


def answered_large(front):
    """A result above 1 MB can't come in by a body below it: the escapes grow it."""
    body = json.dumps({"statusCode": 200, "body": "\u00e4" * 500_000}, ensure_ascii=False).encode()
    return front("POST", "/raw", body, headers=[("Content-Type", "application/json")])


def test_a_function_that_fails_is_a_502_page(served):
    assert served()("POST", "/raw", b"not json", headers=[("Content-Type", "application/json")]).body == BAD_GATEWAY


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_one_megabyte_is_refused_with_413(served, chunked):
    front = served()
    size = 1024 * 1024
    body = [b"x" * 65_536] * 16 + [b"y"] if chunked else b"x" * (size + 1)
    page = front("POST", "/", iter(body) if chunked else body, chunked=chunked)
    assert page.status == 413
    assert b"<center><h1>413 Request Entity Too Large</h1></center>" in page.body
    body = [b"x" * 65_536] * 16 if chunked else b"x" * size
    assert front("POST", "/", iter(body) if chunked else body, chunked=chunked).status in (200, 502)


def test_a_websocket_is_refused_with_400(served):
    headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    assert served()(headers=[*headers, ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]).status == 400


def test_a_group_without_targets_is_a_503_page(balancer, group):
    page = balancer(forward(group("lambda")))()
    assert page.status == 503
    assert b"<title>503 Service Temporarily Unavailable</title>" in page.body


def test_only_one_function_of_the_same_account_that_is_there_can_be_registered(elb, served):
    front = served()
    function = elb.describe_target_health(TargetGroupArn=front.group)["TargetHealthDescriptions"][0]["Target"]["Id"]
    for other, code in (
        (function + "-2", "TooManyTargets"),
        (function.replace("us-east-1", "eu-west-1"), "TooManyTargets"),
    ):
        with pytest.raises(ClientError, match=code):
            elb.register_targets(TargetGroupArn=front.group, Targets=[{"Id": other}])
    elb.deregister_targets(TargetGroupArn=front.group, Targets=[{"Id": function}])
    for other, code in (
        (function + "-2", "InvalidTarget"),
        (function.replace("us-east-1", "eu-west-1"), "ValidationError"),
        ("10.0.0.1", "ValidationError"),
    ):
        with pytest.raises(ClientError, match=code):
            elb.register_targets(TargetGroupArn=front.group, Targets=[{"Id": other}])
    assert front().status == 503


def test_health_checks_of_functions_are_off_by_default_and_are_invocations_when_on(elb, served):
    front = served()
    assert states(elb, front.group) == ["unavailable"]
    elb.modify_target_group(TargetGroupArn=front.group, HealthCheckEnabled=True, HealthCheckPath="/well?x=1")
    elb.get_waiter("target_in_service").wait(
        TargetGroupArn=front.group, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    elb.modify_target_group(TargetGroupArn=front.group, HealthCheckEnabled=False)
    assert states(elb, front.group) == ["unavailable"]
