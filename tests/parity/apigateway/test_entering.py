"""Who may enter: Lambda authorizers, signatures, resource policies, API keys (facts/apigateway.md §7)."""

import datetime
import json
import uuid

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AUTHORIZER = """
    CALLS = []

    def handler(event, context):
        CALLS.append(1)
        token = event.get("authorizationToken") or event["queryStringParameters"]["key"]
        if token == "raise":
            raise Exception("Unauthorized")
        if token == "fail":
            raise Exception("boom")
        if token == "malformed":
            return {"principalId": "me"}
        effect = "Allow" if token != "deny" else "Deny"
        resource = event["methodArn"] if token == "narrow" else "*"
        statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
        return {
            "principalId": "user|1",
            "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"number": 1, "yes": True, "calls": len(CALLS), "type": event["type"]},
            "usageIdentifierKey": token,
        }
"""
UNAUTHORIZED = (401, "UnauthorizedException", b'{"message":"Unauthorized"}')


@pytest.fixture
def guarded(rest, deploy, echo):
    """Makes an API with a Lambda authorizer in front of its methods."""
    function = deploy(AUTHORIZER)

    def make(type="TOKEN", source="method.request.header.X-Token", ttl=0, method=None, **options):
        api = rest()
        uri = api.proxy(function)["uri"]
        wanted = {"name": "a", "type": type, "authorizerUri": uri, "authorizerResultTtlInSeconds": ttl}
        authorizer = api.create_authorizer(**wanted, **({"identitySource": source} if source else {}), **options)
        custom = {"authorizationType": "CUSTOM", "authorizerId": authorizer["id"]} | (method or {})
        api.method("/a/{x}", "GET", api.proxy(echo), **custom)
        api.method("/b", "GET", api.proxy(echo), **custom)
        api.deploy()
        return api

    return make


def test_a_token_authorizer_decides_and_its_context_reaches_the_function_as_strings(guarded):
    api = guarded()
    authorizer = api("GET", "/a/1", headers={"x-token": "fine"}).value["requestContext"]["authorizer"]
    assert authorizer.pop("integrationLatency") >= 0
    assert int(authorizer.pop("calls")) >= 1
    assert authorizer == {"principalId": "user|1", "number": "1", "yes": "true", "type": "TOKEN"}
    assert api("GET", "/a/1", headers={"X-Token": "deny"}).refusal == (
        403,
        "AccessDeniedException",
        b'{"Message":"User is not authorized to access this resource with an explicit deny"}',
    )
    assert api("GET", "/a/1").refusal == UNAUTHORIZED
    assert api("GET", "/a/1", headers={"X-Token": "raise"}).refusal == UNAUTHORIZED
    failed = (500, "AuthorizerFailureException", b'{"message":null}')
    assert api("GET", "/a/1", headers={"X-Token": "fail"}).refusal == failed
    wrong = (500, "AuthorizerConfigurationException", b'{"message":null}')
    assert api("GET", "/a/1", headers={"X-Token": "malformed"}).refusal == wrong


def test_a_token_that_doesnt_match_the_validation_expression_is_refused_unasked(guarded):
    api = guarded(identityValidationExpression="[a-z]+")
    assert api("GET", "/a/1", headers={"X-Token": "fine"}).status == 200
    assert api("GET", "/a/1", headers={"X-Token": "fine1"}).refusal == UNAUTHORIZED


def test_a_request_authorizer_gets_the_request_without_its_body(guarded):
    api = guarded("REQUEST", "method.request.querystring.key, context.httpMethod")
    assert api("GET", "/a/1?key=fine").value["requestContext"]["authorizer"]["type"] == "REQUEST"
    assert api("GET", "/a/1").refusal == UNAUTHORIZED


