"""How much an API may have (facts/apigateway.md §12): what AWS says when it is full is recorded for authorizers."""

import http.client
import time
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError


def refused(call, what):
    with pytest.raises(ClientError) as caught:
        call()
    text = f"Maximum number of {what}s for this API has been reached."
    text += f" Please contact AWS if you need additional {what}s."
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ConflictException", text)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_an_api_has_ten_stages_and_ten_authorizers(api):
    made = api(stage=None)
    for number in range(10):
        made.create_stage(StageName=f"s{number}")
        made.create_authorizer(
            Name=f"a{number}",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": "https://issuer.example", "Audience": ["a"]},
        )
    refused(lambda: made.create_stage(StageName="one-more"), "Stage")
    one = made.get_authorizers()["Items"][0]
    again = {name: one[name] for name in ("AuthorizerType", "IdentitySource", "JwtConfiguration")}
    refused(lambda: made.create_authorizer(Name="one-more", **again), "Authorizer")
    made.delete_stage(StageName="s0")
    made.create_stage(StageName="one-more")


def test_an_api_has_300_routes(api):
    made = api(stage=None)
    for number in range(300):
        made.create_route(RouteKey=f"GET /{number}")
    refused(lambda: made.create_route(RouteKey="GET /one-more"), "Route")


@pytest.fixture
def slow(platforms):
    running = platforms("--ephemeral", "--api-request-rate", "1")
    yield running
    running.forget()


def test_all_apis_of_an_account_share_a_rate(slow):
    v2, rest = slow.client("apigatewayv2"), slow.client("apigateway")
    http_api = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    v2.create_stage(ApiId=http_api, StageName="$default", AutoDeploy=True)
    api = rest.create_rest_api(name="b")
    method = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    rest.put_method(**method, authorizationType="NONE")
    rest.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    rest.create_deployment(restApiId=api["id"], stageName="dev")
    assert rest.get_account()["throttleSettings"]["rateLimit"] == 1
    paths = [f"/_aws/execute-api/{http_api}/", f"/_aws/execute-api/{api['id']}/dev/"]
    refused = set()
    deadline = time.monotonic() + 60
    while len(refused) < 2 and time.monotonic() < deadline:
        for path in paths:
            connection = http.client.HTTPConnection(urlsplit(slow.endpoint).netloc, timeout=60)
            connection.request("GET", path)
            if connection.getresponse().status == 429:
                refused.add(path)
            connection.close()
    assert refused == set(paths)
