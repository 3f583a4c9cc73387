"""What makes a token valid (facts/apigateway.md §9)."""

import asyncio
import json

import pytest
from tokens import AUDIENCE, ISSUER, Signer

from samovar.core.clock import SystemClock
from samovar.web import jwt

NOW = 1_700_000_000.0


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


def checked(signer: Signer, token: str) -> jwt.Token:
    read = jwt.read(token)
    jwt.check(read, jwt.key_set(signer.jwks()), ISSUER, [AUDIENCE], NOW)
    return read


def refusal(signer: Signer, token: str) -> str:
    with pytest.raises(jwt.Invalid) as wrong:
        checked(signer, token)
    return str(wrong.value)


def test_a_token_that_its_issuer_signed_counts(signer):
    assert checked(signer, signer.token(now=NOW, sub="me")).claims["sub"] == "me"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": NOW - 1}, "the token has expired"),
        ({"exp": None}, "the token has expired"),
        ({"exp": True}, "the token has expired"),
        ({"nbf": NOW + 60}, "the token is not valid yet"),
        ({"iat": NOW + 60}, "the token was used before it was issued"),
        ({"aud": "somebody else"}, "the token does not have a valid audience"),
        ({"aud": None, "client_id": AUDIENCE}, "the token does not have a valid audience"),
        ({"iss": "https://elsewhere.example"}, "the issuer is invalid"),
    ],
)
def test_claims_that_do_not_fit_are_refused(signer, claims, why):
    assert refusal(signer, signer.token(now=NOW, **claims)) == why


def test_the_client_id_stands_in_for_an_audience_that_is_absent(signer):
    checked(signer, signer.token(now=NOW, without=("aud",), client_id=AUDIENCE))


def test_one_of_several_audiences_is_enough(signer):
    checked(signer, signer.token(now=NOW, aud=["other", AUDIENCE]))


def test_somebody_elses_signature_is_refused(signer):
    assert refusal(signer, Signer().token(now=NOW)) == "invalid signature"


def test_changed_claims_are_refused(signer):
    first, _, third = signer.token(now=NOW).split(".")
    _, forged, _ = Signer().token(now=NOW, sub="root").split(".")
    assert refusal(signer, f"{first}.{forged}.{third}") == "invalid signature"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "", 5])
def test_only_rsa_signatures_count(signer, algorithm):
    with pytest.raises(jwt.Invalid):
        jwt.read(signer.token(now=NOW, algorithm=algorithm))


@pytest.mark.parametrize("text", ["", "a.b.c", "a", "....", "e30.e30", "x" * 9000, "é.é.é"])
def test_what_is_no_token(text):
    with pytest.raises(jwt.Invalid):
        jwt.read(text)


def test_claims_are_spoken_as_text():
    assert jwt.spoken(["a", 1, True]) == "[a 1 true]"
    assert jwt.spoken({"b": 1, "a": ["x"]}) == "map[a:[x] b:1]"


def test_scopes_may_be_texts_or_lists():
    assert jwt.scopes({"scope": "a b"}) == ["a", "b"]
    assert jwt.scopes({"scp": ["a", "b"]}) == ["a", "b"]
    assert jwt.scopes({}) == []


def test_keys_are_fetched_once_and_again_for_a_key_that_is_new(signer):
    asked: list[str] = []
    documents = {"https://i/.well-known/openid-configuration": b'{"jwks_uri": "https://i/keys"}', "https://i/keys": b""}

    async def get(url: str) -> bytes:
        asked.append(url)
        return documents[url]

    async def run() -> None:
        documents["https://i/keys"] = signer.jwks()
        clock = _Clock()
        ring = jwt.Keyring(clock, get)

        async def find(kid: str) -> list[jwt.Key]:
            found: asyncio.Future[list[jwt.Key]] = asyncio.get_running_loop().create_future()
            ring.find("https://i/", kid, found.set_result)
            return await found

        assert await find("") == []
        assert len(await find(signer.kid)) == 1
        assert len(await find(signer.kid)) == 1
        assert len(asked) == 2
        assert await find("new") == []
        assert len(asked) == 2  # not so soon
        clock.ahead = 6
        turned = json.loads(signer.jwks())
        turned["keys"][0]["kid"] = "new"
        documents["https://i/keys"] = json.dumps(turned).encode()
        assert len(await find("new")) == 1
        assert len(asked) == 4
        await ring.close()

    asyncio.run(run())


def test_an_issuer_that_does_not_answer_lets_nobody_in():
    async def get(url: str) -> bytes:
        raise ValueError(url)

    async def run() -> list[jwt.Key]:
        found: asyncio.Future[list[jwt.Key]] = asyncio.get_running_loop().create_future()
        jwt.Keyring(SystemClock(), get).find("https://i", "", found.set_result)
        return await found

    assert asyncio.run(run()) == []


class _Clock(SystemClock):
    ahead = 0.0

    def monotonic(self) -> float:  # type: ignore[override]
        return 1000.0 + self.ahead
