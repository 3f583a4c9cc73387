"""Code and layers that are objects in S3, as deployment tools upload them (facts/lambda-api.md §5)."""

import sys

import pytest
from botocore.exceptions import ClientError

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
CODE = """
    import sys

    def handler(event, context):
        sys.path.append("/opt")
        import brought
        return [{!r}, brought.X]
    """


@pytest.fixture
def bucket(client, account):
    """A bucket's name: bucket names are everybody's."""
    name = f"uploads-{account}"
    client("s3").create_bucket(Bucket=name)
    client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def upload(client, bucket):
    """Puts an object; its version."""

    def put(key, data):
        return client("s3").put_object(Bucket=bucket, Key=key, Body=data)["VersionId"]

    return put


def test_a_function_and_its_layer_come_from_s3_and_follow_its_versions(client, account, platform, bucket, upload):
    aws, where = client("lambda"), {"S3Bucket": bucket, "S3Key": "a/code é.zip"}
    upload("layer.zip", platform.package({"brought.py": "X = 'layer'\n" + "# " + "x" * 300_000}))
    first = upload(where["S3Key"], platform.package(CODE.format("one")))
    layer = aws.publish_layer_version(LayerName="l", Content={"S3Bucket": bucket, "S3Key": "layer.zip"})
    aws.create_function(
        FunctionName="f",
        Role=f"arn:aws:iam::{account}:role/r",
        Runtime=RUNTIME,
        Handler="h.handler",
        Code=where,
        Layers=[layer["LayerVersionArn"]],
    )

    def answer():
        aws.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
        return aws.invoke(FunctionName="f")["Payload"].read()

    assert answer() == b'["one", "layer"]'
    upload(where["S3Key"], platform.package(CODE.format("two")))
    assert answer() == b'["one", "layer"]'  # a copy was made
    aws.update_function_code(FunctionName="f", **where)
    assert answer() == b'["two", "layer"]'
    aws.update_function_code(FunctionName="f", S3ObjectVersion=first, **where)
    assert answer() == b'["one", "layer"]'
    aws.delete_function(FunctionName="f")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (False, "S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"),
        (True, "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."),
    ],
)
def test_an_object_that_is_not_there_is_refused_in_s3s_words(client, account, bucket, there, said):
    with pytest.raises(ClientError) as caught:
        client("lambda").create_function(
            FunctionName="f",
            Role=f"arn:aws:iam::{account}:role/r",
            Runtime=RUNTIME,
            Handler="h.handler",
            Code={"S3Bucket": bucket if there else f"no-{bucket}", "S3Key": "k"},
        )
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert caught.value.response["Error"]["Message"] == f"Error occurred while GetObject. {said}"
