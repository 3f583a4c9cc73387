"""What is told of requests: access logs, execution logs, metrics (facts/apigateway.md §5)."""

import json
import time
import uuid

import pytest

FORMAT = json.dumps(
    {
        "id": "$context.requestId",
        "ip": "$context.identity.sourceIp",
        "what": "$context.httpMethod $context.resourcePath $context.status",
        "length": "$context.responseLength",
        "error": "$context.error.message",
        "took": "$context.integrationLatency",
    }
)


def until(look, wanted=1):
    """What is found, when there are so many of it."""
    deadline = time.monotonic() + 60
    while len(found := look()) < wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.fixture
def lines(platform):
    logs = platform.client("logs")

    def look(group):
        try:
            return [each["message"] for each in logs.filter_log_events(logGroupName=group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    return look


def test_each_request_is_a_line_of_the_access_log(rest, platform, lines):
    api, group = rest(), f"rest-access-{uuid.uuid4().hex}"
    platform.client("logs").create_log_group(logGroupName=group)
    api.mock("/a", template='"hello"')
    api.mock("/key", apiKeyRequired=True)
    api.deploy()
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    paths = (("destinationArn", arn), ("format", FORMAT))
    change = [{"op": "replace", "path": f"/accessLogSettings/{name}", "value": value} for name, value in paths]
    api.update_stage(stageName="dev", patchOperations=change)
    page = api("GET", "/a")
    api("GET", "/key")
    api("GET", "/nothing")
    told = [json.loads(line) for line in until(lambda: lines(group), 3)]
    first = next(each for each in told if each["what"] == "GET /a 200")
    assert (first["id"], first["ip"], first["length"], first["error"]) == (
        page.headers["x-amzn-RequestId"],
        "127.0.0.1",
        "7",
        "-",
    )
    assert first["took"].isdecimal()
    refused = {each["what"]: (each["error"], each["took"]) for each in told if each is not first}
    assert refused == {"GET /key 403": ("Forbidden", "-"), "GET - 403": ("Missing Authentication Token", "-")}


def test_the_execution_log_tells_what_became_of_a_request(rest, platform, lines):
    client = platform.client("apigateway")
    role = "arn:aws:iam::123456789012:role/logs"
    client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])
    api = rest()
    api.mock("/a")
    api.method("/broken", "GET", {"type": "MOCK"})
    api.deploy()
    level = [{"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}]
    api.update_stage(stageName="dev", patchOperations=level)
    page = api("GET", "/a")
    group = f"API-Gateway-Execution-Logs_{api.id}/dev"
    id = page.headers["x-amzn-RequestId"]
    assert until(lambda: lines(group), 8) == [
        f"({id}) {line}"
        for line in (
            f"Extended Request Id: {page.headers['x-amz-apigw-id']}",
            f"Verifying Usage Plan for request: {id}. API Key:  API Stage {api.id}/dev",
            "API Key  authorized because method 'GET /a' does not require API Key. Request will not contribute to "
            "throttle or quota limits",
            f"Usage Plan check succeeded for API Key  and API Stage {api.id}/dev",
            f"Starting execution for request: {id}",
            "HTTP Method: GET, Resource Path: /a",
            "Successfully completed execution",
            "Method completed with status: 200",
        )
    ]
    api("GET", "/broken")
    text = "Execution failed due to configuration error: Unable to parse statusCode"
    until(lambda: [line for line in lines(group) if text in line])


def test_requests_are_counted_by_api_and_stage(rest, platform):
    name = f"counted-{uuid.uuid4().hex}"
    api = rest(name=name)
    api.mock("/a")
    api.deploy()
    for path in ("/a", "/a", "/nothing"):
        api("GET", path)
    cloudwatch = platform.client("cloudwatch")

    def total(metric):
        now = platform.now()
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName=metric,
            Dimensions=[{"Name": "ApiName", "Value": name}, {"Name": "Stage", "Value": "dev"}],
            StartTime=now - 3600,
            EndTime=now + 3600,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(each["Sum"] for each in found)

    until(lambda: [1] if total("Count") == 3 else [])
    assert (total("4XXError"), total("5XXError")) == (1, 0)
