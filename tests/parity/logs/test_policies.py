"""Resource policies of an account (facts/cloudwatch.md §1, §2, §9)."""

import json

import pytest
from botocore.exceptions import ClientError

STATEMENT = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:*", "Resource": "*"}
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})


@pytest.fixture
def logs(client):
    return client("logs")


def refusal(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_policies_are_put_replaced_listed_and_deleted(logs):
    for name in ("b", "a", "b"):
        put = logs.put_resource_policy(policyName=name, policyDocument=DOCUMENT)["resourcePolicy"]
        assert (put["policyName"], put["policyDocument"], put["policyScope"]) == (name, DOCUMENT, "ACCOUNT")
    first = logs.describe_resource_policies(limit=1)
    rest = logs.describe_resource_policies(nextToken=first["nextToken"])
    assert [each["policyName"] for each in first["resourcePolicies"] + rest["resourcePolicies"]] == ["a", "b"]
    assert "nextToken" not in rest
    logs.delete_resource_policy(policyName="a")
    assert [each["policyName"] for each in logs.describe_resource_policies()["resourcePolicies"]] == ["b"]


def test_what_is_refused(logs):
    gone = refusal(logs.delete_resource_policy, policyName="x")
    assert gone == ("ResourceNotFoundException", "Policy with name [x] does not exist.")
    for document in ("{", "[]", json.dumps({"Statement": [{"Effect": "Maybe"}]}), DOCUMENT + " " * 5200):
        code, _ = refusal(logs.put_resource_policy, policyName="x", policyDocument=document)
        assert code == "InvalidParameterException"
    for number in range(10):
        logs.put_resource_policy(policyName=str(number), policyDocument=DOCUMENT)
    full = refusal(logs.put_resource_policy, policyName="eleventh", policyDocument=DOCUMENT)
    assert full == ("LimitExceededException", "Resource limit exceeded.")
