"""Function URLs end to end: a browser's request, a function in its sandbox, an answer (facts/lambda-api.md §9)."""

import base64
import json
import re

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FORBIDDEN = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=123456789012/20261122/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
)
CORS = {
    "AllowOrigins": ["https://app.example"],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["x-token"],
    "ExposeHeaders": ["x-b", "x-c"],
    "AllowCredentials": True,
    "MaxAge": 300,
}
ANYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
RUDE = """
    def handler(event, context):
        return {"statusCode": 200, "headers": {"access-control-allow-origin": "*", "vary": "a"}}
"""


def forbidden(page):
    return (
        page.status == 403 and page.headers["x-amzn-ErrorType"] == "AccessDeniedException" and page.value == FORBIDDEN
    )


class TestTheEvent:
    def test_it_says_from_which_address_the_visitor_comes(self, deploy, visit, echo):
        event = visit(deploy(echo).name)("GET", "/", source="127.0.0.2").value
        assert event["requestContext"]["http"]["sourceIp"] == event["headers"]["x-forwarded-for"] == "127.0.0.2"

    def test_a_get_reaches_the_function_as_payload_2_0(self, deploy, visit, echo):
        function = deploy(echo)
        url = visit(function.name)
        page = url("GET", "/a%2Fb/c?x=1&x=2&y=%2B", User_Agent="curl", X_Some="Thing")
        event = page.value
        assert list(event) == [
            "version", "routeKey", "rawPath", "rawQueryString", "headers", "queryStringParameters", "requestContext",
            "isBase64Encoded",
        ]  # fmt: skip
        assert (event["version"], event["routeKey"]) == ("2.0", "$default")
        assert (event["rawPath"], event["rawQueryString"]) == ("/a%2Fb/c", "x=1&x=2&y=%2B")
        assert event["queryStringParameters"] == {"x": "1,2", "y": "+"}
        assert event["isBase64Encoded"] is False
        headers = event["headers"]
        assert (headers["host"], headers["user-agent"], headers["x-some"]) == (url.host, "curl", "Thing")
        assert headers["x-forwarded-proto"] == "http" and headers["x-forwarded-port"] == url.host.partition(":")[2]
        assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["x-amzn-trace-id"])
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert page.headers["x-arn"].endswith(f":function:{function.name}")

    def test_the_request_context_names_the_url_the_visitor_and_the_time(self, deploy, visit, echo):
        url = visit(deploy(echo).name)
        page = url("DELETE", "/gone", User_Agent="curl")
        context = page.value["requestContext"]
        assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("time"))
        assert context.pop("timeEpoch") > 1_700_000_000_000
        assert context.pop("requestId") == page.headers["x-amzn-RequestId"]
        assert context == {
            "accountId": "anonymous",
            "apiId": url.id,
            "authentication": None,
            "domainName": url.host.partition(":")[0],
            "domainPrefix": url.id,
            "http": {
                "method": "DELETE",
                "path": "/gone",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl",
            },
            "routeKey": "$default",
            "stage": "$default",
        }

    def test_text_arrives_as_text_and_everything_else_as_base64(self, deploy, visit, echo):
        url = visit(deploy(echo).name)
        for content_type in ("application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"):
            event = url("POST", body="{'ä': 1}".encode(), Content_Type=content_type).value
            assert (event["body"], event["isBase64Encoded"]) == ("{'ä': 1}", False)
        for content_type in ("application/octet-stream", "multipart/form-data; boundary=x", "image/png"):
            event = url("POST", body=b"\x00\xffabc", Content_Type=content_type).value
            assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"\x00\xffabc").decode(), True)
        broken = url("POST", body=b"\xff", Content_Type="text/plain").value
        assert (broken["body"], broken["isBase64Encoded"]) == ("/w==", True)
        assert "body" not in url("POST").value

    def test_cookies_are_split(self, deploy, visit, echo):
        event = visit(deploy(echo).name)(Cookie="a=1; b=2").value
        assert event["cookies"] == ["a=1", "b=2"]
        assert event["headers"]["cookie"] == "a=1; b=2"

    def test_a_client_that_cant_resolve_the_name_goes_by_a_path(self, deploy, visit, echo):
        url = visit(deploy(echo).name)
        event = url("PUT", "/a//b?q", by_path=True).value
        assert (event["rawPath"], event["rawQueryString"]) == ("/a//b", "q")
        assert event["requestContext"]["domainName"] == f"{url.id}.lambda-url.us-east-1.localhost"
        assert event["requestContext"]["http"]["path"] == "/a//b"

    def test_an_alias_is_what_its_url_invokes(self, deploy, visit, platform, echo):
        function = deploy(echo)
        lambda_ = platform.client("lambda")
        lambda_.publish_version(FunctionName=function.name)
        lambda_.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
        page = visit(function.name, qualifier="live")()
        assert page.headers["x-arn"].endswith(f":{function.name}:live")
        lambda_.delete_alias(FunctionName=function.name, Name="live")


