"""Buckets and their settings (facts/s3.md §0, §2, §10, §11)."""

import pytest


def test_creating_naming_and_listing(s3, bucket, refusal, make, client):
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert s3.create_bucket(Bucket=bucket)["Location"] == f"/{bucket}"
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    far = client("s3", region="eu-west-1")
    configuration = {"LocationConstraint": "eu-west-1"}
    other = make(CreateBucketConfiguration=configuration)
    assert far.get_bucket_location(Bucket=other)["LocationConstraint"] == "eu-west-1"
    assert refusal(far.create_bucket, Bucket=other, CreateBucketConfiguration=configuration)[:2] == (
        409, "BucketAlreadyOwnedByYou",
    )  # fmt: skip
    assert refusal(far.create_bucket, Bucket=f"{other}-2")[1] == "IllegalLocationConstraintException"
    bad = {"LocationConstraint": "us-east-1"}
    assert refusal(s3.create_bucket, Bucket=f"{other}-2", CreateBucketConfiguration=bad)[1] == (
        "InvalidLocationConstraint"
    )


@pytest.mark.parametrize("name", ["ab", "Upper", "under_score", "a..b", "-a-", "192.168.0.1", "xn--abc", "abc-s3alias"])
def test_names_that_cannot_be(raw, name):
    status, _, body = raw("PUT", f"/{name}", b"")
    assert status == 400 and b"<Code>InvalidBucketName</Code>" in body


def test_the_namespace_is_shared_by_all_accounts(s3, bucket, refusal, client):
    stranger = client("s3", account="210987654321")
    assert refusal(stranger.create_bucket, Bucket=bucket)[:2] == (409, "BucketAlreadyExists")
    assert bucket not in [each["Name"] for each in stranger.list_buckets()["Buckets"]]


def test_only_an_empty_bucket_goes(s3, bucket, refusal, make):
    s3.put_object(Bucket=bucket, Key="k")
    assert refusal(s3.delete_bucket, Bucket=bucket) == (
        409, "BucketNotEmpty", "The bucket you tried to delete is not empty",
    )  # fmt: skip
    versioned = make(versioning="Enabled")
    s3.put_object(Bucket=versioned, Key="k")
    s3.delete_object(Bucket=versioned, Key="k")
    assert refusal(s3.delete_bucket, Bucket=versioned)[1] == "BucketNotEmpty"


@pytest.mark.parametrize(
    ("read", "code"),
    [
        ("get_bucket_tagging", "NoSuchTagSet"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ],
)
def test_what_is_not_set(s3, bucket, refusal, read, code):
    assert refusal(getattr(s3, read), Bucket=bucket)[:2] == (404, code)


def test_what_a_new_bucket_has(s3, bucket):
    """Public access blocked, ACLs disabled, SSE-S3."""
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True} and len(blocked) == 4
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert [grant["Permission"] for grant in s3.get_bucket_acl(Bucket=bucket)["Grants"]] == ["FULL_CONTROL"]


def test_settings_are_kept_and_deleted(s3, bucket, refusal):
    tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": ""}]
    answer = s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    assert refusal(s3.get_bucket_tagging, Bucket=bucket)[1] == "NoSuchTagSet"
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5}]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == cors["CORSRules"]
    lifecycle = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 1}}]}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=lifecycle)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == lifecycle["Rules"]


def test_tags_that_cannot_be(s3, bucket, refusal):
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    assert refusal(s3.put_bucket_tagging, Bucket=bucket, Tagging=twice) == (
        400, "InvalidTag", "Cannot provide multiple Tags with the same key",
    )  # fmt: skip
    system = {"TagSet": [{"Key": "aws:a", "Value": "1"}]}
    assert refusal(s3.put_bucket_tagging, Bucket=bucket, Tagging=system)[1] == "InvalidTag"


def test_policies_are_checked(s3, bucket, refusal):
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy="no") == (
        400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'",
    )  # fmt: skip
    statement = '{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::%s/*"}'
    policy = f'{{"Statement": [{statement}]}}'
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=policy % "other")[2] == "Policy has invalid resource"
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=policy % bucket)[:2] == (403, "AccessDenied")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy % bucket)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == policy % bucket
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True


def test_acls_are_disabled(s3, bucket, refusal):
    assert refusal(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == (
        400, "AccessControlListNotSupported", "The bucket does not allow ACLs",
    )  # fmt: skip
    s3.put_bucket_acl(Bucket=bucket, ACL="private")


def test_what_is_not_there_says_so(s3, bucket, refusal):
    replication = {"Role": "arn:aws:iam::1:role/r", "Rules": []}
    assert refusal(s3.put_bucket_replication, Bucket=bucket, ReplicationConfiguration=replication)[:2] == (
        501, "NotImplemented",
    )  # fmt: skip
