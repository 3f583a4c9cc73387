"""Layers as boto3 sees them; every test is a sentence of facts/lambda-api.md §5 "Layers", §8."""

import base64
import hashlib
import io
import itertools
import json
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ACCOUNT = "123456789012"
OTHER = "222222222222"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer"
_NAMES = itertools.count(1)


def content(text="one", size=0):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("python/mine.py"), f"TEXT = {text!r}\n")
        if size:
            archive.writestr("python/large", bytes(size))
    return buffer.getvalue()


def refused(call, **params):
    """(code, message, status) of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def body(answer):
    return {member: value for member, value in answer.items() if member != "ResponseMetadata"}


@pytest.fixture
def name():
    """Of a layer that no other test has."""
    return f"layer-{next(_NAMES)}"


@pytest.fixture
def publish(client):
    def publish(name, text="one", size=0, **members):
        return client.publish_layer_version(LayerName=name, Content={"ZipFile": content(text, size)}, **members)

    return publish


# --- publish, get, list, delete ---------------------------------------------------------------------------------------


def test_publish_answers_201_with_the_version_and_what_was_said_about_it(publish, name):
    answer = publish(
        name,
        Description="mine",
        CompatibleRuntimes=["python3.12", "nodejs24.x"],
        CompatibleArchitectures=["x86_64", "arm64"],
        LicenseInfo="MIT",
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    data = content()
    assert answer["Content"].pop("Location").startswith("http://127.0.0.1")
    assert answer.pop("CreatedDate")
    assert body(answer) == {
        "Content": {
            "CodeSha256": base64.b64encode(hashlib.sha256(data).digest()).decode(),
            "CodeSize": len(data),
        },
        "LayerArn": f"{ARN}:{name}",
        "LayerVersionArn": f"{ARN}:{name}:1",
        "Description": "mine",
        "Version": 1,
        "CompatibleRuntimes": ["python3.12", "nodejs24.x"],
        "CompatibleArchitectures": ["x86_64", "arm64"],
        "LicenseInfo": "MIT",
    }


def test_what_was_not_said_is_absent_but_for_an_empty_description(publish, name):
    assert body(publish(name)).keys() == {
        "Content",
        "LayerArn",
        "LayerVersionArn",
        "Description",
        "CreatedDate",
        "Version",
    }


def test_the_created_date_has_milliseconds_and_a_zone_without_a_colon(publish, name):
    """facts/lambda-api.md §1, timestamps."""
    created = publish(name)["CreatedDate"]
    assert (created[10], created[19], created[23:]) == ("T", ".", "+0000")


def test_get_answers_what_publish_did_by_name_arn_and_version_arn(client, publish, name):
    published = body(publish(name, Description="mine", CompatibleRuntimes=["python3.12"]))
    del published["Content"]["Location"]
    for answer in (
        client.get_layer_version(LayerName=name, VersionNumber=1),
        client.get_layer_version(LayerName=f"{ARN}:{name}", VersionNumber=1),
        client.get_layer_version_by_arn(Arn=f"{ARN}:{name}:1"),
    ):
        del answer["Content"]["Location"]
        assert body(answer) == published


def test_the_location_downloads_the_zip_also_after_the_version_is_deleted(client, publish, name):
    published = publish(name)["Content"]["Location"]
    got = client.get_layer_version(LayerName=name, VersionNumber=1)["Content"]["Location"]
    client.delete_layer_version(LayerName=name, VersionNumber=1)
    for location in (published, got):
        with urllib.request.urlopen(location) as answer:
            assert answer.read() == content()


def test_a_layer_published_by_its_arn_is_the_same_layer(publish, name):
    publish(name)
    assert publish(f"{ARN}:{name}")["LayerVersionArn"] == f"{ARN}:{name}:2"


def test_version_numbers_are_never_reused(client, publish, name):
    for text in ("one", "two"):
        publish(name, text)
    client.delete_layer_version(LayerName=name, VersionNumber=2)
    assert publish(name, "three")["Version"] == 3
    for number in (1, 3):
        client.delete_layer_version(LayerName=name, VersionNumber=number)
    assert publish(name)["Version"] == 4


def test_delete_is_idempotent(client, publish, name):
    """facts/lambda.md 6: deleting a missing layer version is 204 as well."""
    publish(name)
    for number in (1, 1, 7):
        answer = client.delete_layer_version(LayerName=name, VersionNumber=number)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(client.get_layer_version, LayerName=name, VersionNumber=1)[2] == 404


def test_versions_are_listed_newest_first_in_pages(client, publish, name):
    for _ in range(11):
        publish(name)
    pages = client.get_paginator("list_layer_versions").paginate(LayerName=name, PaginationConfig={"PageSize": 4})
    assert [[item["Version"] for item in page["LayerVersions"]] for page in pages] == [
        [11, 10, 9, 8],
        [7, 6, 5, 4],
        [3, 2, 1],
    ]


def test_the_filters_of_a_list_choose_compatible_versions(client, publish, name):
    publish(name, CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["x86_64"])
    publish(name, CompatibleRuntimes=["python3.12", "python3.13"], CompatibleArchitectures=["arm64"])
    publish(name)

    def numbers(**filters):
        return [item["Version"] for item in client.list_layer_versions(LayerName=name, **filters)["LayerVersions"]]

    assert numbers() == [3, 2, 1]
    assert numbers(CompatibleRuntime="python3.12") == [2, 1]
    assert numbers(CompatibleRuntime="python3.13") == [2]
    assert numbers(CompatibleArchitecture="x86_64") == [1]
    assert numbers(CompatibleRuntime="python3.13", CompatibleArchitecture="x86_64") == []


def test_versions_of_a_layer_that_is_not_there_are_none(client, name):
    assert client.list_layer_versions(LayerName=name)["LayerVersions"] == []


def test_layers_are_listed_with_their_latest_matching_version(connect):
    client = connect("333333333333")
    for layer in ("b", "a", "c"):
        for runtime in ("python3.12", "python3.13"):
            client.publish_layer_version(
                LayerName=layer, Content={"ZipFile": content()}, CompatibleRuntimes=[runtime], LicenseInfo=layer
            )
    listed = client.list_layers()["Layers"]
    assert [(item["LayerName"], item["LatestMatchingVersion"]["Version"]) for item in listed] == [
        ("a", 2),
        ("b", 2),
        ("c", 2),
    ]
    arn = "arn:aws:lambda:us-east-1:333333333333:layer:a"
    assert listed[0]["LatestMatchingVersion"].pop("CreatedDate")
    assert listed[0] == {
        "LayerName": "a",
        "LayerArn": arn,
        "LatestMatchingVersion": {
            "LayerVersionArn": f"{arn}:2",
            "Version": 2,
            "Description": "",
            "CompatibleRuntimes": ["python3.13"],
            "LicenseInfo": "a",
        },
    }
    client.delete_layer_version(LayerName="c", VersionNumber=1)
    matching = client.list_layers(CompatibleRuntime="python3.12")["Layers"]
    assert [(item["LayerName"], item["LatestMatchingVersion"]["Version"]) for item in matching] == [("a", 1), ("b", 1)]
    client.delete_layer_version(LayerName="c", VersionNumber=2)
    pages = client.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 1})
    assert [[item["LayerName"] for item in page["Layers"]] for page in pages] == [["a"], ["b"]]
    assert connect("333333333333", region="eu-west-1").list_layers()["Layers"] == []


def test_each_account_and_region_counts_for_itself(connect, name):
    for client in (connect(), connect(region="eu-west-1"), connect(OTHER)):
        answer = client.publish_layer_version(LayerName=name, Content={"ZipFile": content()})
        assert answer["Version"] == 1


def test_layer_versions_count_for_the_accounts_code_size(connect, name):
    """facts/lambda-api.md §4.5."""
    client = connect("555555555555")
    for text in ("one", "three"):
        client.publish_layer_version(LayerName=name, Content={"ZipFile": content(text)})
    used = len(content("one")) + len(content("three"))
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == used
    client.delete_layer_version(LayerName=name, VersionNumber=1)
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == len(content("three"))


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_missing_version_does_not_exist(client, publish, name):
    publish(name)
    gone = ("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    assert refused(client.get_layer_version, LayerName=name, VersionNumber=2) == gone
    assert refused(client.get_layer_version, LayerName=f"{name}-no", VersionNumber=1) == gone
    assert refused(client.get_layer_version_by_arn, Arn=f"{ARN}:{name}:2") == gone
    assert refused(client.get_layer_version_by_arn, Arn="arn:aws:lambda:::awslayer:Ours") == gone


@pytest.mark.parametrize("number", [0, -1])
def test_a_layer_version_cannot_be_less_than_1(client, name, number):
    wrong = ("InvalidParameterValueException", "Layer Version Cannot be less than 1", 400)
    for call in (client.get_layer_version, client.delete_layer_version, client.get_layer_version_policy):
        assert refused(call, LayerName=name, VersionNumber=number) == wrong


def test_an_unknown_runtime_is_a_validation_error(client, publish, name):
    with pytest.raises(ClientError, match=r"Value '\[cobol85\]' at 'compatibleRuntimes' failed to satisfy constraint"):
        publish(name, CompatibleRuntimes=["cobol85"])
    for call, which in ((client.list_layers, {}), (client.list_layer_versions, {"LayerName": name})):
        with pytest.raises(ClientError, match="Value 'cobol85' at 'compatibleRuntime' failed to satisfy constraint"):
            call(CompatibleRuntime="cobol85", **which)


def test_more_than_15_runtimes_are_a_validation_error(publish, name):
    with pytest.raises(ClientError, match="Member must have length less than or equal to 15"):
        publish(name, CompatibleRuntimes=["python3.12"] * 16)


def test_what_is_no_zip_is_refused_as_for_functions(client, name):
    said = refused(client.publish_layer_version, LayerName=name, Content={"ZipFile": b"PK no zip"})
    text = "Could not unzip uploaded file. Please check your file, then try to upload again."
    assert said == ("InvalidParameterValueException", text, 400)
    assert client.list_layer_versions(LayerName=name)["LayerVersions"] == []


def test_content_that_s3_does_not_have_is_refused(client, name):
    said = refused(client.publish_layer_version, LayerName=name, Content={"S3Bucket": "bucket", "S3Key": "key"})
    text = "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does "
    assert said[:2] == ("InvalidParameterValueException", f"{text}not exist")
    assert refused(client.publish_layer_version, LayerName=name, Content={})[0] == "InvalidParameterValueException"


def test_a_marker_that_is_none_of_ours_is_refused(client, name):
    for call, which in ((client.list_layers, {}), (client.list_layer_versions, {"LayerName": name})):
        assert refused(call, Marker="é", **which)[0] == "InvalidParameterValueException"


# --- policies ---------------------------------------------------------------------------------------------------------


def permission(name, **members):
    wanted = {
        "LayerName": name,
        "VersionNumber": 1,
        "StatementId": "s1",
        "Action": "lambda:GetLayerVersion",
        "Principal": "*",
    }
    return wanted | members


@pytest.mark.parametrize(
    ("members", "principal", "condition"),
    [
        ({"Principal": "*"}, "*", None),
        ({"Principal": OTHER}, {"AWS": f"arn:aws:iam::{OTHER}:root"}, None),
        ({"Principal": f"arn:aws:iam::{OTHER}:root"}, {"AWS": f"arn:aws:iam::{OTHER}:root"}, None),
        ({"OrganizationId": "o-1234567890"}, "*", {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}),
    ],
)
def test_a_permission_becomes_a_statement(client, publish, name, members, principal, condition):
    publish(name)
    answer = client.add_layer_version_permission(**permission(name, **members))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "lambda:GetLayerVersion",
        "Resource": f"{ARN}:{name}:1",
    }
    if condition:
        statement["Condition"] = condition
    assert answer["Statement"] == json.dumps(statement, separators=(",", ":"))
    got = client.get_layer_version_policy(LayerName=name, VersionNumber=1)
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    assert got["Policy"] == json.dumps(policy, separators=(",", ":"))
    assert got["RevisionId"] == answer["RevisionId"]


def test_a_statement_goes_and_with_the_last_one_the_policy(client, publish, name):
    publish(name)
    for sid in ("s1", "s2"):
        client.add_layer_version_permission(**permission(name, StatementId=sid))
    for sid in ("s1", "s2"):
        answer = client.remove_layer_version_permission(LayerName=name, VersionNumber=1, StatementId=sid)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    none = ("ResourceNotFoundException", "No policy is associated with the given resource.", 404)
    assert refused(client.get_layer_version_policy, LayerName=name, VersionNumber=1) == none


def test_what_is_wrong_with_a_permission_is_said_in_aws_words(client, publish, name):
    publish(name)
    add, remove = client.add_layer_version_permission, client.remove_layer_version_permission
    added = add(**permission(name))
    assert refused(add, **permission(name)) == (
        "ResourceConflictException",
        "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing "
        "statement.",
        409,
    )
    stale = (
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the "
        "latest Revision Id",
        412,
    )
    assert refused(add, **permission(name, StatementId="s2", RevisionId="old")) == stale
    assert refused(remove, LayerName=name, VersionNumber=1, StatementId="s1", RevisionId="old") == stale
    assert refused(remove, LayerName=name, VersionNumber=1, StatementId="s9") == (
        "ResourceNotFoundException",
        "Statement s9 is not found in resource policy.",
        404,
    )
    missing = ("ResourceNotFoundException", f"Layer version {ARN}:{name}:9 does not exist.", 404)
    assert refused(add, **permission(name, VersionNumber=9)) == missing
    assert refused(remove, LayerName=name, VersionNumber=9, StatementId="s1") == missing
    assert refused(client.get_layer_version_policy, LayerName=name, VersionNumber=9) == missing
    assert refused(add, **permission(name, Action="lambda:*")) == (
        "ValidationException",
        "1 validation error detected: Value 'lambda:*' at 'action' failed to satisfy constraint: Member must satisfy "
        "regular expression pattern: lambda:GetLayerVersion",
        400,
    )
    more = add(**permission(name, StatementId="s2", RevisionId=added["RevisionId"]))
    assert more["RevisionId"] != added["RevisionId"]
    remove(LayerName=name, VersionNumber=1, StatementId="s1", RevisionId=more["RevisionId"])


def test_a_policy_has_at_most_20_kb(client, publish, name):
    publish(name)
    with pytest.raises(ClientError, match=r"The final policy size \(\d+\) is bigger than the limit \(20480\)\."):
        for number in range(200):
            client.add_layer_version_permission(**permission(name, StatementId=f"{number:0>100}"))


# --- other accounts ---------------------------------------------------------------------------------------------------


def not_authorized(resource):
    text = (
        f"User: arn:aws:iam::{OTHER}:root is not authorized to perform: lambda:GetLayerVersion on resource: {resource} "
        "because no resource-based policy allows the lambda:GetLayerVersion action"
    )
    return "AccessDeniedException", text, 403


def test_another_account_gets_a_version_only_if_its_policy_says_so(client, connect, publish, name):
    for text in ("one", "two"):
        publish(name, text)
    stranger, arn = connect(OTHER), f"{ARN}:{name}"
    assert refused(stranger.get_layer_version_by_arn, Arn=f"{arn}:1") == not_authorized(f"{arn}:1")
    assert refused(stranger.get_layer_version_by_arn, Arn=f"{arn}:9") == not_authorized(f"{arn}:9")
    client.add_layer_version_permission(**permission(name, StatementId="no", Principal="444444444444"))
    client.add_layer_version_permission(**permission(name, StatementId="org", OrganizationId="o-1234567890"))
    assert refused(stranger.get_layer_version, LayerName=arn, VersionNumber=1) == not_authorized(f"{arn}:1")
    client.add_layer_version_permission(**permission(name, Principal=OTHER))
    assert stranger.get_layer_version_by_arn(Arn=f"{arn}:1")["LayerVersionArn"] == f"{arn}:1"
    assert stranger.get_layer_version(LayerName=arn, VersionNumber=1)["Version"] == 1
    assert refused(stranger.get_layer_version_by_arn, Arn=f"{arn}:2") == not_authorized(f"{arn}:2")
    assert name not in [item["LayerName"] for item in stranger.list_layers()["Layers"]]
    with pytest.raises(ClientError, match="not authorized to perform: lambda:DeleteLayerVersion on resource: "):
        stranger.delete_layer_version(LayerName=arn, VersionNumber=1)
    with pytest.raises(ClientError, match="not authorized to perform: lambda:PublishLayerVersion on resource: "):
        stranger.publish_layer_version(LayerName=arn, Content={"ZipFile": content()})


def test_another_accounts_layer_can_be_attached_if_its_policy_says_so(client, connect, publish, name, package):
    publish(name)
    stranger, arn = connect(OTHER), f"{ARN}:{name}:1"
    function = {
        "FunctionName": "f",
        "Role": f"arn:aws:iam::{OTHER}:role/r",
        "Runtime": "python3.12",
        "Handler": "h.handler",
        "Code": {"ZipFile": package},
        "Layers": [arn],
    }
    assert refused(stranger.create_function, **function) == not_authorized(arn)
    client.add_layer_version_permission(**permission(name))
    assert stranger.create_function(**function)["Layers"] == [{"Arn": arn, "CodeSize": len(content())}]
    stranger.delete_function(FunctionName="f")


# --- layers of a function ---------------------------------------------------------------------------------------------


def test_the_layers_of_a_function_are_shown_in_their_order(client, create, publish, name):
    arns = [publish(f"{name}-{letter}")["LayerVersionArn"] for letter in "ba"]
    shown = [{"Arn": arn, "CodeSize": len(content())} for arn in arns]
    assert create(Layers=arns)["Layers"] == shown
    assert client.get_function(FunctionName="f")["Configuration"]["Layers"] == shown
    client.update_function_configuration(FunctionName="f", Description="other")
    client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
    updated = client.update_function_configuration(FunctionName="f", Layers=arns[::-1])
    assert updated["Layers"] == shown[::-1]
    client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
    assert "Layers" not in client.update_function_configuration(FunctionName="f", Layers=[])


def test_a_function_has_at_most_five_layers(client, create, publish, name):
    arns = [publish(f"{name}-{number}")["LayerVersionArn"] for number in range(6)]
    assert len(create(Layers=arns[:5])["Layers"]) == 5
    said = refused(client.update_function_configuration, FunctionName="f", Layers=arns)
    assert said == ("InvalidParameterValueException", "Cannot reference more than 5 layers.", 400)


def test_two_versions_of_one_layer_are_refused_and_so_is_one_version_twice(client, create, publish, name):
    create()
    one, two = (publish(name, text)["LayerVersionArn"] for text in ("one", "two"))
    for first, second in ((one, two), (two, one), (one, one)):
        said = refused(client.update_function_configuration, FunctionName="f", Layers=[first, second])
        assert said == (
            "InvalidParameterValueException",
            "Two different versions of the same layer are not allowed to be referenced in the same function. "
            f"{first} and {second} are versions of the same layer.",
            400,
        )


def test_a_layer_version_that_does_not_exist_cannot_be_attached(client, create, publish, name):
    create()
    publish(name)
    client.delete_layer_version(LayerName=name, VersionNumber=1)
    for arn in (f"{ARN}:{name}:1", f"{ARN}:{name}-no:1", "arn:aws:lambda:::awslayer:Ours"):
        said = refused(client.update_function_configuration, FunctionName="f", Layers=[arn])
        assert said == ("InvalidParameterValueException", f"Layer version {arn} does not exist.", 400)


def test_a_layer_of_another_region_cannot_be_attached(client, connect, create, name):
    create()
    answer = connect(region="eu-west-1").publish_layer_version(LayerName=name, Content={"ZipFile": content()})
    said = refused(client.update_function_configuration, FunctionName="f", Layers=[answer["LayerVersionArn"]])
    assert said == (
        "InvalidParameterValueException",
        "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
        400,
    )


def test_a_layer_without_a_version_is_a_validation_error(client, create, name):
    create()
    said = refused(client.update_function_configuration, FunctionName="f", Layers=[f"{ARN}:{name}"])
    assert said[0] == "ValidationException"
    start = f"1 validation error detected: Value '[{ARN}:{name}]' at 'layers' failed to satisfy constraint: Member must"
    assert said[1].startswith(start)


def test_code_and_layers_have_at_most_250_mb_together_unzipped(client, create, publish, name, package):
    """facts/lambda-limits.md §1: 262,144,000 bytes unzipped including layers."""
    half = 131_072_000
    arns = [publish(f"{name}-{number}", size=half)["LayerVersionArn"] for number in range(2)]
    create(Layers=arns[:1])
    said = refused(client.update_function_configuration, FunctionName="f", Layers=arns)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        actual = 2 * (half + len("TEXT = 'one'\n")) + sum(entry.file_size for entry in archive.infolist())
    text = (
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        f"The actual size is {actual} bytes."
    )
    assert said == ("InvalidParameterValueException", text, 400)
    with pytest.raises(ClientError, match="Function code combined with layers exceeds the maximum allowed size"):
        client.update_function_code(FunctionName="f", ZipFile=content(size=half))
    with pytest.raises(ClientError, match="Function code combined with layers exceeds the maximum allowed size"):
        create("g", Layers=arns)
    assert refused(client.get_function, FunctionName="g")[2] == 404


# --- any request ------------------------------------------------------------------------------------------------------

ELSEWHERE = [f"arn:aws:lambda:us-east-1:{OTHER}:layer:one", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:one"]
NAMES = st.sampled_from(["one", "two", f"{ARN}:one", "x" * 140, "-", "_", *ELSEWHERE])
NUMBERS = st.integers(-1, 6) | st.sampled_from([-(2**63), 2**31, 2**53, 2**63 - 1])
RUNTIMES = st.sampled_from(["python3.12", "java21", "provided.al2023"])
ARCHITECTURES = st.sampled_from(["x86_64", "arm64"])
MARKERS = st.text(max_size=8) | st.binary(max_size=30).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
ARNS = st.builds(
    "arn:{}:lambda:{}:{}:layer:{}:{}".format,
    st.sampled_from(["aws", "aws-cn", ""]),
    st.sampled_from(["us-east-1", "eu-west-1"]),
    st.sampled_from([ACCOUNT, OTHER]),
    st.sampled_from(["one", "two", "x" * 140]),
    st.sampled_from(["1", "2", "0", "007", "9" * 1800]),
) | st.just("arn:aws:lambda:::awslayer:Ours")


def fixed(required, **optional):
    return st.fixed_dictionaries(required, optional=optional)


LISTS = {"CompatibleRuntime": RUNTIMES, "CompatibleArchitecture": ARCHITECTURES, "MaxItems": st.integers(1, 50)}
VERSION = {"LayerName": NAMES, "VersionNumber": NUMBERS}
SIDS = {"StatementId": st.sampled_from(["s1", "s2", "x" * 100])}
REQUESTS = {
    "publish_layer_version": fixed(
        {
            "LayerName": NAMES,
            "Content": fixed({}, ZipFile=st.sampled_from([content(), b"", b"PK"]), S3Bucket=st.just("abc")),
        },
        Description=st.text(max_size=256),
        CompatibleRuntimes=st.lists(RUNTIMES, max_size=3),
        CompatibleArchitectures=st.lists(ARCHITECTURES, max_size=2),
        LicenseInfo=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20),
    ),
    "get_layer_version": fixed(VERSION),
    "get_layer_version_by_arn": fixed({"Arn": ARNS}),
    "list_layers": fixed({}, **LISTS, Marker=MARKERS),
    "list_layer_versions": fixed({"LayerName": NAMES}, **LISTS, Marker=MARKERS),
    "delete_layer_version": fixed(VERSION),
    "add_layer_version_permission": fixed(
        VERSION
        | SIDS
        | {
            "Action": st.just("lambda:GetLayerVersion"),
            "Principal": st.sampled_from(["*", OTHER, f"arn:aws:iam::{OTHER}:root"]),
        },
        OrganizationId=st.just("o-1234567890"),
        RevisionId=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8),
    ),
    "remove_layer_version_permission": fixed(VERSION | SIDS, RevisionId=st.just("old")),
    "get_layer_version_policy": fixed(VERSION),
    "create_function": fixed({"Layers": st.lists(ARNS, max_size=6)}).map(
        lambda given: {
            "FunctionName": "any",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
            "Runtime": "python3.12",
            "Handler": "h.handler",
            "Code": {"ZipFile": content()},
            **given,
        }
    ),
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_no_valid_request_is_answered_500(client, operation):
    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(REQUESTS[operation])
    def check(params):
        try:
            getattr(client, operation)(**params)
        except ClientError as refusal:
            status = refusal.response["ResponseMetadata"]["HTTPStatusCode"]
            honest = refusal.response["Error"]["Code"] == "NotImplementedException"
            assert status < 500 or honest, refusal

    for name in ("one", "two"):
        client.publish_layer_version(LayerName=name, Content={"ZipFile": content()})
    check()
