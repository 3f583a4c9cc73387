"""From a web request through an HTTP API to a function and back (facts/apigateway.md §3, §8, §9)."""

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from .conftest import Api


def test_a_request_reaches_the_function_of_its_route(api, echo):
    made = api()
    made.route("GET /pets/{id}", target=made.function(echo))
    event = made("GET", "/pets/6?kind=dog").value
    assert event["version"] == "2.0"
    assert event["routeKey"] == "GET /pets/{id}"
    assert event["rawPath"] == "/pets/6"
    assert event["pathParameters"] == {"id": "6"}
    assert event["queryStringParameters"] == {"kind": "dog"}
    assert event["requestContext"]["apiId"] == made.id
    assert event["requestContext"]["stage"] == "$default"


def test_an_unknown_path_is_not_found(api, echo):
    made = api()
    made.route("GET /pets", target=made.function(echo))
    assert made("GET", "/cats").refusal == (404, "Not Found")
    assert made("POST", "/pets").refusal == (404, "Not Found")


def test_an_api_is_found_by_path_by_clients_that_cannot_resolve_its_name(api, echo):
    made = api("dev")
    made.route("GET /pets", target=made.function(echo))
    event = made("GET", f"/_aws/execute-api/{made.id}/dev/pets", host="localhost").value
    assert event["rawPath"] == "/dev/pets"
    assert event["requestContext"]["domainName"] == made.host


@pytest.mark.parametrize("form", ["/_aws/execute-api/{}/$default/pets", "/restapis/{}/$default/_user_request_/pets"])
def test_the_default_stage_is_in_no_path_even_where_a_tool_names_it(api, echo, form):
    made = api()
    made.route("GET /pets", "GET /{proxy+}", target=made.function(echo))
    event = made("GET", form.format(made.id), host="localhost").value
    assert (event["rawPath"], event["routeKey"]) == ("/pets", "GET /pets")
    event = made("GET", "/$default/pets").value
    assert (event["rawPath"], event["routeKey"]) == ("/$default/pets", "GET /{proxy+}")


@pytest.mark.parametrize("rest", ["localhost.localstack.cloud:4566", "localhost:4566", "eu-west-1.localhost"])
def test_a_host_may_leave_its_region_out_but_not_name_another(api, echo, rest):
    made = api()
    made.route("GET /pets", target=made.function(echo))
    page = made("GET", "/pets", host=f"{made.id}.execute-api.{rest}")
    assert page.status == (403 if rest.startswith("eu-west-1") else 200)


def test_an_unknown_api_is_forbidden(api):
    assert api()(host="nosuchapi0.execute-api.us-east-1.localhost").refusal == (403, "Forbidden")


RETURNS = """
    import json

    def handler(event, context):
        return json.loads(event["body"])
"""


@pytest.fixture
def returning(api, deploy):
    """An API whose function returns what it is sent."""
    made = api()
    made.route("POST /", target=made.function(deploy(RETURNS)))
    return lambda value: made("POST", "/", json.dumps(value).encode(), {"content-type": "application/json"})


@pytest.mark.parametrize(
    ("result", "status", "body", "content_type"),
    [
        ({"a": 1}, 200, b'{"a": 1}', "application/json"),
        ("text", 200, b"text", "application/json"),
        (None, 200, b"null", "application/json"),
        ({"statusCode": 404, "body": "no"}, 404, b"no", "text/plain;charset=UTF-8"),
        ({"statusCode": "201"}, 201, b"", "text/plain;charset=UTF-8"),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, 200, b"hi", "text/plain;charset=UTF-8"),
        ({"statusCode": 200, "body": {"a": 1}}, 200, b'{"a":1}', "text/plain;charset=UTF-8"),
    ],
)
def test_what_a_function_returns_is_an_answer(returning, result, status, body, content_type):
    page = returning(result)
    assert (page.status, page.body, page.headers["content-type"]) == (status, body, content_type)
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", page.headers["apigw-requestid"])


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "abc"},
        {"statusCode": 99},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "b\nc"}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
    ],
)
def test_a_malformed_answer_is_an_internal_server_error(returning, result):
    assert returning(result).refusal == (500, "Internal Server Error")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_headers_that_frame_an_answer_are_the_servers_own(api, deploy, version):
    made = api()
    made.route("POST /", target=made.function(deploy(RETURNS), PayloadFormatVersion=version))
    framing = {"Transfer-Encoding": "chunked", "Content-Length": "999", "Connection": "close", "Upgrade": "x"}
    result = {"statusCode": 200, "headers": {**framing, "X-Own": "1"}, "body": "whole"}
    page = made("POST", "/", json.dumps(result).encode(), {"content-type": "application/json"})
    assert (page.status, page.body, page.headers["x-own"]) == (200, b"whole", "1")
    assert {name.lower() for name in page.headers}.isdisjoint({"transfer-encoding", "connection", "upgrade"})


