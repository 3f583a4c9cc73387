"""Which tokens of a user pool count for which method."""

import pytest
from tokens import Signer

from samovar.core.clock import FakeClock
from samovar.services.apigateway.plane.pools import EXPIRED, PoolAuthorizer, issuer_of
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.web.jwt import Keyring, key_set

ARN = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc"
ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
NOW = 1_700_000_000.0


class Exchange:
    authorizer = None

    def __init__(self, token):
        self._token = token

    def identity_value(self, source):
        assert (source.kind, source.name) == ("header", "Authorization")
        return self._token


@pytest.fixture(scope="module")
def signer():
    return Signer()


@pytest.fixture
def ask(signer):
    """What comes of a request with a token: the refusal's message and type, or the claims."""

    def ask(given, scopes=(), signed_by=signer, **shape):
        async def get(url):
            raise AssertionError("keys at hand aren't fetched")

        keyring = Keyring(FakeClock(NOW), get, {ISSUER: key_set(signed_by.jwks())})
        wanted = {"providerARNs": [ARN], "identitySource": "method.request.header.Authorization", **shape}
        exchange, heard = Exchange(given), []
        try:
            PoolAuthorizer(wanted, scopes, keyring, FakeClock(NOW)).ask(exchange, heard.append)
        except Refusal as refusal:
            heard.append(refusal)
        [refusal] = heard
        return (refusal.kind, refusal.message) if refusal else exchange.authorizer["claims"]

    return ask


REFUSED = ("UNAUTHORIZED", "Unauthorized")


def test_an_id_token_lets_in_and_its_claims_arrive_as_text(ask, signer):
    claims = {"token_use": "id", "aud": "app", "cognito:groups": ["a", "b"], "email_verified": True, "n": 5}
    token = signer.token(now=NOW, issuer=ISSUER, **claims)
    for given in (token, f"Bearer {token}"):
        assert ask(given) == {
            "iss": ISSUER,
            "aud": "app",
            "exp": "Tue Nov 14 22:23:20 UTC 2023",
            "iat": "Tue Nov 14 22:13:10 UTC 2023",
            "token_use": "id",
            "cognito:groups": "a,b",
            "email_verified": "true",
            "n": "5",
        }


def test_with_scopes_on_the_method_it_is_the_access_token_that_has_one(ask, signer):
    access = signer.token(now=NOW, issuer=ISSUER, without=("aud",), token_use="access", client_id="app", scope="a b")
    assert ask(access, scopes=("b", "c"))["scope"] == "a b"
    assert ask(access, scopes=("c",)) == REFUSED
    assert ask(access) == REFUSED
    assert ask(signer.token(now=NOW, issuer=ISSUER, token_use="id", scope="b"), scopes=("b",)) == REFUSED


def test_what_isnt_a_token_of_the_pool_lets_nobody_in(ask, signer):
    assert ask(None) == REFUSED
    assert ask("nonsense") == REFUSED
    assert ask(signer.token(now=NOW, issuer="https://elsewhere", token_use="id")) == REFUSED
    assert ask(signer.token(now=NOW, issuer=ISSUER, token_use="id"), signed_by=Signer()) == REFUSED
    assert ask(signer.token(now=NOW, issuer=ISSUER, token_use="id", exp="soon")) == REFUSED
    assert ask(signer.token(now=NOW, issuer=ISSUER, token_use="id"), providerARNs=["arn:aws:sqs:a:b:c"]) == REFUSED


def test_an_expired_token_is_told_apart_if_it_was_a_true_one(ask, signer):
    old = signer.token(now=NOW - 5000, issuer=ISSUER, token_use="id")
    assert ask(old) == ("UNAUTHORIZED", EXPIRED)
    assert ask(old, signed_by=Signer()) == REFUSED


def test_the_expression_of_an_authorizer_is_matched_with_the_audience(ask, signer):
    token = signer.token(now=NOW, issuer=ISSUER, token_use="id", aud="app-1")
    assert ask(token, identityValidationExpression="app-\\d")["aud"] == "app-1"
    assert ask(token, identityValidationExpression="app") == REFUSED


def test_a_pools_issuer_follows_from_its_arn():
    assert issuer_of(ARN) == ISSUER
    assert issuer_of("arn:aws:cognito-idp:eu-west-1:1:userpool/") == ""
