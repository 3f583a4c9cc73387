"""What a function's word lets in, and how long it counts."""

import asyncio
import json

import pytest

from samovar.core.clock import FakeClock
from samovar.core.context import Context
from samovar.policy.rules import facts
from samovar.web.functions import Ran
from samovar.web.lambda_authorizer import (
    Failure,
    LambdaAuthorizers,
    Malformed,
    Question,
    Verdict,
    read_policy,
    read_policy_or_simple,
)

ARN = "arn:aws:execute-api:us-east-1:123456789012:api/dev/GET/"


def answer(effect: str = "Allow", resource: object = "*", **more: object) -> bytes:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return json.dumps({"principalId": "me", "policyDocument": document} | more).encode()


def verdict(payload: bytes, path: str) -> Verdict:
    return read_policy(payload).verdict(ARN + path, facts({}))


def test_a_star_in_a_resource_matches_across_slashes():
    payload = answer(resource=[f"{ARN}pets/*"])
    assert verdict(payload, "pets/1/toys") is Verdict.ALLOWED
    assert verdict(payload, "people") is Verdict.NOT_ALLOWED


def test_a_deny_is_more_than_nothing_that_allows():
    assert verdict(answer("Deny", [f"{ARN}pets/*"]), "pets/1") is Verdict.DENIED


def test_a_policy_that_lists_no_resource_allows_nothing():
    """As Chalice's `AuthResponse(routes=[])` has it: the caller is refused with 403, nothing is misconfigured."""
    assert verdict(answer(resource=[]), "pets/1") is Verdict.NOT_ALLOWED
    assert verdict(answer("Deny", []), "pets/1") is Verdict.NOT_ALLOWED


def test_rest_context_arrives_as_strings():
    grant = read_policy(answer(context={"a": 1, "b": True, "c": "x", "d": 1.5}, usageIdentifierKey="k"))
    assert grant.context == {"a": "1", "b": "true", "c": "x", "d": "1.5"}
    assert (grant.principal, grant.usage_key) == ("me", "k")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b'"Allow"',
        b"[]",
        b"{}",
        answer(principalId=""),
        answer(principalId=7),
        answer(policyDocument=None),
        answer(policyDocument={"Statement": [{"Effect": "Allow"}]}),
        answer("allow"),
        answer(policyDocument={"Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke"}]}),
        answer(context={"a": {"nested": 1}}),
        answer(context=["a"]),
        answer(context={"a": "x" * 9000}),
        b'{"principalId": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_cant_be_read_lets_nobody_in(payload):
    with pytest.raises(Malformed):
        read_policy(payload)


def test_the_simple_form_keeps_the_types_of_its_context():
    grant = read_policy_or_simple(b'{"isAuthorized": true, "context": {"a": [1], "b": null}}', simple=True)
    assert grant.verdict(ARN, facts({})) is Verdict.ALLOWED
    assert grant.context == {"a": [1]}
    refused = read_policy_or_simple(b'{"isAuthorized": false}', simple=True)
    assert refused.verdict(ARN, facts({})) is Verdict.NOT_ALLOWED
    with pytest.raises(Malformed):
        read_policy_or_simple(b'{"isAuthorized": "true"}', simple=True)


class Functions:
    """Answers at once with what it holds."""

    def __init__(self, ran: Ran) -> None:
        self.ran = ran
        self.asked: list[bytes] = []

    def run(self, ctx, arn, payload, done):
        self.asked.append(payload)
        done(self.ran)


def ask(authorizers, cache=("api", "dev", "token"), ttl_s=300):
    heard = []

    async def asking():
        ctx = Context("123456789012", "us-east-1", "r", "p", "", None)
        authorizers.ask(Question(ctx, "arn", lambda: b"event", read_policy, cache, ttl_s), heard.append)

    asyncio.run(asking())
    return heard[0]


def test_an_answer_counts_for_its_identity_until_its_time_is_over():
    clock, functions = FakeClock(), Functions(Ran(answer()))
    authorizers = LambdaAuthorizers(functions, clock)
    for cache in (("api", "dev", "a"), ("api", "dev", "a"), ("api", "dev", "b")):
        assert ask(authorizers, cache).principal == "me"
    assert len(functions.asked) == 2
    clock.advance(300)
    ask(authorizers, ("api", "dev", "a"))
    assert len(functions.asked) == 3


def test_without_a_time_to_live_or_an_identity_nothing_is_remembered():
    functions = Functions(Ran(answer()))
    authorizers = LambdaAuthorizers(functions, FakeClock())
    for cache, ttl_s in ((("a",), 0), (("a",), 0), (None, 300), (None, 300)):
        ask(authorizers, cache, ttl_s)
    assert len(functions.asked) == 4


def test_what_was_said_for_a_stage_can_be_forgotten():
    functions = Functions(Ran(answer()))
    authorizers = LambdaAuthorizers(functions, FakeClock())
    ask(authorizers, ("api", "dev", "a"))
    ask(authorizers, ("api", "live", "a"))
    authorizers.forget("api", "dev")
    ask(authorizers, ("api", "dev", "a"))
    ask(authorizers, ("api", "live", "a"))
    assert len(functions.asked) == 3


@pytest.mark.parametrize(
    ("ran", "failure"),
    [
        (Ran(b'{"errorMessage": "Unauthorized"}', "Error"), Failure.UNAUTHORIZED),
        (Ran(b'{"errorMessage": "Unauthorized!"}', "Error"), Failure.FAILED),
        (Ran(b"", "AccessDeniedException", True), Failure.FAILED),
        (Ran(b"{}"), Failure.MALFORMED),
    ],
)
def test_failures_are_told_apart_and_never_remembered(ran, failure):
    functions = Functions(ran)
    authorizers = LambdaAuthorizers(functions, FakeClock())
    assert [ask(authorizers), ask(authorizers)] == [failure, failure]
    assert len(functions.asked) == 2