class TestTheAnswer:
    @pytest.fixture
    def page(self, deploy, visit):
        """What a visitor sees when the function returns a value, written as Python."""

        def page(value, method="GET"):
            return visit(deploy(f"def handler(event, context):\n    return {value}\n").name)(method)

        return page

    def test_status_headers_cookies_and_body_are_the_functions(self, page):
        answer = page(
            """{"statusCode": 201, "headers": {"Content-Type": "text/html", "X-Number": 7, "Content-Length": "1"},
                "cookies": ["a=1; Secure", "b=2"], "body": "<p>ä</p>"}"""
        )
        assert (answer.status, answer.body.decode()) == (201, "<p>ä</p>")
        assert answer.headers.get_all("set-cookie") == ["a=1; Secure", "b=2"]
        assert (answer.headers["content-type"], answer.headers["x-number"]) == ("text/html", "7")
        assert answer.headers.get_all("content-length") == [str(len("<p>ä</p>".encode()))]

    def test_a_binary_body_is_base64(self, page):
        answer = page('{"statusCode": 200, "body": "AP+A", "isBase64Encoded": True}')
        assert answer.body == b"\x00\xff\x80"

    def test_json_is_the_default_content_type(self, page):
        answer = page('{"statusCode": 404}')
        assert (answer.status, answer.body, answer.headers["content-type"]) == (404, b"", "application/json")

    @pytest.mark.parametrize(
        ("value", "body"),
        [
            ('{"a": 1}', b'{"a": 1}'),
            ("[1, 2]", b"[1, 2]"),
            ('"hello"', b"hello"),
            ("None", b"null"),
            ("12.5", b"12.5"),
            ('{"body": "x"}', b'{"body": "x"}'),
        ],
    )
    def test_anything_without_a_status_code_is_the_body_and_a_string_loses_its_quotes(self, page, value, body):
        answer = page(value)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, body, "application/json")

    @pytest.mark.parametrize(
        "value",
        [
            "1 / 0",
            '{"statusCode": "many"}',
            '{"statusCode": 99}',
            '{"statusCode": 600}',
            '{"statusCode": 200, "headers": [1]}',
            '{"statusCode": 200, "headers": {"a": "b\\r\\nc: d"}}',
            '{"statusCode": 200, "headers": {"a b": "c"}}',
            '{"statusCode": 200, "cookies": "a=1"}',
            '{"statusCode": 200, "body": "!", "isBase64Encoded": True}',
        ],
    )
    def test_a_failed_function_and_an_unusable_result_are_502(self, page, value):
        answer = page(value)
        assert (answer.status, answer.body) == (502, b"Internal Server Error")

    def test_head_has_no_body(self, page):
        answer = page('{"statusCode": 200, "body": "text"}', method="HEAD")
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "4")


