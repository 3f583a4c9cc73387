"""Taking on a role with a token that an OpenID Connect provider signed (facts/iam.md §3)."""

import asyncio
import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from samovar.core.clock import FakeClock
from samovar.core.context import Acting
from samovar.core.errors import AwsError
from samovar.services import iam, sts
from samovar.store.sqlite import open_store
from samovar.store.vault import Vault

A = "111111111111"
ISSUER = "https://id.example.com/realm"
ROLE = f"arn:aws:iam::{A}:role/web"
RSA = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def b64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwks():
    public, point = RSA.public_key().public_numbers(), CURVE.public_key().public_numbers()
    return {"keys": [
        {"kty": "RSA", "kid": "r", "n": number(public.n), "e": number(public.e)},
        {"kty": "EC", "kid": "e", "crv": "P-256", "x": number(point.x), "y": number(point.y)},
    ]}  # fmt: skip


def token(clock, kid="r", algorithm=None, **claims):
    algorithm = algorithm or {"r": "RS256", "e": "ES256"}[kid]
    given = {"iss": ISSUER, "aud": "app", "sub": "repo:me", "exp": clock.now() + 60, **claims}
    head, body = ({"alg": algorithm, "kid": kid}, given)
    text = ".".join(b64(json.dumps(part).encode()) for part in (head, body))
    if algorithm == "none":
        return text + "."
    if kid == "r":
        signature = RSA.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = utils.decode_dss_signature(CURVE.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return f"{text}.{b64(signature)}"


class House:
    def __init__(self):
        self.clock = FakeClock()
        self.fetched = []

    async def get(self, url):
        self.fetched.append(url)
        if url.endswith("/.well-known/openid-configuration"):
            return json.dumps({"jwks_uri": f"{ISSUER}/keys"}).encode()
        return json.dumps(jwks()).encode()

    async def open(self):
        self.store = await open_store(None)
        vault = Vault.open(None)
        service, directory, _ = await iam.build(self.store, self.clock, vault)
        self.sts, self.sessions = sts.build(
            directory, self.clock, vault, iam.account_of, iam.access_key_id, self.get
        )
        self.ctx = Acting()(A, "us-east-1", f"arn:aws:iam::{A}:root")
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": f"arn:aws:iam::{A}:oidc-provider/id.example.com/realm"},
            "Condition": {"StringLike": {"id.example.com/realm:sub": "repo:*"},
                          "StringEquals": {"id.example.com/realm:aud": "app"}},
        }]}  # fmt: skip
        await service.operations["createopenidconnectprovider"](self.ctx, {"Url": ISSUER, "ClientIDList": ["app"]})
        made = {"RoleName": "web", "AssumeRolePolicyDocument": json.dumps(trust)}
        await service.operations["createrole"](self.ctx, made)

    async def ask(self, web_token):
        params = {"RoleArn": ROLE, "RoleSessionName": "build", "WebIdentityToken": web_token}
        return await self.sts.operations["assumerolewithwebidentity"](self.ctx, params)


def run(test):
    async def whole():
        house = House()
        await house.open()
        try:
            await test(house)
        finally:
            await house.store.close()

    asyncio.run(whole())


@pytest.mark.parametrize("kid", ["r", "e"])
def test_a_signed_token_takes_on_the_role_that_trusts_its_subject(kid):
    async def test(house):
        answer = await house.ask(token(house.clock, kid))
        assert answer["SubjectFromWebIdentityToken"] == "repo:me" and answer["Audience"] == "app"
        assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{A}:assumed-role/web/build"
        given = answer["Credentials"]
        session = house.sessions.read(given["AccessKeyId"], given["SessionToken"])
        assert session.provider.endswith("oidc-provider/id.example.com/realm") and session.role
        await house.ask(token(house.clock, kid))
        assert len(house.fetched) == 2, "keys are remembered"

    run(test)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda clock: token(clock, exp=clock.now() - 1), "ExpiredTokenException"),
        (lambda clock: token(clock, aud="another"), "InvalidIdentityToken"),
        (lambda clock: token(clock, sub="user:me"), "AccessDeniedException"),
        (lambda clock: token(clock, iss="https://evil.example.com"), "InvalidIdentityToken"),
        (lambda clock: token(clock, algorithm="none"), "InvalidIdentityToken"),
        (lambda clock: token(clock)[:-8] + "AAAAAAAA", "InvalidIdentityToken"),
        (lambda clock: token(clock, "e", "RS256"), "InvalidIdentityToken"),
        (lambda clock: "not.a.token", "InvalidIdentityToken"),
        (lambda clock: "x", "InvalidIdentityToken"),
    ],
)
def test_every_other_token_is_refused(change, code):
    async def test(house):
        with pytest.raises(AwsError) as refused:
            await house.ask(change(house.clock))
        assert refused.value.code == code

    run(test)
