"""Who is let in by a policy, and that no policy that was taken can break the decision."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.services.lambda_ import policies
from samovar.services.lambda_.policies import Policy

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
ACTION = "lambda:InvokeFunctionUrl"
FACTS = {"lambda:FunctionUrlAuthType": "NONE"}


def admits(*statements: dict[str, Any]) -> bool:
    whole = [{"Effect": "Allow", "Principal": "*", "Action": ACTION, "Resource": ARN} | each for each in statements]
    return policies.admits(Policy({"Statement": whole}, "r"), ACTION, ARN, FACTS)


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["arn:aws:iam::111111111111:root", "*"]}},
        {"Action": "*"},
        {"Action": ["lambda:GetFunction", "LAMBDA:invoke*"]},
        {"Resource": "arn:aws:lambda:*:function:?"},
        {"Condition": {"StringEquals": {"Lambda:functionurlAuthType": ["AWS_IAM", "NONE"]}}},
        {"Condition": {"StringLike": {"lambda:FunctionUrlAuthType": "N*"}}},
    ],
)
def test_a_statement_for_everybody_lets_in(statement: dict[str, Any]) -> None:
    assert admits(statement)


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Action": "lambda:InvokeFunction"},
        {"Resource": f"{ARN}:live"},
        {"Effect": "Deny"},
        {"Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
    ],
)
def test_what_isnt_met_or_isnt_understood_lets_nobody_in(statement: dict[str, Any]) -> None:
    assert not admits(statement)


def test_a_denial_wins_and_one_that_isnt_understood_as_well() -> None:
    assert not admits({}, {"Effect": "Deny"})
    assert not admits({}, {"Effect": "Deny", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
    assert admits({}, {"Effect": "Deny", "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}})


def test_without_a_policy_nobody_is_let_in() -> None:
    assert not policies.admits(None, ACTION, ARN, FACTS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["*", "lambda:*", ARN]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["AWS", "Bool", "a"]), inner),
    max_leaves=6,
)
STATEMENT = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional=dict.fromkeys(("Sid", "Principal", "Action", "Resource", "Condition", "NotAction"), JSON),
)


@given(st.lists(STATEMENT, max_size=3) | STATEMENT | JSON)
def test_whatever_policy_is_taken_the_decision_is_made(statements: Any) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    try:
        document = policies.parsed(text, ARN)
    except AwsError as error:
        assert error.code == "InvalidParameterValueException"
        return
    policy = policies.replaced(document, "r")
    assert policies.admits(policy, ACTION, ARN, FACTS) in (True, False)
    more = policies.added(policy, {"Sid": "new", "Effect": "Deny", "Principal": "*", "Action": "*"}, "r2")
    assert not policies.admits(more, ACTION, ARN, FACTS)
    assert policies.removed(more, "new", "r3") is not None
