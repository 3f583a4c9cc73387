"""Code that stays in its bucket (S3ObjectStorageMode=REFERENCE), with a real S3 beside it: the developer guide's page
on self-managed S3 code storage."""

import json
import sys
import time

import pytest
from botocore.exceptions import ClientError

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
CODE = "def handler(event, context):\n    return {!r}\n"


@pytest.fixture
def stand(tmp_path, platforms):
    """Starts the server, again and again, on the same data."""
    running = []

    def start(*flags):
        running.append(platforms("--data-dir", str(tmp_path), "--allow-clock", *flags))
        return running[-1]

    yield start
    running[-1].kill()


def settle(aws, name="f"):
    for waiter in ("function_active_v2", "function_updated_v2"):
        aws.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})


def test_code_stays_in_its_bucket_over_kills_and_goes_with_it(stand, tmp_path):
    server = stand()
    aws, s3 = server.client("lambda"), server.client("s3")
    where = {"S3Bucket": "depot", "S3Key": "a/code é.zip", "S3ObjectStorageMode": "REFERENCE"}
    s3.create_bucket(Bucket="depot")
    function = {"FunctionName": "f", "Runtime": RUNTIME, "Handler": "h.handler"}
    function["Role"] = "arn:aws:iam::123456789012:role/r"
    s3.put_object(Bucket="depot", Key=where["S3Key"], Body=server.package(CODE.format("none")))
    with pytest.raises(ClientError, match="enable versioning"):
        aws.create_function(Code=where, **function)
    s3.put_bucket_versioning(Bucket="depot", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="depot", Key=where["S3Key"], Body=server.package(CODE.format("one")))["VersionId"]
    aws.create_function(Code=where, **function)
    settle(aws)
    s3.put_object(Bucket="depot", Key=where["S3Key"], Body=server.package(CODE.format("two")))
    answer = server.function("f")
    assert answer().result == "one"
    code = aws.get_function(FunctionName="f")["Code"]
    assert code["ResolvedS3Object"] == {"S3Bucket": "depot", "S3Key": where["S3Key"], "S3ObjectVersion": first}
    assert aws.get_account_settings()["AccountUsage"]["TotalCodeSize"] == 0
    assert list((tmp_path / "code").glob("??/*")) == []

    server.kill()
    for tree in (tmp_path / "trees").iterdir():  # as if a cache had been cleared
        tree.rename(tmp_path / f"gone-{tree.name}")
    server = stand()
    aws, s3 = server.client("lambda"), server.client("s3")
    settle(aws)
    assert server.function("f")().result == "one"

    s3.delete_object(Bucket="depot", Key=where["S3Key"], VersionId=first)
    said = aws.get_function(FunctionName="f")["Code"]["Error"]
    assert said["ErrorCode"] == "NoSuchVersion"
    server.advance(60)
    deadline = time.monotonic() + 60
    while (shown := aws.get_function_configuration(FunctionName="f"))["State"] == "Active":
        assert time.monotonic() < deadline
    assert shown["State"] == "Inactive"
    with pytest.raises(aws.exceptions.ResourceConflictException, match="Inactive"):
        aws.invoke(FunctionName="f")
    aws.update_function_code(FunctionName="f", **where)
    settle(aws)
    assert server.function("f")().result == "two"


def test_a_function_references_a_bucket_of_another_region_and_another_account(client, account, platform):
    """Functions and layers may have their source code in buckets of different accounts and of different
    Regions."""
    name, aws = f"far-{account}", client("lambda")
    far = client("s3", region="eu-west-1", account="999999999999")
    far.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    far.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    far.put_object(Bucket=name, Key="k", Body=platform.package(CODE.format("far")))
    far.put_object(Bucket=name, Key="l", Body=platform.package({"brought.py": ""}))
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    far.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    mode = {"S3Bucket": name, "S3ObjectStorageMode": "REFERENCE"}
    layer = aws.publish_layer_version(LayerName="l", Content={"S3Key": "l", **mode})
    assert layer["Content"]["ResolvedS3Object"]["S3Bucket"] == name
    role = f"arn:aws:iam::{account}:role/r"
    aws.create_function(
        FunctionName="f",
        Runtime=RUNTIME,
        Handler="h.handler",
        Role=role,
        Code={"S3Key": "k", **mode},
        Layers=[layer["LayerVersionArn"]],
    )
    settle(aws)
    assert aws.invoke(FunctionName="f")["Payload"].read() == b'"far"'
    aws.delete_function(FunctionName="f")
