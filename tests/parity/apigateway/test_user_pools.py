"""COGNITO_USER_POOLS: tokens of a user pool, whose keys the server has from a file (facts/apigateway.md §7)."""

import http.client
from urllib.parse import urlsplit

import boto3
import pytest
from pages import Page
from tokens import Signer

POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Tea"
ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Tea"
SHOWN = '{"statusCode": 200, "who": "$context.authorizer.claims.sub $context.authorizer.claims.roles"}'


@pytest.fixture(scope="module")
def signer():
    return Signer()


@pytest.fixture(scope="module")
def client(platforms, signer, tmp_path_factory):
    keys = tmp_path_factory.mktemp("pool") / "jwks.json"
    keys.write_bytes(signer.jwks())
    running = platforms("--ephemeral", "--issuers", f"{ISSUER}={keys}")
    made = boto3.client(
        "apigateway",
        endpoint_url=running.endpoint,
        region_name="us-east-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="any",
    )
    yield made
    made.close()
    assert running.stop() == 0, running.said()


@pytest.fixture(scope="module")
def guarded(client):
    """(API, authorizer): `/id` takes id tokens, `/pets` access tokens with a scope."""
    api = client.create_rest_api(name="pools")["id"]
    [root] = client.get_resources(restApiId=api)["items"]
    authorizer = client.create_authorizer(
        restApiId=api,
        name="pool",
        type="COGNITO_USER_POOLS",
        providerARNs=[POOL],
        identitySource="method.request.header.Authorization",
    )["id"]
    for part, scopes in (("id", []), ("pets", ["pets/read"])):
        resource = client.create_resource(restApiId=api, parentId=root["id"], pathPart=part)["id"]
        on = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
        client.put_method(
            **on, authorizationType="COGNITO_USER_POOLS", authorizerId=authorizer, authorizationScopes=scopes
        )
        client.put_integration(**on, type="MOCK", requestTemplates={"application/json": SHOWN})
        client.put_method_response(**on, statusCode="200")
        who = {"application/json": "$context.authorizer.claims.sub: $context.authorizer.claims.roles"}
        client.put_integration_response(**on, statusCode="200", responseTemplates=who)
    client.create_deployment(restApiId=api, stageName="dev")
    return api, authorizer


@pytest.fixture
def visit(client, guarded):
    def visit(path, token):
        connection = http.client.HTTPConnection(urlsplit(client.meta.endpoint_url).netloc, timeout=60)
        try:
            headers = {} if token is None else {"Authorization": token}
            connection.request("GET", f"/_aws/execute-api/{guarded[0]}/dev{path}", headers=headers)
            answer = connection.getresponse()
            page = Page(answer.status, answer.headers, answer.read())
            return page.status, page.body.decode()
        finally:
            connection.close()

    return visit


REFUSED = (401, '{"message":"Unauthorized"}')


def test_an_id_token_of_the_pool_lets_in_and_its_claims_are_known(visit, signer):
    token = signer.token(issuer=ISSUER, token_use="id", sub="ada", roles=["a", "b"])
    assert visit("/id", token) == visit("/id", f"Bearer {token}") == (200, "ada: a,b")
    stranger = Signer()
    for other in (
        None,
        "nonsense",
        signer.token(issuer=ISSUER, token_use="access"),
        signer.token(issuer=f"{ISSUER}2", token_use="id"),
        stranger.token(issuer=ISSUER, token_use="id"),
        signer.token(issuer=ISSUER, token_use="id", algorithm="none"),
    ):
        assert visit("/id", other) == REFUSED
    expired = signer.token(issuer=ISSUER, token_use="id", now=1_700_000_000)
    assert visit("/id", expired) == (401, '{"message":"The incoming token has expired"}')


def test_with_scopes_it_is_an_access_token_that_has_one_of_them(visit, signer):
    def access(scope):
        return signer.token(issuer=ISSUER, token_use="access", sub="ada", scope=scope, roles="r", without=("aud",))

    assert visit("/pets", access("openid pets/read")) == (200, "ada: r")
    assert visit("/pets", access("openid pets/readers")) == REFUSED
    assert visit("/pets", signer.token(issuer=ISSUER, token_use="id", scope="pets/read")) == REFUSED


def test_a_token_is_tried_out_with_the_authorizer(client, guarded, signer):
    api, authorizer = guarded

    def tried(token):
        return client.test_invoke_authorizer(restApiId=api, authorizerId=authorizer, headers={"Authorization": token})

    known = tried(signer.token(issuer=ISSUER, token_use="id", sub="ada", roles=["a", "b"]))
    assert (known["clientStatus"], known["claims"]["sub"], known["claims"]["roles"]) == (0, "ada", "a,b")
    assert "policy" not in known
    unknown = tried("nonsense")
    assert unknown["clientStatus"] == 401 and "claims" not in unknown
