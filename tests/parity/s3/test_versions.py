"""Versioning, delete markers, object lock (facts/s3.md §0.4, §0.5, §5, §8)."""

from datetime import UTC, datetime, timedelta

import pytest


@pytest.fixture
def put(s3):
    return lambda bucket, key, body: s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId")


def test_every_write_is_a_version(s3, versioned, put, refusal):
    first, second = put(versioned, "k", b"1"), put(versioned, "k", b"2")
    assert first != second and len(first) == 32
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == second
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=first)["Body"].read() == b"1"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"1"


def test_a_delete_marker_hides_and_its_removal_shows_again(s3, versioned, put, raw):
    put(versioned, "k", b"1")
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True
    status, headers, body = raw("GET", f"/{versioned}/k")
    assert (status, headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == (404, "true", marker["VersionId"])
    assert b"<Code>NoSuchKey</Code>" in body
    status, headers, body = raw("GET", f"/{versioned}/k?versionId={marker['VersionId']}")
    assert (status, headers["allow"], headers["x-amz-delete-marker"]) == (405, "DELETE", "true")
    assert b"<Code>MethodNotAllowed</Code>" in body and "last-modified" in headers
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, marker["VersionId"])
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"1"


def test_deleting_what_never_was_leaves_a_marker(s3, versioned):
    assert s3.delete_object(Bucket=versioned, Key="never")["DeleteMarker"] is True
    assert [each["Key"] for each in s3.list_object_versions(Bucket=versioned)["DeleteMarkers"]] == ["never"]


def test_version_ids_that_never_were(s3, versioned, bucket, put, refusal):
    """One that S3 gave and that has gone is another matter than one that it never gave."""
    id = put(versioned, "k", b"1")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=id)
    named = {"Bucket": versioned, "Key": "k"}
    assert refusal(s3.get_object, **named, VersionId=id)[:2] == (404, "NoSuchVersion")
    assert s3.delete_object(**named, VersionId=id)["ResponseMetadata"]["HTTPStatusCode"] == 204
    changed = ("a" if id[0] != "a" else "b") + id[1:]
    for call in (s3.get_object, s3.delete_object):
        assert refusal(call, **named, VersionId=changed) == (400, "InvalidArgument", "Invalid version id specified")
    assert refusal(s3.delete_object, Bucket=bucket, Key="k", VersionId=id)[1] == "InvalidArgument"
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k", "VersionId": changed}]})
    assert [error["Code"] for error in answer["Errors"]] == ["NoSuchVersion"]


def test_suspended_versioning_replaces_the_null_version(s3, versioned, put, refusal):
    kept = put(versioned, "k", b"1")
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    assert put(versioned, "k", b"2") is None
    assert put(versioned, "k", b"3") is None
    versions = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [(each["VersionId"], each["IsLatest"]) for each in versions] == [("null", True), (kept, False)]
    assert s3.delete_object(Bucket=versioned, Key="k")["VersionId"] == "null"
    assert refusal(s3.get_object, Bucket=versioned, Key="k", VersionId="null")[0] == 405
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=kept)["Body"].read() == b"1"


def test_what_was_there_before_versioning_has_the_id_null(s3, bucket, put):
    put(bucket, "k", b"1")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(bucket, "k", b"2")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"1"


def test_many_objects_are_deleted_at_once(s3, versioned, bucket, put, refusal):
    put(bucket, "a", b"1")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "none"}]})
    assert answer["Deleted"] == [{"Key": "a"}, {"Key": "none"}]
    put(versioned, "a", b"1")
    [deleted] = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "a"}]})["Deleted"]
    assert deleted["DeleteMarker"] is True
    marker = {"Key": "a", "VersionId": deleted["DeleteMarkerVersionId"]}
    [removed] = s3.delete_objects(Bucket=versioned, Delete={"Objects": [marker]})["Deleted"]
    assert removed == {**marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker["VersionId"]}
    quiet = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "a"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert refusal(s3.delete_objects, Bucket=bucket, Delete={"Objects": []})[1] == "MalformedXML"


def test_an_object_has_at_most_ten_tags_which_can_be_replaced_and_deleted(s3, bucket, put, refusal):
    put(bucket, "k", b"1")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    eleven = [{"Key": str(n), "Value": ""} for n in range(11)]
    assert refusal(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging={"TagSet": eleven}) == (
        400, "BadRequest", "Object tags cannot be greater than 10",
    )  # fmt: skip
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_locked_versions_stay(s3, make, refusal, platform):
    bucket = make(ObjectLockEnabledForBucket=True)
    until = datetime.fromtimestamp(platform.now(), UTC) + timedelta(days=1)
    id = s3.put_object(
        Bucket=bucket, Key="k", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until
    )["VersionId"]  # fmt: skip
    named = {"Bucket": bucket, "Key": "k", "VersionId": id}
    assert refusal(s3.delete_object, **named) == (
        403, "AccessDenied", "Access Denied because object protected by object lock.",
    )  # fmt: skip
    assert s3.delete_object(Bucket=bucket, Key="k")["DeleteMarker"] is True
    s3.put_object_legal_hold(**named, LegalHold={"Status": "ON"})
    assert refusal(s3.delete_object, **named, BypassGovernanceRetention=True)[0] == 403
    s3.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})
    assert s3.get_object_retention(**named)["Retention"]["Mode"] == "GOVERNANCE"
    s3.delete_object(**named, BypassGovernanceRetention=True)
    assert refusal(s3.get_object, **named)[1] == "NoSuchVersion"


def test_locks_need_a_bucket_that_has_them(s3, bucket, put, refusal):
    put(bucket, "k", b"1")
    hold = {"Bucket": bucket, "Key": "k", "LegalHold": {"Status": "ON"}}
    assert refusal(s3.put_object_legal_hold, **hold) == (
        400, "InvalidRequest", "Bucket is missing Object Lock Configuration",
    )  # fmt: skip
