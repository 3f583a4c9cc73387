"""XML bodies of rest-xml services."""

import pytest

from samovar.core.errors import AwsError
from samovar.wire.model import Models

LABELS = {"Bucket": "b", "Key": "k"}


def test_a_payload_is_read_whatever_its_namespace(models: Models) -> None:
    for namespace in ("", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'):
        root = "CreateBucketConfiguration"
        body = f"<{root}{namespace}><LocationConstraint>eu-west-1</LocationConstraint></{root}>"
        params = models["s3"].operation("CreateBucket").parse({"Bucket": "b"}, "", {}, body.encode())
        assert params["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}


def test_flattened_lists_are_read_and_written(models: Models) -> None:
    body = b"<Delete><Object><Key>a</Key></Object><Quiet>true</Quiet><Object><Key>b</Key></Object></Delete>"
    params = models["s3"].operation("DeleteObjects").parse({"Bucket": "b"}, "delete", {}, body)
    assert params["Delete"] == {"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": True}
    answer = models["s3"].operation("DeleteObjects").serialize({"Deleted": [{"Key": "a"}, {"Key": "b"}]}, "r")
    assert b"<Deleted><Key>a</Key></Deleted><Deleted><Key>b</Key></Deleted>" in answer.body


def test_attributes_come_with_their_namespace(models: Models) -> None:
    grants = {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "1"}, "Permission": "READ"}]}
    answer = models["s3"].operation("GetBucketAcl").serialize(grants, "r")
    grantee = (
        b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>1</ID></Grantee>'
    )
    assert grantee in answer.body
    policy = (
        b"<AccessControlPolicy><AccessControlList><Grant>"
        + grantee
        + b"</Grant></AccessControlList></AccessControlPolicy>"
    )
    params = models["s3"].operation("PutBucketAcl").parse({"Bucket": "b"}, "acl", {}, policy)
    assert params["AccessControlPolicy"]["Grants"] == [{"Grantee": {"Type": "CanonicalUser", "ID": "1"}}]


@pytest.mark.parametrize("body", [b"<a>", b"nope", b'<!DOCTYPE a [<!ENTITY e "x">]><Delete>&e;</Delete>', b"\xff"])
def test_what_is_no_plain_xml_is_malformed(models: Models, body: bytes) -> None:
    with pytest.raises(AwsError, match="MalformedXML"):
        models["s3"].operation("DeleteObjects").parse({"Bucket": "b"}, "delete", {}, body)


def test_s3_errors_have_error_as_their_root(models: Models) -> None:
    answer = models["s3"].operation("GetObject").serialize_error(AwsError("NoSuchBucket", "No.", BucketName="b"), "r")
    assert answer.status == 404
    start = b"<Error><Code>NoSuchBucket</Code><Message>No.</Message><BucketName>b</BucketName><RequestId>"
    assert start in answer.body and answer.body.endswith(b"</HostId></Error>")
