"""What a user does with boto3, in the words that boto3 had in 2021. Run by test_boto3.py; fails with a traceback."""

import base64
import io
import json
import os
import sys
import zipfile

import boto3
from botocore.config import Config

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ACCOUNT = os.environ["AWS_ACCESS_KEY_ID"]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
F = {"FunctionName": "f"}


def package(answer):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("h.py", f"def handler(event, context):\n    print('hello')\n    return [{answer!r}, event]\n")
    return buffer.getvalue()


def call(**params):
    answer = aws.invoke(**F, Payload=json.dumps({"n": 1}), **params)
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer
    return answer, json.loads(answer["Payload"].read())


aws = boto3.client("lambda", endpoint_url=os.environ["ENDPOINT"], config=Config(retries={"max_attempts": 0}))

created = aws.create_function(
    **F, Role=ROLE, Runtime=RUNTIME, Handler="h.handler", Code={"ZipFile": package("one")}, Tags={"a": "b"}
)
assert created["State"] == "Pending"
aws.get_waiter("function_active").wait(**F)
assert aws.get_function(**F)["Tags"] == {"a": "b"}
answer, result = call(LogType="Tail")
assert result == ["one", {"n": 1}]
assert "hello" in base64.b64decode(answer["LogResult"]).decode()

assert aws.publish_version(**F)["Version"] == "1"
aws.create_alias(**F, Name="live", FunctionVersion="1")
aws.update_function_code(**F, ZipFile=package("two"))
aws.get_waiter("function_updated").wait(**F)
assert call()[1][0] == "two"
answer, result = call(Qualifier="live")
assert (answer["ExecutedVersion"], result[0]) == ("1", "one")
versions = [each["Version"] for each in aws.list_versions_by_function(**F)["Versions"]]
assert versions == ["$LATEST", "1"]

aws.update_function_configuration(**F, Timeout=7, Environment={"Variables": {"KEY": "ü"}})
aws.get_waiter("function_updated").wait(**F)
configuration = aws.get_function_configuration(**F)
assert (configuration["Timeout"], configuration["Environment"]) == (7, {"Variables": {"KEY": "ü"}})
try:
    aws.update_function_configuration(**F, Timeout=8, RevisionId="stale")
except aws.exceptions.PreconditionFailedException as error:
    assert error.response["Error"]["Message"].startswith("The Revision Id provided does not match")
else:
    raise AssertionError("a stale revision was accepted")
try:
    aws.get_function(FunctionName="nobody")
except aws.exceptions.ResourceNotFoundException as error:
    assert error.response["Error"]["Message"] == f"Function not found: {created['FunctionArn'][:-1]}nobody"
else:
    raise AssertionError("nobody was found")

layer = aws.publish_layer_version(
    LayerName="l", Content={"ZipFile": package("layer")}, CompatibleRuntimes=["python3.9"]
)
assert layer["Version"] == 1
[listed] = aws.list_layers(CompatibleRuntime="python3.9")["Layers"]
assert listed["LatestMatchingVersion"]["LayerVersionArn"] == layer["LayerVersionArn"]

aws.add_permission(**F, StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
assert json.loads(aws.get_policy(**F)["Policy"])["Statement"][0]["Principal"] == {"Service": "s3.amazonaws.com"}
aws.remove_permission(**F, StatementId="s")
aws.put_function_event_invoke_config(**F, MaximumRetryAttempts=0)
assert aws.get_function_event_invoke_config(**F)["MaximumRetryAttempts"] == 0
aws.put_function_concurrency(**F, ReservedConcurrentExecutions=2)
assert aws.get_function_concurrency(**F)["ReservedConcurrentExecutions"] == 2
assert "CodeSigningConfigArn" not in aws.get_function_code_signing_config(**F)
assert aws.list_event_source_mappings(**F)["EventSourceMappings"] == []
assert aws.get_account_settings()["AccountUsage"]["FunctionCount"] == 1
aws.tag_resource(Resource=created["FunctionArn"], Tags={"c": "d"})
aws.untag_resource(Resource=created["FunctionArn"], TagKeys=["a"])
assert aws.list_tags(Resource=created["FunctionArn"])["Tags"] == {"c": "d"}
pages = aws.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 1})
assert [[each["Version"] for each in page["Functions"]] for page in pages] == [["$LATEST"], ["1"]]

aws.delete_layer_version(LayerName="l", VersionNumber=1)
aws.delete_function(**F)
print(boto3.__version__)