class TestWhoMayEnter:
    def test_none_still_needs_a_statement_for_everybody(self, deploy, visit, platform, echo):
        function = deploy(echo)
        url = visit(function.name, open=False)
        assert forbidden(url())
        lambda_ = platform.client("lambda")
        everybody = {"FunctionName": function.name, "Action": "lambda:InvokeFunctionUrl", "Principal": "*"}
        lambda_.add_permission(StatementId="signed", FunctionUrlAuthType="AWS_IAM", **everybody)
        assert forbidden(url())
        lambda_.add_permission(StatementId="other", **everybody | {"Action": "lambda:GetFunction"})
        assert forbidden(url())
        lambda_.add_permission(StatementId="open", FunctionUrlAuthType="NONE", **everybody)
        assert url().status == 200
        lambda_.remove_permission(FunctionName=function.name, StatementId="open")
        assert forbidden(url())

    def test_aws_iam_needs_a_signature_and_shows_who_signed(self, deploy, visit, echo):
        url = visit(deploy(echo).name, auth_type="AWS_IAM", open=False)
        assert forbidden(url())
        assert forbidden(url(Authorization="Bearer token"))
        context = url(Authorization=SIGNED).value["requestContext"]
        assert context["accountId"] == "123456789012"
        assert context["authorizer"]["iam"] == {
            "accessKey": "123456789012",
            "accountId": "123456789012",
            "callerId": "123456789012",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:iam::123456789012:root",
            "userId": "123456789012",
        }
        credential = "123456789012%2F20261122%2Fus-east-1%2Flambda%2Faws4_request"
        assert url("GET", f"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}").status == 200

    def test_aws_iam_shows_the_role_and_session_of_temporary_credentials(self, deploy, visit, platform, echo):
        url = visit(deploy(echo).name, auth_type="AWS_IAM", open=False)
        iam = platform.client("iam")
        role = iam.create_role(RoleName="visitor", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        taken = platform.client("sts").assume_role(RoleArn=role, RoleSessionName="here")
        iam.delete_role(RoleName="visitor")
        request = AWSRequest("GET", url.address, headers={"Host": url.host})
        given = taken["Credentials"]
        credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
        shown = url(**dict(request.headers)).value["requestContext"]["authorizer"]["iam"]
        who = taken["AssumedRoleUser"]
        assert shown["callerId"] == shown["userId"] == who["AssumedRoleId"]
        assert shown["userArn"] == who["Arn"]

    def test_unknown_and_deleted_urls_are_forbidden(self, deploy, visit, platform, echo):
        function = deploy(echo)
        url = visit(function.name)
        assert url().status == 200
        platform.client("lambda").delete_function_url_config(FunctionName=function.name)
        assert forbidden(url())
        assert forbidden(url(by_path=True))

    def test_a_url_of_another_region_isnt_this_one(self, deploy, visit, echo):
        url = visit(deploy(echo).name)
        url.host = url.host.replace("us-east-1", "eu-west-1")
        assert forbidden(url())

    def test_a_request_beyond_6_mb_is_413_even_if_only_as_an_event(self, deploy, visit, echo):
        url = visit(deploy(echo).name)
        page = url("POST", body=bytes(5 * 1024 * 1024), Content_Type="image/png")
        assert page.status == 413
        assert page.headers["x-amzn-ErrorType"] == "RequestEntityTooLargeException"

    def test_a_throttled_function_is_429(self, deploy, visit, platform, echo):
        function = deploy(echo)
        url = visit(function.name)
        platform.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
        page = url()
        assert page.status == 429
        assert page.value == {
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "Type": "User",
            "message": "Rate Exceeded.",
        }


class TestPagesOfOtherSites:
    def test_a_foreign_page_may_call_a_url_though_it_may_not_call_the_api(self, deploy, visit, echo):
        url = visit(deploy(echo).name)
        assert url(Origin="https://app.example").status == 200
        assert url(by_path=True, Origin="https://app.example").status == 200

    def test_the_preflight_doesnt_reach_the_function(self, deploy, visit):
        function = deploy("def handler(e, c):\n    return 1 / 0")
        url = visit(function.name, auth_type="AWS_IAM", cors=CORS)
        page = url("OPTIONS", Origin="https://app.example", Access_Control_Request_Method="PUT")
        assert (page.status, page.body) == (200, b"")
        shown = {name.lower(): value for name, value in page.headers.items() if name.lower().startswith("access-")}
        assert shown == {
            "access-control-allow-origin": "https://app.example",
            "access-control-allow-methods": "GET,PUT",
            "access-control-allow-headers": "x-token",
            "access-control-expose-headers": "x-b,x-c",
            "access-control-allow-credentials": "true",
            "access-control-max-age": "300",
        }
        assert function.log() == {}

    def test_another_origin_gets_no_permission(self, deploy, visit):
        url = visit(deploy(RUDE).name, cors=CORS)
        page = url("OPTIONS", Origin="https://evil.example", Access_Control_Request_Method="PUT")
        assert page.status == 200 and "access-control-allow-origin" not in page.headers

    def test_configured_headers_override_the_functions(self, deploy, visit):
        page = visit(deploy(RUDE).name, cors=CORS)(Origin="https://app.example")
        assert page.headers.get_all("access-control-allow-origin") == ["https://app.example"]
        assert page.headers["access-control-expose-headers"] == "x-b,x-c"

    def test_every_origin_may_be_allowed(self, deploy, visit, echo):
        page = visit(deploy(echo).name, cors={"AllowOrigins": ["*"]})(Origin="https://any.example")
        assert page.headers["access-control-allow-origin"] == "*"

    def test_without_cors_an_options_request_is_the_functions(self, deploy, visit, echo):
        page = visit(deploy(echo).name)("OPTIONS", Origin="https://a.example", Access_Control_Request_Method="PUT")
        assert page.value["requestContext"]["http"]["method"] == "OPTIONS"
