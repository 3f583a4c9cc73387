"""What people meet who come with a browser or curl: a page at the root, and hints beside AWS's short refusals."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def get(endpoint):
    def get(path, host="", **headers):
        connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
        try:
            connection.request("GET", path, headers=({"Host": host} if host else {}) | headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    return get


@pytest.fixture
def host(endpoint):
    """The host of an API's, or a URL's, own name."""
    return lambda id, kind: f"{id}.{kind}.us-east-1.localhost:{urlsplit(endpoint).port}"


def test_a_browser_at_the_endpoint_gets_a_page_that_says_what_this_is(get, endpoint):
    status, headers, body = get("/", Accept=BROWSER)
    page = body.decode()
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"AWS_ENDPOINT_URL={endpoint}" in page and "lambda" in page
    evil = get("/", host="127.0.0.1:1&lt;<script>", Accept=BROWSER)[2]
    assert b"<script>" not in evil


def test_whoever_asks_for_anything_but_a_page_gets_s3_s_list_of_buckets(get, client):
    for headers in ({}, {"Accept": "*/*"}, {"Accept": BROWSER, "Authorization": "AWS4-HMAC-SHA256 nonsense"}):
        assert b"<html" not in get("/", **headers)[2]
    assert client("s3").list_buckets()["Buckets"] == []


def test_an_api_that_is_not_there_is_forbidden_as_on_aws_with_a_hint(get, host):
    for path, name in (("/prod/x", host("nosuchapi1", "execute-api")), ("/_aws/execute-api/nosuchapi1/prod/x", "")):
        status, headers, body = get(path, name)
        assert (status, json.loads(body)) == (403, {"message": "Forbidden"})
        assert headers["x-samovar-hint"].startswith("There is no API nosuchapi1")


def test_a_stage_or_a_route_that_is_not_there_is_told_apart(get, client, host):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="empty", ProtocolType="HTTP")["ApiId"]
    status, headers, body = get("/dev/x", host(id, "execute-api"))
    assert (status, json.loads(body)) == (404, {"message": "Not Found"})
    assert headers["x-samovar-hint"] == f"API {id} has no stage at /dev/x, or nothing is deployed to it."
    v2.create_stage(ApiId=id, StageName="dev", AutoDeploy=True)
    assert get("/dev/x", host(id, "execute-api"))[1]["x-samovar-hint"] == "No route for GET /x is deployed."

    v1 = client("apigateway")
    id = v1.create_rest_api(name="mock")["id"]
    root = v1.get_resources(restApiId=id)["items"][0]["id"]
    on = {"restApiId": id, "resourceId": root, "httpMethod": "GET"}
    v1.put_method(**on, authorizationType="NONE")
    v1.put_integration(**on, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    v1.create_deployment(restApiId=id, stageName="prod")
    status, headers, body = get("/test/", host(id, "execute-api"))
    assert (status, json.loads(body)) == (403, {"message": "Forbidden"})
    assert headers["x-samovar-hint"] == f"API {id} has no stage test."
    status, headers, body = get("/prod/x%0d%0ay", host(id, "execute-api"))
    assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})
    assert headers["x-samovar-hint"] == "No method GET is deployed for /x%0d%0ay."


def test_a_function_url_says_whether_it_is_not_there_or_closed(get, deploy, platform, host):
    status, headers, _ = get("/", host("nosuchurl", "lambda-url"))
    assert (status, headers["x-samovar-hint"]) == (403, "There is no function URL of this name.")
    name = deploy("def handler(event, context): return 1").name
    made = platform.client("lambda").create_function_url_config(FunctionName=name, AuthType="NONE")
    status, headers, _ = get("/", urlsplit(made["FunctionUrl"]).netloc)
    assert status == 403 and "AddPermission" in headers["x-samovar-hint"]


def test_an_api_s_own_500_says_whether_the_function_was_not_run_or_has_failed(get, deploy, platform, host):
    name = deploy("def handler(event, context): return event['nothing']").name
    v2, lambda_ = platform.client("apigatewayv2"), platform.client("lambda")
    arn = lambda_.get_function_configuration(FunctionName=name)["FunctionArn"]
    for target, told in ((f"{arn}-nobody", "The function isn't there, or its policy"), (arn, "The function failed")):
        id = v2.create_api(Name=name, ProtocolType="HTTP", Target=target)["ApiId"]
        status, headers, body = get("/", host(id, "execute-api"))
        assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})
        assert headers["x-samovar-hint"].startswith(told)
        v2.delete_api(ApiId=id)
