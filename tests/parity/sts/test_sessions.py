"""Temporary credentials and what they carry (facts/iam.md §3)."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def role(client, account):
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = client("iam")
    return iam.create_role(RoleName="r", AssumeRolePolicyDocument=document, MaxSessionDuration=7200)["Role"]


@pytest.fixture
def within(endpoint):
    made = []

    def make(credentials):
        made.append(
            boto3.client(
                "sts", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"], aws_session_token=credentials["SessionToken"],
            )
        )  # fmt: skip
        return made[-1]

    yield make
    for each in made:
        each.close()


def refused(call, **params):
    with pytest.raises(ClientError) as error:
        call(**params)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_role_is_taken_on_and_the_session_knows_itself(client, within, role, account):
    answer = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="me", SourceIdentity="ada")
    assert answer["SourceIdentity"] == "ada" and "PackedPolicySize" not in answer
    who = within(answer["Credentials"]).get_caller_identity()
    assert who["UserId"] == f"{role['RoleId']}:me" and who["Account"] == account
    assert who["Arn"] == f"arn:aws:sts::{account}:assumed-role/r/me"


def test_durations_are_bounded_by_the_role_and_in_chains_by_an_hour(client, within, role):
    ask = {"RoleArn": role["Arn"], "RoleSessionName": "me"}
    longer = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    assert refused(client("sts").assume_role, **ask, DurationSeconds=7201) == ("ValidationError", longer)
    chained = within(client("sts").assume_role(**ask, DurationSeconds=7200)["Credentials"])
    message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    assert refused(chained.assume_role, **ask, DurationSeconds=3601) == ("ValidationError", message)
    assert chained.assume_role(**ask)["Credentials"]


def test_what_is_no_role_arn_and_no_session_name(client, role):
    assert refused(client("sts").assume_role, RoleArn="nothing-valid-in-here", RoleSessionName="me") == (
        "ValidationError", "nothing-valid-in-here is invalid",
    )  # fmt: skip
    assert refused(client("sts").assume_role, RoleArn=role["Arn"], RoleSessionName="Session1:2") == (
        "ValidationError",
        "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member "
        "must satisfy regular expression pattern: [\\w+=,.@-]*",
    )


def test_transitive_tags_pass_along_chains_and_cant_be_set_again(client, within, role):
    ask = {"RoleArn": role["Arn"], "RoleSessionName": "me"}
    tags = [{"Key": "Project", "Value": "p"}]
    absent = refused(client("sts").assume_role, **ask, Tags=tags, TransitiveTagKeys=["Other"])
    assert absent == (
        "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.",
    )  # fmt: skip
    first = within(client("sts").assume_role(**ask, Tags=tags, TransitiveTagKeys=["Project"])["Credentials"])
    again = refused(first.assume_role, **ask, Tags=[{"Key": "project", "Value": "x"}], TransitiveTagKeys=["project"])
    assert again[0] == "InvalidParameterValue" and "conflicts with a transitive tag key" in again[1]
    assert first.assume_role(**ask)["Credentials"]


def test_federated_users_and_session_tokens(client, within, account):
    sts = client("sts")
    federated = sts.get_federation_token(Name="bob")
    assert federated["FederatedUser"]["Arn"] == f"arn:aws:sts::{account}:federated-user/bob"
    assert federated["PackedPolicySize"] == 0
    session = within(sts.get_session_token()["Credentials"])
    assert session.get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"
    assert refused(session.get_session_token)[0] == "AccessDenied"
    bad = refused(sts.get_federation_token, Name="bob", Policy="{")
    assert bad == ("MalformedPolicyDocument", "This policy contains invalid Json")
