"""Versions, aliases, tags and concurrency as boto3 sees them; every test is a sentence of facts/lambda-api.md."""

import http.client
import json
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def refused(call, **params):
    """(code, message, status) of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def raw(server, method, path, body=b""):
    """(status, headers, body) without an SDK in between."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    scope = "Credential=123456789012/20261122/us-east-1/lambda/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def status(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def test_publishing_answers_201_and_the_waiters_see_the_version_become_active(client, create):
    create()
    answer = client.publish_version(FunctionName="f")
    assert (status(answer), answer["Version"], answer["State"]) == (201, "1", "Pending")
    for waiter in ("function_active_v2", "published_version_active"):
        client.get_waiter(waiter).wait(FunctionName="f", Qualifier="1", WaiterConfig={"Delay": 0})
    assert client.invoke(FunctionName="f", Qualifier="1")["ExecutedVersion"] == "1"


def test_a_version_goes_through_the_paginator(client, create):
    create(Publish=True)
    paginator = client.get_paginator("list_versions_by_function")
    pages = paginator.paginate(FunctionName="f", PaginationConfig={"PageSize": 1})
    assert [item["Version"] for page in pages for item in page["Versions"]] == ["$LATEST", "1"]


def test_what_terraform_reads_after_it_has_created_a_function_is_there(client, create):
    """facts/lambda.md: GetFunction, ListVersionsByFunction; the policy is missing in AWS's own words."""
    create()
    assert client.get_function(FunctionName="f")["Configuration"]["State"] == "Active"
    assert len(client.list_versions_by_function(FunctionName="f")["Versions"]) == 1
    assert status(client.get_function_code_signing_config(FunctionName="f")) == 200
    assert refused(client.get_policy, FunctionName="f")[0] == "ResourceNotFoundException"


def test_the_life_of_an_alias_in_statuses(client, create):
    create(Publish=True)
    created = client.create_alias(FunctionName="f", Name="prod", FunctionVersion="1")
    assert (status(created), created["AliasArn"]) == (201, f"{ARN}:prod")
    assert status(client.get_alias(FunctionName="f", Name="prod")) == 200
    assert status(client.update_alias(FunctionName="f", Name="prod", FunctionVersion="$LATEST")) == 200
    assert status(client.list_aliases(FunctionName="f")) == 200
    for _ in range(2):  # deleting a missing one succeeds
        assert status(client.delete_alias(FunctionName="f", Name="prod")) == 204


@pytest.mark.parametrize("name", ["f:prod", f"{ARN}:prod", "123456789012:function:f:prod"])
def test_an_alias_is_part_of_the_name_wherever_a_function_is_named(client, create, name):
    create(Publish=True)
    client.create_alias(FunctionName="f", Name="prod", FunctionVersion="1")
    assert client.invoke(FunctionName=name)["ExecutedVersion"] == "1"
    assert client.get_function(FunctionName=name)["Configuration"]["FunctionArn"] == f"{ARN}:prod"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Name": "1"}, "Value '1' at 'name' failed to satisfy constraint: Member must satisfy regular expression "),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}}},
            "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must"
            " satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater"
            " than or equal to 0.0, Member must not be null]",
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"prod": 0.5}}},
            "Value '{prod=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys"
            " must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length"
            " greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]",
        ),
    ],
)
def test_an_alias_that_the_model_forbids_is_a_validation_exception(client, create, given, message):
    create()
    wanted = {"FunctionName": "f", "Name": "prod", "FunctionVersion": "1"}
    code, told, http_status = refused(client.create_alias, **(wanted | given))
    assert (code, http_status) == ("ValidationException", 400)
    assert told.startswith(f"1 validation error detected: {message}")


def test_a_stale_alias_revision_is_a_412(client, create):
    create(Publish=True)
    client.create_alias(FunctionName="f", Name="prod", FunctionVersion="1")
    assert refused(client.update_alias, FunctionName="f", Name="prod", RevisionId="stale")[2] == 412


def test_tags_are_set_read_and_removed_by_arn(client, create):
    create()
    assert status(client.tag_resource(Resource=ARN, Tags={"a": "1", "b": "2"})) == 204
    assert client.list_tags(Resource=ARN)["Tags"] == {"a": "1", "b": "2"}
    assert status(client.untag_resource(Resource=ARN, TagKeys=["a", "c"])) == 204
    assert client.get_function(FunctionName="f")["Tags"] == {"b": "2"}


