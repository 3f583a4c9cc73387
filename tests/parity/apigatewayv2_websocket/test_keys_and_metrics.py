"""API keys of WebSocket APIs, and what their connections come to as metrics (facts/apigateway.md §7, §10)."""

import contextlib
import time

import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus

VALUE = "w" * 20


@pytest.fixture
def plan(platform):
    """Makes usage plans with a key of a value; they go with the test."""
    with contextlib.ExitStack() as ends:
        rest = platform.client("apigateway")

        def make(made, value=VALUE, **options):
            stages = [{"apiId": made.id, "stage": made.stage}]
            plan = rest.create_usage_plan(name="p", apiStages=stages, **options)["id"]
            key = rest.create_api_key(name="k", enabled=True, value=value)["id"]
            rest.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
            ends.callback(rest.delete_usage_plan, usagePlanId=plan)
            ends.callback(rest.delete_api_key, apiKey=key)
            without = [{"op": "remove", "path": "/apiStages", "value": f"{made.id}:{made.stage}"}]
            ends.callback(rest.update_usage_plan, usagePlanId=plan, patchOperations=without)
            return key

        yield make


@pytest.fixture
def keyed(api, echo):
    made = api()
    target = made.function(echo)
    made.route("$connect", target=target, ApiKeyRequired=True)
    made.route("$default", target=target, answers=True)
    made.deploy()
    return made


def refused(made, **headers):
    with pytest.raises(InvalidStatus) as caught:
        made.connect(headers=headers)
    response = caught.value.response
    return response.status_code, response.headers["x-amzn-ErrorType"]


def test_only_who_has_a_key_of_a_plan_connects_and_the_target_is_told_which(keyed, plan):
    assert refused(keyed) == (403, "ForbiddenException")
    assert refused(keyed, **{"x-api-key": VALUE}) == (403, "ForbiddenException")  # no such key yet
    key = plan(keyed)
    context = keyed.connect(headers={"X-Api-Key": VALUE}).ask({"a": 1})["requestContext"]
    assert context["identity"]["apiKeyId"] == key and context["identity"]["apiKey"] == VALUE
    assert refused(keyed, **{"x-api-key": "v" * 20}) == (403, "ForbiddenException")


def test_a_plans_quota_counts_connections(keyed, plan):
    plan(keyed, quota={"limit": 1, "period": "MONTH"})
    keyed.connect(headers={"x-api-key": VALUE})
    assert refused(keyed, **{"x-api-key": VALUE}) == (429, "TooManyRequestsException")


def test_the_authorizer_may_say_the_key(api, echo, deploy, plan):
    doorman = deploy("""
        def handler(event, context):
            statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
            return {
                "principalId": "ada", "usageIdentifierKey": event["queryStringParameters"]["key"],
                "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            }
    """)
    made = api(ApiKeySelectionExpression="$context.authorizer.usageIdentifierKey")
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{doorman.name}"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    sources = ["route.request.querystring.key"]
    authorizer = made.create_authorizer(
        Name="d", AuthorizerType="REQUEST", AuthorizerUri=uri, IdentitySource=sources
    )["AuthorizerId"]
    target = made.function(echo)
    made.route(
        "$connect", target=target, ApiKeyRequired=True, AuthorizationType="CUSTOM", AuthorizerId=authorizer
    )
    made.route("$default", target=target, answers=True)
    made.deploy()
    key = plan(made)
    told = made.connect(f"/dev?key={VALUE}").ask("x")["requestContext"]
    assert told["identity"]["apiKeyId"] == key and told["authorizer"]["principalId"] == "ada"
    with pytest.raises(InvalidStatus):
        made.connect("/dev?key=wrong", headers={"x-api-key": VALUE})


def test_what_a_key_can_be_asked_for_is_checked(api, echo, platform):
    made = api()
    target = made.function(echo)
    with pytest.raises(ClientError, match=r"\$connect route"):
        made.create_route(RouteKey="$default", Target=target, ApiKeyRequired=True)
    with pytest.raises(ClientError, match="ApiKeySelectionExpression must be one of"):
        made.update_api(ApiKeySelectionExpression="$request.querystring.key")
    rest, stages = platform.client("apigateway"), [{"apiId": made.id, "stage": "nowhere"}]
    with pytest.raises(ClientError, match="Invalid API Stage"):
        rest.create_usage_plan(name="p", apiStages=stages)


def test_connections_and_messages_are_counted_by_api_stage_and_route(api, deploy, platform):
    made = api()
    target = made.function(deploy("""
        import json

        def handler(event, context):
            if event.get("body") == "fail":
                raise ValueError
            return {"statusCode": 404 if event.get("body") == "missing" else 200, "body": json.dumps(event)}
    """))
    made.route("$connect", target=target)
    made.route("$default", target=target, answers=True)
    made.route("$disconnect", target=target)
    made.deploy(DefaultRouteSettings={"DetailedMetricsEnabled": True})
    client = made.connect()
    id = client.ask("hello")["requestContext"]["connectionId"]
    for word in ("fail", "missing"):
        client.ask(word)
    made.management().post_to_connection(ConnectionId=id, Data=b"news")
    assert client.hear() == "news"
    metrics = platform.client("cloudwatch")

    def total(name, statistic="Sum", **dimensions):
        found = metrics.get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName=name,
            Dimensions=[{"Name": each, "Value": value} for each, value in dimensions.items()],
            StartTime=platform.now() - 3600,
            EndTime=platform.now() + 3600,
            Period=7200,
            Statistics=[statistic],
        )["Datapoints"]
        return sum(each[statistic] for each in found)

    deadline = time.monotonic() + 30
    while total("MessageCount", ApiId=made.id) < 7 and time.monotonic() < deadline:
        pass
    assert total("MessageCount", ApiId=made.id, Stage="dev") == 7  # three came, four went
    assert total("ConnectCount", ApiId=made.id) == 1
    assert total("IntegrationError", ApiId=made.id, Stage="dev", Route="$default") == 2
    assert total("ClientError", ApiId=made.id) == total("ExecutionError", ApiId=made.id) == 0
    assert total("IntegrationLatency", "SampleCount", ApiId=made.id, Stage="dev", Route="$default") == 3
