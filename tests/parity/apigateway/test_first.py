"""The first path: describe an API, deploy it, and ask a function through it."""

import pytest


@pytest.fixture
def api(rest, echo):
    api = rest()
    api.method("/pets/{id}", "GET", api.proxy(echo))
    api.method("/{proxy+}", "ANY", api.proxy(echo))
    api.deploy()
    return api


def test_a_request_reaches_the_function_and_its_answer_the_client(api):
    page = api("GET", "/pets/7?a=1&a=2&b=x+y%2B", headers=[("X-Tag", "1,2"), ("x-other", "3"), ("X-Tag", "4")])
    assert page.status == 200, page
    event = page.value
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/pets/{id}", "/pets/7", "GET")
    assert event["pathParameters"] == {"id": "7"}
    assert event["queryStringParameters"] == {"a": "2", "b": "x y+"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y+"]}
    assert event["headers"]["X-Tag"] == "4"
    assert event["multiValueHeaders"]["X-Tag"] == ["1,2", "4"]
    assert event["stageVariables"] is None and event["body"] is None and event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert (context["stage"], context["path"], context["resourcePath"]) == ("dev", "/dev/pets/7", "/pets/{id}")
    assert context["apiId"] == api.id and context["domainName"] == api.host
    assert page.headers["Content-Type"] == "application/json"
    assert page.headers["x-amzn-RequestId"] == context["requestId"]
    assert page.headers["x-amz-apigw-id"] == context["extendedRequestId"]
    assert page.headers["X-Amzn-Trace-Id"] == event["headers"]["X-Amzn-Trace-Id"]


def test_an_unknown_path_or_method_is_a_missing_authentication_token(api):
    refused = (403, "MissingAuthenticationTokenException", b'{"message":"Missing Authentication Token"}')
    assert api("GET", "/").refusal == refused  # a greedy variable takes at least one segment
    assert api("DELETE", "/pets/7").refusal == refused  # the most specific resource counts, and lacks the method


def test_any_is_the_methods_that_api_gateway_has_and_no_others(api, echo):
    api.method("/any", "ANY", api.proxy(echo))
    api.deploy()
    assert api("OPTIONS", "/any").value["httpMethod"] == "OPTIONS"
    assert [api(method, "/any").status for method in ("HEAD", "TRACE", "PROPFIND")] == [200, 403, 403]


def test_a_stage_that_isnt_there_is_forbidden(api):
    assert api("GET", "/pets/7", stage="nowhere").refusal == (403, "ForbiddenException", b'{"message":"Forbidden"}')


def test_changes_wait_for_a_deployment(api, echo):
    api.method("/late", "GET", api.proxy(echo))
    assert api("GET", "/late").value["resource"] == "/{proxy+}"
    api.deploy()
    assert api("GET", "/late").value["resource"] == "/late"


def test_the_path_form_of_older_tools_leads_to_the_same_stage(api):
    below = f"restapis/{api.id}/dev/_user_request_"
    event = api("GET", "/pets/7?a=1", stage=below, host="localhost").value
    assert (event["resource"], event["path"], event["queryStringParameters"]) == ("/pets/{id}", "/pets/7", {"a": "1"})
    assert event["requestContext"]["path"] == "/dev/pets/7"
    assert api("GET", "", stage=below, host="localhost").status == 403  # the root has no method
    assert api("GET", "/pets/7", stage="restapis/nosuchapi1/dev/_user_request_", host="localhost").status == 403
    assert api.get_stages()["item"][0]["stageName"] == "dev"  # the control plane's paths begin likewise
