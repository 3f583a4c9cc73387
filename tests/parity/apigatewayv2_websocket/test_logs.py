"""Execution logs of WebSocket APIs (API Gateway guide, "Configure logging for a WebSocket API")."""

import time

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/logs"


@pytest.fixture
def rest(platform):
    return platform.client("apigateway")


def account(rest, op, **value):
    rest.update_account(patchOperations=[{"op": op, "path": "/cloudwatchRoleArn", **value}])


@pytest.fixture
def role(rest):
    account(rest, "replace", value=ROLE)


def lines(platform, made, enough):
    """What is in the log, once there is `enough`."""
    logs, group = platform.client("logs"), f"/aws/apigateway/{made.id}/dev"
    deadline = time.monotonic() + 60
    while True:
        try:
            found = [each["message"] for each in logs.filter_log_events(logGroupName=group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            found = []
        if enough(found) or time.monotonic() > deadline:
            return found


def test_each_message_is_told_with_its_bodies_where_a_stage_wants_that(api, echo, platform, role):
    made = api()
    made.route("$connect", "$default", target=made.function(echo), answers=True)
    made.deploy(DefaultRouteSettings={"LoggingLevel": "INFO", "DataTraceEnabled": True})
    id = made.connect().ask("hello")["requestContext"]["requestId"]
    found = lines(platform, made, lambda lines: f"({id}) Successfully completed execution" in lines)
    own = [line.removeprefix(f"({id}) ") for line in found if id in line]
    assert own[:3] == [
        f"({id}) Extended Request Id: {id}".removeprefix(f"({id}) "),
        f"Starting execution for request: {id}",
        "WebSocket Request Route: [$default]",
    ]
    assert f"sent message to WebSocket API [{made.id}] in stage [dev]." in own[3]
    assert own[4] == "Message body: hello"
    assert own[5].startswith("Received response. Status: 200, Integration latency: ")
    assert any("is connecting to" in line for line in found)


def test_at_level_error_only_failures_are_told(api, deploy, platform, role):
    made = api()
    failing = deploy("""
        def handler(event, context):
            if event["body"] == "fail":
                raise ValueError
            return {"statusCode": 200}
    """)
    made.route("$default", target=made.function(failing))
    made.deploy(DefaultRouteSettings={"LoggingLevel": "ERROR"})
    client = made.connect()
    client.say("fine")
    id = client.ask("fail")["requestId"]
    assert lines(platform, made, bool) == [f"({id}) Execution failed: Internal server error (502)"]


def test_logging_needs_the_accounts_role_and_a_websocket_api(api, platform, rest):
    made = api()
    account(rest, "remove")
    wanted = {"StageName": "logged", "DefaultRouteSettings": {"LoggingLevel": "INFO"}}
    with pytest.raises(ClientError, match="CloudWatch Logs role ARN must be set in account settings"):
        made.create_stage(**wanted)
    account(rest, "replace", value=ROLE)
    made.create_stage(**wanted)
    http_api = made.client.create_api(Name="h", ProtocolType="HTTP")["ApiId"]
    with pytest.raises(ClientError, match="Execution logs are not supported on protocol type HTTP"):
        made.client.create_stage(ApiId=http_api, **wanted)
    made.client.delete_api(ApiId=http_api)