def test_a_cached_policy_counts_for_every_method_of_the_stage(guarded):
    api = guarded(ttl=300)
    first = api("GET", "/a/1", headers={"X-Token": "narrow"})
    assert first.status == 200
    assert api("GET", "/b", headers={"X-Token": "narrow"}).refusal == (
        403,
        "AccessDeniedException",
        b'{"Message":"User is not authorized to access this resource"}',
    )
    again = api("GET", "/a/1", headers={"X-Token": "narrow"})
    calls = [page.value["requestContext"]["authorizer"]["calls"] for page in (first, again)]
    assert calls[0] == calls[1]
    api.client.flush_stage_authorizers_cache(restApiId=api.id, stageName="dev")
    assert api("GET", "/b", headers={"X-Token": "narrow"}).status == 200


def test_a_key_named_by_the_authorizer_goes_before_the_header(guarded):
    api = guarded(method={"apiKeyRequired": True})
    api.update_rest_api(patchOperations=[{"op": "replace", "path": "/apiKeySource", "value": "AUTHORIZER"}])
    api.deploy()
    value = f"key-{uuid.uuid4().hex}"
    _planned(api, value)
    assert api("GET", "/b", headers={"X-Token": value}).value["requestContext"]["identity"]["apiKey"] == value
    refused = (403, "ForbiddenException", b'{"message":"Forbidden"}')
    assert api("GET", "/b", headers={"X-Token": "other", "x-api-key": value}).refusal == refused


def _planned(api, value, enabled=True, **plan):
    """An API key in a usage plan for the API's stage; its id and the plan's."""
    key = api.client.create_api_key(name="k", value=value, enabled=enabled)["id"]
    stages = [{"apiId": api.id, "stage": "dev"}]
    made = api.client.create_usage_plan(name="p", apiStages=stages, **plan)["id"]
    api.client.create_usage_plan_key(usagePlanId=made, keyId=key, keyType="API_KEY")
    return key, made


@pytest.fixture
def keyed(rest, echo):
    api = rest()
    api.method("/a", "GET", api.proxy(echo), apiKeyRequired=True)
    api.deploy()
    return api


