"""Configurations of function URLs; every test is a sentence of facts/lambda-api.md §5 and §9."""

import re

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
CORS = {
    "AllowCredentials": True,
    "AllowHeaders": ["x-a"],
    "AllowMethods": ["GET", "PUT"],
    "AllowOrigins": ["https://example.com"],
    "ExposeHeaders": ["x-b"],
    "MaxAge": 60,
}


def refused(call, **params):
    """(code, message, status) of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def shown(answer):
    """The answer without what every URL has of its own."""
    own = ("FunctionUrl", "CreationTime", "LastModifiedTime", "ResponseMetadata")
    return {member: value for member, value in answer.items() if member not in own}


def test_create_answers_201_without_the_invoke_mode_unless_it_was_given(client, create):
    create("f"), create("g")
    answer = client.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert shown(answer) == {"FunctionArn": ARN, "AuthType": "NONE"}
    assert "LastModifiedTime" not in answer
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", answer["CreationTime"])
    given = client.create_function_url_config(FunctionName="g", AuthType="AWS_IAM", InvokeMode="BUFFERED", Cors=CORS)
    assert (given["InvokeMode"], given["Cors"]) == ("BUFFERED", CORS)


def test_get_always_has_the_invoke_mode(client, create):
    create()
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE")
    answer = client.get_function_url_config(FunctionName=ARN)
    assert shown(answer) == {"FunctionArn": ARN, "AuthType": "NONE", "InvokeMode": "BUFFERED"}
    assert answer["FunctionUrl"] == made["FunctionUrl"]
    assert answer["CreationTime"] == answer["LastModifiedTime"] == made["CreationTime"]


def test_the_url_is_a_name_below_localhost_with_the_servers_port(client, create, server):
    create()
    address = client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    port = server.url.rpartition(":")[2]
    assert re.fullmatch(rf"http://[0-9a-f]{{32}}\.lambda-url\.us-east-1\.localhost:{port}/", address)


def test_an_update_changes_what_is_given_and_keeps_the_url(client, create):
    create()
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE", Cors=CORS)
    updated = client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    assert shown(updated) == {"FunctionArn": ARN, "AuthType": "AWS_IAM", "Cors": CORS}
    assert updated["FunctionUrl"] == made["FunctionUrl"]
    assert updated["LastModifiedTime"] > made["CreationTime"]
    client.update_function_url_config(FunctionName="f", Cors={})
    assert "Cors" not in client.get_function_url_config(FunctionName="f")


def test_a_function_has_one_url(client, create):
    create()
    client.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert refused(client.create_function_url_config, FunctionName="f", AuthType="NONE") == (
        "ResourceConflictException",
        f"Failed to create function url config for [functionArn = {ARN}]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function",
        409,
    )


def test_each_alias_may_have_one_and_the_list_shows_them_all(client, create):
    create()
    client.publish_version(FunctionName="f")
    for alias in ("blue", "green"):
        client.create_alias(FunctionName="f", Name=alias, FunctionVersion="1")
        client.create_function_url_config(FunctionName="f", AuthType="NONE", Qualifier=alias)
    client.create_function_url_config(FunctionName="f", AuthType="NONE")
    pages = client.get_paginator("list_function_url_configs").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 2}
    )
    listed = [[item["FunctionArn"] for item in page["FunctionUrlConfigs"]] for page in pages]
    assert listed == [[ARN, f"{ARN}:blue"], [f"{ARN}:green"]]
    assert client.get_function_url_config(FunctionName="f:blue")["FunctionArn"] == f"{ARN}:blue"
    client.delete_alias(FunctionName="f", Name="blue")
    assert refused(client.get_function_url_config, FunctionName="f", Qualifier="blue")[2] == 404


def test_what_isnt_there_is_named_in_awss_words(client, create):
    create()
    no_function = ("ResourceNotFoundException", "Function does not exist", 404)
    no_url = ("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    assert refused(client.create_function_url_config, FunctionName="nobody", AuthType="NONE") == no_function
    alias = {"FunctionName": "f", "AuthType": "NONE", "Qualifier": "nobody"}
    assert refused(client.create_function_url_config, **alias) == no_function
    assert refused(client.list_function_url_configs, FunctionName="nobody") == no_function
    for call in (client.get_function_url_config, client.update_function_url_config, client.delete_function_url_config):
        assert refused(call, FunctionName="f") == no_url


@pytest.mark.parametrize("qualifier", ["1", "$LATEST"])
def test_a_version_has_no_url(client, create, qualifier):
    create()
    params = {"FunctionName": "f", "AuthType": "NONE", "Qualifier": qualifier}
    code, message, status = refused(client.create_function_url_config, **params)
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith(f"1 validation error detected: Value '{qualifier}' at 'qualifier' failed to satisfy ")


def test_the_invoke_mode_is_kept_and_can_be_changed(client, create):
    create()
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    assert made["InvokeMode"] == "RESPONSE_STREAM"
    assert client.get_function_url_config(FunctionName="f")["InvokeMode"] == "RESPONSE_STREAM"
    assert client.update_function_url_config(FunctionName="f", InvokeMode="BUFFERED")["InvokeMode"] == "BUFFERED"
    assert client.get_function_url_config(FunctionName="f")["InvokeMode"] == "BUFFERED"


def test_an_unknown_invoke_mode_is_refused(client, create):
    create()
    params = {"FunctionName": "f", "AuthType": "NONE", "InvokeMode": "FAST"}
    code, message, _ = refused(client.create_function_url_config, **params)
    assert code == "ValidationException" and "'invokeMode'" in message


def test_deleting_answers_204_and_the_next_url_is_another_one(client, create):
    create()
    first = client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    assert client.delete_function_url_config(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(client.get_function_url_config, FunctionName="f")[2] == 404
    assert client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"] != first


def test_a_function_made_anew_has_no_url(client, create):
    create()
    client.create_function_url_config(FunctionName="f", AuthType="NONE")
    client.delete_function(FunctionName="f")
    create()
    assert refused(client.get_function_url_config, FunctionName="f")[2] == 404