def test_cookies_of_several_lines_are_all_there(api, echo):
    made = api()
    made.route("GET /", target=made.function(echo))
    event = made("GET", "/", headers=[("Cookie", "a=1; b=2"), ("X-More", "1"), ("Cookie", "c=3")]).value
    assert event["cookies"] == ["a=1", "b=2", "c=3"]


def test_cookies_go_both_ways(api, returning, echo):
    page = returning({"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "headers": {"x-n": 5, "x-b": True}})
    assert page.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert (page.headers["x-n"], page.headers["x-b"]) == ("5", "true")
    made = api()
    made.route("GET /", target=made.function(echo))
    event = made("GET", "/", headers=[("Cookie", "a=1; b=2"), ("X-Many", "1"), ("X-Many", "2")]).value
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-many"] in ("1,2", "1, 2")


def test_a_function_that_fails_or_is_missing_is_an_internal_server_error(api, deploy):
    made = api()
    failing = deploy("def handler(event, context): raise ValueError('no')")
    made.route("GET /fails", target=made.function(failing))
    made.route("GET /missing", target=made.function("arn:aws:lambda:us-east-1:123456789012:function:nobody"))
    assert made("GET", "/fails").refusal == (500, "Internal Server Error")
    assert made("GET", "/missing").refusal == (500, "Internal Server Error")


def test_a_function_that_takes_longer_than_its_integration_is_service_unavailable(api, deploy):
    made = api()
    slow = deploy("import time\ndef handler(event, context): time.sleep(3)", Timeout=10)
    made.route("GET /", target=made.function(slow, TimeoutInMillis=50))
    assert made("GET", "/").refusal == (503, "Service Unavailable")


def test_a_stage_is_a_part_of_the_path_and_has_variables(api, echo):
    made = api("dev")
    made.update_stage(StageName="dev", StageVariables={"colour": "red"})
    made.route("GET /pets/{name}", target=made.function(echo))
    event = made("GET", "/dev/pets/a%20b").value
    assert event["rawPath"] == "/dev/pets/a b"
    assert event["requestContext"]["stage"] == "dev"
    assert event["stageVariables"] == {"colour": "red"}
    assert event["pathParameters"] == {"name": "a b"}
    assert made("GET", "/pets/x").refusal == (404, "Not Found")


def test_an_explicit_stage_goes_before_the_default_one(api, echo):
    made = api()
    made.create_stage(StageName="v1", AutoDeploy=True)
    made.route("ANY /{proxy+}", target=made.function(echo))
    assert made("GET", "/v1/a").value["requestContext"]["stage"] == "v1"
    assert made("GET", "/v2/a").value["requestContext"]["stage"] == "$default"


def test_a_stage_variable_may_name_the_function(api, echo):
    made = api()
    arn = made.arn(echo.name)
    made.update_stage(StageName="$default", StageVariables={"fn": echo.name})
    made.route("GET /", target=made.function(arn.replace(echo.name, "${stageVariables.fn}")))
    assert made("GET", "/").status == 200


def test_a_stage_without_auto_deploy_serves_what_was_deployed_to_it(api, echo):
    made = api(None)
    target = made.function(echo)
    made.create_stage(StageName="$default")
    made.route("GET /a", target=target)
    assert made("GET", "/a").refusal == (404, "Not Found")
    first = made.create_deployment(StageName="$default")["DeploymentId"]
    made.route("GET /b", target=target)
    assert (made("GET", "/a").status, made("GET", "/b").status) == (200, 404)
    second = made.create_deployment()["DeploymentId"]
    made.update_stage(StageName="$default", DeploymentId=second)
    assert made("GET", "/b").status == 200
    made.update_stage(StageName="$default", DeploymentId=first)
    assert made("GET", "/b").status == 404
    with pytest.raises(made.client.exceptions.BadRequestException, match="Active stages"):
        made.delete_deployment(DeploymentId=first)
    made.delete_deployment(DeploymentId=second)


CORS = {
    "AllowOrigins": ["https://a.example"], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["x-own"],
    "ExposeHeaders": ["x-shown"], "MaxAge": 60, "AllowCredentials": True,
}  # fmt: skip


def test_preflights_are_answered_by_the_api_without_a_route(api):
    made = api(CorsConfiguration=CORS)
    asking = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    page = made("OPTIONS", "/anything", headers=asking)
    assert page.status == 204
    told = {name.lower(): value for name, value in page.headers.items() if name.lower().startswith("access-control")}
    assert told == {
        "access-control-allow-origin": "https://a.example",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "x-own",
        "access-control-expose-headers": "x-shown",
        "access-control-allow-credentials": "true",
        "access-control-max-age": "60",
    }
    other = made("OPTIONS", "/anything", headers={**asking, "Origin": "https://b.example"})
    assert (other.status, other.headers["access-control-allow-origin"]) == (204, None)


def test_cors_headers_of_a_target_give_way_to_the_configuration(api, deploy):
    made = api(CorsConfiguration=CORS)
    function = deploy("""
        def handler(event, context):
            return {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}
    """)
    made.route("GET /", target=made.function(function))
    assert made("GET", "/", headers={"Origin": "https://a.example"}).headers.get_all("access-control-allow-origin") == [
        "https://a.example"
    ]
    assert made("GET", "/").headers["access-control-allow-origin"] is None
    made.delete_cors_configuration()
    assert made("GET", "/").headers["access-control-allow-origin"] == "*"


def test_requests_beyond_the_burst_of_a_route_are_too_many(api, echo):
    made = api()
    made.route("GET /a", "GET /b", target=made.function(echo))
    limits = {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 0.0001}
    made.update_stage(StageName="$default", RouteSettings={"GET /a": limits})
    assert made("GET", "/a").status == 200
    assert made("GET", "/a").refusal == (429, "Too Many Requests")
    assert [made("GET", "/b").status for _ in range(3)] == [200] * 3


def test_a_body_beyond_10_mb_is_too_large(api):
    made = api()
    limit = 10 * 1024 * 1024
    announced = made("POST", "/", headers={"Content-Length": str(limit + 1)})
    assert announced.refusal == (413, "Request Entity Too Large")


def test_headers_beyond_10_kb_are_too_large(api, echo):
    made = api()
    made.route("GET /", target=made.function(echo))
    assert made("GET", "/", headers={"X-Long": "x" * 11_000}).refusal == (431, "Request Header Fields Too Large")
    assert made("GET", "/", headers={"X-Long": "x" * 9_000}).status == 200


def test_a_disabled_endpoint_serves_only_custom_domains(api, echo, platform):
    made = api(DisableExecuteApiEndpoint=True)
    made.route("GET /pets", target=made.function(echo))
    assert made("GET", "/pets").refusal == (403, "Forbidden")
    domain = f"{made.id}.example.com"
    made.client.create_domain_name(
        DomainName=domain,
        DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a"}],
    )
    made.client.create_api_mapping(DomainName=domain, ApiId=made.id, Stage="$default", ApiMappingKey="v1/shop")
    event = made("GET", "/v1/shop/pets", host=f"{domain}:4566").value
    assert event["requestContext"]["domainName"] == domain
    assert event["rawPath"] == "/v1/shop/pets"
    assert event["routeKey"] == "GET /pets"
    assert made("GET", "/pets", host=domain).refusal == (403, "Forbidden")
    made.client.delete_domain_name(DomainName=domain)


def test_routing_rules_choose_by_header_before_mappings(api, echo):
    old, new = api(Name="old"), api(Name="new")
    for made in (old, new):
        made.route("GET /pets", target=made.function(echo))
    domain, client = f"{old.id}.rules.example", old.client
    client.create_domain_name(
        DomainName=domain,
        DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a"}],
        RoutingMode="ROUTING_RULE_THEN_API_MAPPING",
    )
    client.create_api_mapping(DomainName=domain, ApiId=old.id, Stage="$default")
    client.create_routing_rule(
        DomainName=domain,
        Priority=10,
        Conditions=[{"MatchHeaders": {"AnyOf": [{"Header": "X-Version", "ValueGlob": "2.*"}]}}],
        Actions=[{"InvokeApi": {"ApiId": new.id, "Stage": "$default"}}],
    )
    def answering(version):
        return old("GET", "/pets", host=domain, headers={"X-Version": version}).value["requestContext"]["apiId"]

    assert answering("1.0") == old.id
    assert answering("2.5") == new.id
    client.delete_domain_name(DomainName=domain)


def test_quick_create_makes_an_api_of_one_function(platform, echo):
    client, lambda_ = platform.client("apigatewayv2"), platform.client("lambda")
    arn = lambda_.get_function_configuration(FunctionName=echo.name)["FunctionArn"]
    made = Api(client, lambda_, platform.endpoint, Target=arn)
    assert made("GET", "/any/where").value["routeKey"] == "$default"
    [route] = made.get_routes()["Items"]
    [stage] = made.get_stages()["Items"]
    assert route["ApiGatewayManaged"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    made.delete_api()


def test_a_line_per_request_goes_into_the_log_group_of_the_stage(api, echo, platform):
    logs, made = platform.client("logs"), api()
    group = f"/api/{made.id}"
    logs.create_log_group(logGroupName=group)
    made.route("GET /pets/{id}", target=made.function(echo))
    made.update_stage(
        StageName="$default",
        AccessLogSettings={
            "DestinationArn": f"arn:aws:logs:us-east-1:123456789012:log-group:{group}",
            "Format": '{"key":"$context.routeKey","status":$context.status,"who":"$context.authorizer.claims.sub",'
            '"id":"$context.requestId","error":"$context.error.message","run":"$context.integration.requestId"}',
        },
    )
    first = made("GET", "/pets/1")
    made("GET", "/cats")
    lines = []
    deadline = time.monotonic() + 30
    while len(lines) < 2 and time.monotonic() < deadline:
        lines = [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName=group)["events"]]
    run = lines[0].pop("run")
    assert re.fullmatch(r"[0-9a-f-]{36}", run) and run != lines[0]["id"]
    assert lines[0] == {
        "key": "GET /pets/{id}", "status": 200, "who": "-", "id": first.headers["apigw-requestid"], "error": "-",
    }  # fmt: skip
    assert (lines[1]["status"], lines[1]["error"], lines[1]["run"]) == (404, "Not Found", "-")
    logs.delete_log_group(logGroupName=group)


def test_requests_are_counted_as_metrics(api, echo, platform):
    made, metrics = api(), platform.client("cloudwatch")
    made.route("GET /pets", target=made.function(echo))
    made.update_stage(StageName="$default", DefaultRouteSettings={"DetailedMetricsEnabled": True})
    for path in ("/pets", "/pets", "/cats"):
        made("GET", path)

    def total(name, **dimensions):
        found = metrics.get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName=name,
            Dimensions=[{"Name": each, "Value": value} for each, value in dimensions.items()],
            StartTime=platform.now() - 3600,
            EndTime=platform.now() + 3600,
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(each["Sum"] for each in found)

    deadline = time.monotonic() + 30
    while total("Count", ApiId=made.id) < 3 and time.monotonic() < deadline:
        pass
    assert total("Count", ApiId=made.id, Stage="$default") == 3
    assert total("4xx", ApiId=made.id) == 1
    assert total("Count", ApiId=made.id, Stage="$default", Method="GET", Resource="/pets") == 2


def test_a_client_that_goes_stops_nobody(api, deploy, platform):
    made = api()
    made.route("GET /", target=made.function(deploy("import time\ndef handler(event, context): time.sleep(0.2)")))
    server = urlsplit(platform.endpoint)
    with socket.create_connection((server.hostname, server.port), timeout=60) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: {made.host}\r\n\r\n".encode())
    assert made("GET", "/").status == 200


def test_many_clients_at_once_are_all_answered(api, echo):
    made = api()
    made.route("GET /{name}", target=made.function(echo))
    with ThreadPoolExecutor(8) as clients:
        pages = list(clients.map(lambda number: made("GET", f"/{number}"), range(40)))
    assert [page.value["pathParameters"]["name"] for page in pages] == [str(number) for number in range(40)]