def test_a_method_that_requires_a_key_takes_only_enabled_ones_of_a_plan_of_its_stage(keyed):
    value = uuid.uuid4().hex
    refused = (403, "ForbiddenException", b'{"message":"Forbidden"}')
    assert keyed("GET", "/a").refusal == refused
    keyed.client.create_api_key(name="k", value=f"lonely-{value}", enabled=True)
    assert keyed("GET", "/a", headers={"x-api-key": f"lonely-{value}"}).refusal == refused
    key, _ = _planned(keyed, value)
    identity = keyed("GET", "/a", headers={"X-API-Key": value}).value["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == (value, key)
    off = [{"op": "replace", "path": "/enabled", "value": "false"}]
    keyed.client.update_api_key(apiKey=key, patchOperations=off)
    assert keyed("GET", "/a", headers={"x-api-key": value}).refusal == refused


def test_a_plans_quota_and_throttle_answer_429(keyed):
    value = uuid.uuid4().hex
    key, plan = _planned(keyed, value, quota={"limit": 3, "period": "MONTH", "offset": 1})
    pages = [keyed("GET", "/a", headers={"x-api-key": value}) for _ in range(3)]
    assert [page.status for page in pages] == [200, 200, 429]
    assert pages[2].refusal == (429, "LimitExceededException", b'{"message":"Limit Exceeded"}')
    more = [{"op": "replace", "path": "/remaining", "value": "1"}]
    usage = keyed.client.update_usage(usagePlanId=plan, keyId=key, patchOperations=more)
    assert usage["items"] == {key: [[2, 1]]}
    assert keyed("GET", "/a", headers={"x-api-key": value}).status == 200
    assert keyed("GET", "/a", headers={"x-api-key": value}).status == 429

    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    told = keyed.client.get_usage(usagePlanId=plan, startDate=today, endDate=today)
    assert told["items"] == {key: [[3, 0]]}

    throttled = uuid.uuid4().hex
    _planned(keyed, throttled, throttle={"burstLimit": 0, "rateLimit": 0})
    refused = (429, "TooManyRequestsException", b'{"message":"Too Many Requests"}')
    assert keyed("GET", "/a", headers={"x-api-key": throttled}).refusal == refused


def test_a_stages_throttle_answers_429(rest, echo):
    api = rest()
    api.method("/a/b", "GET", api.proxy(echo))
    api.method("/c", "GET", api.proxy(echo))
    api.deploy()
    for setting, value in (("burstLimit", "0"), ("rateLimit", "0")):
        path = f"/~1a~1b/GET/throttling/{setting}"
        api.update_stage(stageName="dev", patchOperations=[{"op": "replace", "path": path, "value": value}])
    refused = (429, "TooManyRequestsException", b'{"message":"Too Many Requests"}')
    assert api("GET", "/a/b").refusal == refused
    assert api("GET", "/c").status == 200
    for setting in ("burstLimit", "rateLimit"):
        usual = {"op": "replace", "path": f"/*/*/throttling/{setting}", "value": "100"}
        api.update_stage(stageName="dev", patchOperations=[usual])
    assert api("GET", "/a/b").refusal == refused
    assert api("GET", "/c").status == 200  # each method has tokens of its own


def test_aws_iam_asks_for_a_signature(rest, echo):
    api = rest()
    api.method("/a", "GET", api.proxy(echo), authorizationType="AWS_IAM")
    api.deploy()
    missing = (403, "MissingAuthenticationTokenException", b'{"message":"Missing Authentication Token"}')
    assert api("GET", "/a").refusal == missing
    request = AWSRequest("GET", f"http://{api.host}/dev/a")
    SigV4Auth(Credentials("123456789012", "any"), "execute-api", "us-east-1").add_auth(request)
    event = api("GET", "/a", headers=dict(request.headers)).value
    assert "Authorization" not in event["headers"]
    identity = event["requestContext"]["identity"]
    assert (identity["accountId"], identity["accessKey"]) == ("123456789012", "123456789012")


def _policy(effect, resource="execute-api:/*", **condition):
    statement = {"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def test_a_resource_policy_must_let_everybody_in_who_isnt_authorized_otherwise(rest, echo):
    allow, deny = _policy("Allow"), _policy("Deny", "execute-api:/dev/GET/b")
    elsewhere = _policy("Deny", "execute-api:/dev/GET/a", NotIpAddress={"aws:SourceIp": "127.0.0.1/32"})
    api = rest(policy=json.dumps({"Version": "2012-10-17", "Statement": [allow, deny, elsewhere]}))
    written = json.loads(api.get_rest_api()["policy"])["Statement"][0]["Resource"]
    assert written == f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/*"
    for path in ("/a", "/b"):
        api.method(path, "GET", api.proxy(echo))
    api.deploy()
    assert api("GET", "/a").status == 200
    arn = f"arn:aws:execute-api:us-east-1:********9012:{api.id}/dev/GET/b"
    text = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn} with an explicit deny"
    refused = api("GET", "/b").refusal
    assert refused == (403, "AccessDeniedException", json.dumps({"Message": text}, separators=(",", ":")).encode())


def test_a_private_api_answers_only_functions_that_its_policy_lets_in(rest, echo, deploy, endpoint):
    api = rest(endpointConfiguration={"types": ["PRIVATE"]})
    api.method("/a", "GET", api.proxy(echo))
    api.deploy()
    assert api("GET", "/a").refusal == (403, "ForbiddenException", b'{"message":"Forbidden"}')
    inside = deploy("""
        import os, urllib.error, urllib.request

        def handler(event, context):
            request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + event["path"])
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return [error.code, error.read().decode()]
    """)
    path = f"/_aws/execute-api/{api.id}/dev/a"
    status, body = inside({"path": path}).result
    assert status == 403 and "is not authorized to perform: execute-api:Invoke on resource: " in body
    policy = json.dumps({"Version": "2012-10-17", "Statement": [_policy("Allow")]})
    api.update_rest_api(patchOperations=[{"op": "replace", "path": "/policy", "value": policy}])
    api.deploy()
    assert inside({"path": path}).result == 200
