"""Code signing configurations; every test is a sentence of facts/lambda-api.md §5 and §10."""

import re

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/v1"
MISSING = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-00000000000000000"


def refused(call, **params):
    """(code, message, status) of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def config(client):
    """Makes configurations; deletes them, and takes them from f, afterwards."""
    made = []

    def config(policy="", **members):
        policies = {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": policy}} if policy else {}
        publishers = {"SigningProfileVersionArns": [PROFILE]}
        answer = client.create_code_signing_config(AllowedPublishers=publishers, **policies, **members)
        made.append(answer["CodeSigningConfig"]["CodeSigningConfigArn"])
        return answer

    yield config
    for arn in made:
        for function in client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"]:
            client.delete_function_code_signing_config(FunctionName=function)
        client.delete_code_signing_config(CodeSigningConfigArn=arn)


def arn_of(answer):
    return answer["CodeSigningConfig"]["CodeSigningConfigArn"]


def test_create_answers_201_with_warn_as_the_default_policy(client, config):
    answer = config(Description="d")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    made = answer["CodeSigningConfig"]
    assert re.fullmatch(r"csc-[a-z0-9]{17}", made["CodeSigningConfigId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", made["LastModified"])
    assert (made["Description"], made["AllowedPublishers"]) == ("d", {"SigningProfileVersionArns": [PROFILE]})
    assert made["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert client.get_code_signing_config(CodeSigningConfigArn=arn_of(answer))["CodeSigningConfig"] == made


def test_an_update_changes_what_is_given(client, config):
    arn = arn_of(config(Description="d"))
    updated = client.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"}
    )["CodeSigningConfig"]
    assert updated["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Enforce"}
    assert (updated["Description"], updated["AllowedPublishers"]["SigningProfileVersionArns"]) == ("d", [PROFILE])


def test_a_configuration_has_tags_of_its_own(client, config):
    arn = arn_of(config(Tags={"a": "1", "b": "2"}))
    client.tag_resource(Resource=arn, Tags={"b": "3"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "3"}
    assert refused(client.list_tags, Resource=MISSING)[1] == (
        "The Lambda code signing configuration ARN can not be found."
    )


def test_configurations_are_listed_in_pages(client, config):
    made = sorted(arn_of(config()) for _ in range(3))
    pages = client.get_paginator("list_code_signing_configs").paginate(PaginationConfig={"PageSize": 2})
    listed = [[item["CodeSigningConfigArn"] for item in page["CodeSigningConfigs"]] for page in pages]
    assert listed == [made[:2], made[2:]]


def test_what_isnt_there_is_named_in_awss_words(client, create):
    create()
    gone = ("ResourceNotFoundException", "The Lambda code signing configuration ARN can not be found.", 404)
    for call in (
        client.get_code_signing_config,
        client.update_code_signing_config,
        client.delete_code_signing_config,
        client.list_functions_by_code_signing_config,
    ):
        assert refused(call, CodeSigningConfigArn=MISSING) == gone
    put = client.put_function_code_signing_config
    assert refused(put, FunctionName="f", CodeSigningConfigArn=MISSING) == (
        "CodeSigningConfigNotFoundException",
        "The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
        f"{MISSING}.",
        404,
    )
    for call in (client.get_function_code_signing_config, client.delete_function_code_signing_config):
        assert refused(call, FunctionName="nobody")[1] == f"Function not found: {ARN[:-1]}nobody"


def test_a_function_has_a_configuration_until_it_is_taken_from_it(client, create, config):
    create()
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName="f")
    arn = arn_of(config())
    put = client.put_function_code_signing_config(FunctionName=ARN, CodeSigningConfigArn=arn)
    assert (put["CodeSigningConfigArn"], put["FunctionName"]) == (arn, "f")
    got = client.get_function_code_signing_config(FunctionName="f")
    assert (got["CodeSigningConfigArn"], got["FunctionName"]) == (arn, "f")
    assert client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"] == [ARN]
    assert refused(client.delete_code_signing_config, CodeSigningConfigArn=arn)[::2] == (
        "ResourceConflictException",
        409,
    )
    answer = client.delete_function_code_signing_config(FunctionName="f")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName="f")


def test_unsigned_code_is_refused_where_the_policy_is_enforce_and_deployed_where_it_is_warn(
    client, create, config, package
):
    create()
    text = (
        "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client "
        "is not configured to accept. Check the provided signature for {}."
    )
    enforce, warn = arn_of(config("Enforce")), arn_of(config("Warn"))
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=enforce)
    update = {"FunctionName": "f", "ZipFile": package}
    error = ("CodeVerificationFailedException", text.format("f"), 400)
    assert refused(client.update_function_code, **update) == error
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=warn)
    client.update_function_code(**update)
    with pytest.raises(ClientError, match="CodeVerificationFailedException"):
        create("g", CodeSigningConfigArn=enforce)
    assert refused(client.get_function, FunctionName="g")[2] == 404
    create("g", CodeSigningConfigArn=warn)
    assert client.get_function_code_signing_config(FunctionName="g")["CodeSigningConfigArn"] == warn
    with pytest.raises(ClientError, match="CodeSigningConfigNotFoundException"):
        create("h", CodeSigningConfigArn=MISSING)


def test_a_function_made_anew_has_no_configuration(client, create, config):
    create()
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=arn_of(config("Enforce")))
    client.delete_function(FunctionName="f")
    create()
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName="f")
