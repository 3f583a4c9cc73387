"""Who may take a route of an HTTP API (facts/apigateway.md §9)."""

import json

import boto3
import botocore.auth
import botocore.awsrequest
import pytest
from backend import Backend
from tokens import AUDIENCE, Signer

ASKED = """
    def handler(event, context):
        token = event["headers"].get("authorization") or event["headers"].get("Authorization")
        if token == "raise":
            raise Exception("Unauthorized")
        if token == "break":
            raise Exception("broken")
        if token == "odd":
            return "what?"
        return {"isAuthorized": token == "yes", "context": {"n": 1, "who": {"name": "me"}, "route": event["routeArn"],
            "sources": event["identitySource"], "id": context.aws_request_id}}
"""
POLICY = """
    def handler(event, context):
        effect = "Allow" if event["authorizationToken"] == "yes" else "Deny"
        statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
        return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"n": 1}}
"""


@pytest.fixture(scope="module")
def issuer():
    """An issuer that publishes its keys on this machine: (its URL, what signs)."""
    signer = Signer()

    def answer(asked):
        if asked.target == "/.well-known/openid-configuration":
            return 200, [], json.dumps({"issuer": server.url, "jwks_uri": f"{server.url}/keys"}).encode()
        return (200, [], signer.jwks()) if asked.target == "/keys" else (404, [], b"")

    with Backend(answer) as server:
        yield server.url, signer


@pytest.fixture
def guarded(api, echo, issuer):
    """An API whose route `GET /pets` asks for a token, with the scope `read` for `GET /scoped`."""
    made = api()
    url, _ = issuer
    authorizer = made.create_authorizer(
        Name="jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": [AUDIENCE], "Issuer": url},
    )["AuthorizerId"]
    target = made.function(echo)
    made.route("GET /pets", target=target, AuthorizationType="JWT", AuthorizerId=authorizer)
    made.route(
        "GET /scoped", target=target, AuthorizationType="JWT", AuthorizerId=authorizer, AuthorizationScopes=["read"]
    )
    return made


def test_a_token_that_the_issuer_signed_lets_in_and_its_claims_are_told(guarded, issuer):
    url, signer = issuer
    token = signer.token(issuer=url, sub="me", groups=["a", "b"], n=5)
    told = guarded("GET", "/pets", headers={"Authorization": f"Bearer {token}"}).value
    jwt = told["requestContext"]["authorizer"]["jwt"]
    assert jwt["claims"]["sub"] == "me"
    assert jwt["claims"]["groups"] == "[a b]"
    assert jwt["claims"]["n"] == "5"
    assert jwt["scopes"] is None


def test_without_a_token_or_with_a_wrong_one_a_request_is_unauthorized(guarded, issuer):
    url, signer = issuer
    missing = guarded("GET", "/pets")
    assert missing.refusal == (401, "Unauthorized")
    assert missing.headers["www-authenticate"] == "Bearer"
    expired = guarded("GET", "/pets", headers={"authorization": signer.token(issuer=url, exp=1)})
    assert expired.refusal == (401, "Unauthorized")
    assert expired.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    forged = Signer().token(issuer=url)
    assert guarded("GET", "/pets", headers={"authorization": forged}).refusal == (401, "Unauthorized")


def test_a_token_without_a_scope_of_the_route_is_forbidden(guarded, issuer):
    url, signer = issuer
    bare = signer.token(issuer=url, scope="write")
    assert guarded("GET", "/scoped", headers={"authorization": bare}).refusal == (403, "Forbidden")
    wide = signer.token(issuer=url, scope="write read")
    told = guarded("GET", "/scoped", headers={"authorization": wide}).value
    assert told["requestContext"]["authorizer"]["jwt"]["scopes"] == ["write", "read"]


def asking(api, target, authorizer_function, **options):
    made = api()
    wanted = {
        "Name": "asked",
        "AuthorizerType": "REQUEST",
        "IdentitySource": ["$request.header.Authorization"],
        "AuthorizerUri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        f"{made.arn(authorizer_function.name)}/invocations",
        "AuthorizerPayloadFormatVersion": "2.0",
        "EnableSimpleResponses": True,
    }
    authorizer = made.create_authorizer(**wanted | options)["AuthorizerId"]
    made.route("GET /pets/{id}", target=made.function(target), AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    return made


def test_a_function_says_who_may_enter_and_its_context_keeps_its_types(api, deploy, echo):
    made = asking(api, echo, deploy(ASKED))
    told = made("GET", "/pets/1", headers={"Authorization": "yes"}).value["requestContext"]["authorizer"]["lambda"]
    assert told["n"] == 1
    assert told["who"] == {"name": "me"}
    assert told["route"].endswith(f":{made.id}/$default/GET/pets/1")
    assert told["sources"] == ["yes"]


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        ("no", (403, "Forbidden")),
        (None, (401, "Unauthorized")),
        ("raise", (401, "Unauthorized")),
        ("break", (500, "Internal Server Error")),
        ("odd", (500, "Internal Server Error")),
    ],
)
def test_what_an_authorizer_refuses_or_fails_at(api, deploy, echo, token, refusal):
    made = asking(api, echo, deploy(ASKED))
    assert made("GET", "/pets/1", headers={"Authorization": token} if token else {}).refusal == refusal


def test_an_answer_is_remembered_for_its_identity_sources_until_the_cache_is_reset(api, deploy, echo):
    made = asking(api, echo, deploy(ASKED), AuthorizerResultTtlInSeconds=300)

    def asked(token="yes"):
        page = made("GET", "/pets/1", headers={"Authorization": token})
        return page.value["requestContext"]["authorizer"]["lambda"]["id"] if page.status == 200 else page.status

    first = asked()
    assert asked() == first
    assert asked("no") == 403
    made.reset_authorizers_cache(StageName="$default")
    assert asked() != first


def test_a_policy_lets_in_or_keeps_out(api, deploy, echo):
    made = asking(
        api, echo, deploy(POLICY), AuthorizerPayloadFormatVersion="1.0", EnableSimpleResponses=False
    )
    told = made("GET", "/pets/1", headers={"Authorization": "yes"}).value["requestContext"]["authorizer"]["lambda"]
    assert told == {"n": 1, "principalId": "me"}
    assert made("GET", "/pets/1", headers={"Authorization": "no"}).refusal == (403, "Forbidden")


def test_a_route_with_iam_wants_a_signature_and_tells_whose(api, echo):
    made = api()
    made.route("GET /pets", target=made.function(echo), AuthorizationType="AWS_IAM")
    assert made("GET", "/pets").refusal == (403, "Forbidden")
    request = botocore.awsrequest.AWSRequest("GET", f"http://{made.host}/pets")
    credentials = boto3.Session("123456789012", "any").get_credentials()
    botocore.auth.SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    told = made("GET", "/pets", headers=dict(request.headers)).value["requestContext"]["authorizer"]["iam"]
    assert told["accessKey"] == "123456789012"
    assert told["userArn"].startswith("arn:aws:iam::123456789012:")


def test_a_route_whose_authorizer_is_of_another_kind_is_refused(api):
    made = api()
    bad = made.client.exceptions.BadRequestException
    with pytest.raises(bad):
        made.create_route(RouteKey="GET /a", AuthorizationType="JWT")
    with pytest.raises(bad):
        made.create_route(RouteKey="GET /a", AuthorizationType="CUSTOM", AuthorizerId="nobody")
