"""STS through boto3 (facts/iam.md §3)."""

import urllib.request


def test_get_caller_identity_answers_as_the_root_of_the_account_that_the_access_key_names(client, account):
    answer = client("sts").get_caller_identity()
    del answer["ResponseMetadata"]
    assert answer == {"UserId": account, "Account": account, "Arn": f"arn:aws:iam::{account}:root"}


def test_an_access_key_that_is_no_account_means_the_default_account(client):
    assert client("sts", account="test").get_caller_identity()["Account"] == "000000000000"


def test_get_caller_identity_can_be_asked_with_the_query_protocol_by_hand(endpoint):
    request = urllib.request.Request(
        endpoint,
        data=b"Action=GetCallerIdentity&Version=2011-06-15",
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": "AWS4-HMAC-SHA256 Credential=123456789012/20261122/us-east-1/sts/aws4_request, "
            "SignedHeaders=host, Signature=00",
        },
    )
    with urllib.request.urlopen(request) as response:
        body = response.read().decode()
    assert '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' in body
    assert "<Arn>arn:aws:iam::123456789012:root</Arn>" in body
