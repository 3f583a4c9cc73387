"""Lifecycle rules, with the clock moved (facts/s3.md §10)."""

import time

import pytest

DAY_S = 86_400


@pytest.fixture(scope="module")
def platform(platforms):
    """A server of its own: these tests take months."""
    running = platforms("--ephemeral", "--allow-clock")
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture
def s3(platform):
    return platform.client("s3")


@pytest.fixture
def rule(s3):
    def rule(bucket, **parts):
        rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "old/"}, **parts}]
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    return rule


@pytest.fixture
def keys(s3):
    return lambda bucket: [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.fixture
def until():
    def until(condition):
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return until


def test_objects_expire_at_the_midnight_after_their_days(s3, bucket, rule, keys, platform, until):
    rule(bucket, Expiration={"Days": 1})
    told = s3.put_object(Bucket=bucket, Key="old/a")["Expiration"]
    assert 'rule-id="r"' in told and "00:00:00 GMT" in told
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="new/a")
    assert s3.head_object(Bucket=bucket, Key="old/a")["Expiration"] == told
    platform.advance(3 * DAY_S)
    until(lambda: keys(bucket) == ["new/a"])


def test_in_a_versioned_bucket_they_are_hidden_and_old_versions_go(s3, versioned, rule, platform, until, refusal):
    rule(versioned, Expiration={"Days": 1}, NoncurrentVersionExpiration={"NoncurrentDays": 3})
    first = s3.put_object(Bucket=versioned, Key="old/a", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="old/a", Body=b"2")["VersionId"]
    platform.advance(2 * DAY_S)
    until(lambda: s3.list_object_versions(Bucket=versioned).get("DeleteMarkers"))
    assert s3.get_object(Bucket=versioned, Key="old/a", VersionId=second)["Body"].read() == b"2"
    platform.advance(5 * DAY_S)
    until(lambda: "Versions" not in s3.list_object_versions(Bucket=versioned))
    assert refusal(s3.get_object, Bucket=versioned, Key="old/a", VersionId=first)[1] == "NoSuchVersion"


def test_uploads_that_nobody_completes_end(s3, bucket, rule, platform, until):
    rule(bucket, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})
    s3.create_multipart_upload(Bucket=bucket, Key="old/a")
    kept = s3.create_multipart_upload(Bucket=bucket, Key="new/a")["UploadId"]
    platform.advance(3 * DAY_S)
    until(lambda: [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["new/a"])
    s3.abort_multipart_upload(Bucket=bucket, Key="new/a", UploadId=kept)


def test_a_class_changes(s3, bucket, rule, platform, until):
    rule(bucket, Transitions=[{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}])
    s3.put_object(Bucket=bucket, Key="old/a")
    platform.advance(32 * DAY_S)
    until(lambda: s3.head_object(Bucket=bucket, Key="old/a").get("StorageClass") == "STANDARD_IA")
    platform.advance(31 * DAY_S)
    until(lambda: s3.head_object(Bucket=bucket, Key="old/a").get("StorageClass") == "GLACIER")


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"Expiration": {"Days": 1}, "Status": "On"}, "MalformedXML"),
        ({}, "InvalidRequest"),
    ],
)
def test_rules_that_cannot_be(s3, bucket, refusal, parts, code):
    rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **parts}]
    configuration = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": rules}}
    assert refusal(s3.put_bucket_lifecycle_configuration, **configuration)[1] == code