@pytest.mark.parametrize("key", ["aws:name", "AWS:name"])
def test_a_tag_whose_key_is_reserved_is_refused_wherever_it_is_given(client, create, key):
    created = create()
    for call in (
        lambda: client.tag_resource(Resource=created["FunctionArn"], Tags={key: "v"}),
        lambda: create("g", Tags={key: "v"}),
    ):
        assert refused(call)[0] == "InvalidParameterValueException"
    assert client.list_tags(Resource=created["FunctionArn"])["Tags"] == {}


def test_untagging_without_keys_is_told_in_javas_words(server, create):
    create()
    code, _, body = raw(server, "DELETE", f"/2017-03-31/tags/{quote(ARN, safe='')}")
    assert code == 400
    assert json.loads(body) == {
        "message": "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: "
        "Member must not be null"
    }


def test_a_code_signing_config_has_tags_like_a_function(client):
    publishers = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/0123456789"]}
    made = client.create_code_signing_config(AllowedPublishers=publishers, Tags={"a": "1"})["CodeSigningConfig"]
    resource = made["CodeSigningConfigArn"]
    client.tag_resource(Resource=resource, Tags={"b": "2"})
    client.untag_resource(Resource=resource, TagKeys=["a"])
    assert client.list_tags(Resource=resource)["Tags"] == {"b": "2"}
    client.delete_code_signing_config(CodeSigningConfigArn=resource)
    assert refused(client.list_tags, Resource=resource) == (
        "ResourceNotFoundException",
        "The Lambda code signing configuration ARN can not be found.",
        404,
    )


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (f"{ARN}x", f"Function not found: {ARN}x"),
        (
            "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:01234567-0123-0123-0123-0123456789ab",
            "Event source mapping not found: "
            "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:01234567-0123-0123-0123-0123456789ab",
        ),
        (
            "arn:aws:lambda:us-east-1:123456789012:capacity-provider:cp",
            "Capacity provider not found: arn:aws:lambda:us-east-1:123456789012:capacity-provider:cp",
        ),
    ],
)
def test_a_missing_resource_has_no_tags(client, resource, message):
    for call, given in ((client.list_tags, {}), (client.tag_resource, {"Tags": {"a": "b"}})):
        assert refused(call, Resource=resource, **given) == ("ResourceNotFoundException", message, 404)


def test_the_life_of_a_reservation_in_statuses(client, create):
    create()
    answer = client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert (status(answer), answer["ReservedConcurrentExecutions"]) == (200, 0)
    assert client.get_function_concurrency(FunctionName="f")["ReservedConcurrentExecutions"] == 0
    assert status(client.delete_function_concurrency(FunctionName="f")) == 204
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="f")


def test_account_settings_are_there_with_and_without_a_slash(client, server):
    assert client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000
    for path in ("/2016-08-19/account-settings", "/2016-08-19/account-settings/"):
        assert raw(server, "GET", path)[0] == 200


def test_the_life_of_provisioned_concurrency_in_statuses(client, create):
    create(Publish=True)
    given = {"FunctionName": "f", "Qualifier": "1"}
    put = client.put_provisioned_concurrency_config(**given, ProvisionedConcurrentExecutions=1)
    assert (status(put), put["Status"]) == (202, "IN_PROGRESS")
    assert status(client.get_provisioned_concurrency_config(**given)) == 200
    assert status(client.delete_provisioned_concurrency_config(**given)) == 204
    assert refused(client.get_provisioned_concurrency_config, **given) == (
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
        404,
    )
    assert status(client.delete_provisioned_concurrency_config(**given)) == 204
    assert client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []


def test_recursion_and_runtime_management_have_their_defaults(client, create):
    create()
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Terminate"
    assert client.get_runtime_management_config(FunctionName="f")["UpdateRuntimeOn"] == "Auto"
    code, message, _ = refused(client.put_function_recursion_config, FunctionName="f", RecursiveLoop="Maybe")
    assert code == "ValidationException"
    assert "Value 'Maybe' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum" in message
