"""Configuration of asynchronous invocation; every test is a sentence of facts/lambda-api.md §5 and §10."""

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


def refused(call, **params):
    """(code, message) of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def shown(answer):
    return {member: answer[member] for member in answer if member not in ("LastModified", "ResponseMetadata")}


def test_members_that_arent_set_are_absent_and_destinations_come_back_empty(client, create):
    create()
    answer = client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    assert shown(answer) == {
        "FunctionArn": f"{ARN}:$LATEST",
        "MaximumRetryAttempts": 1,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    }
    assert shown(client.get_function_event_invoke_config(FunctionName="f", Qualifier="$LATEST")) == shown(answer)


def test_put_replaces_and_update_merges(client, create):
    create()
    both = {"OnSuccess": {"Destination": QUEUE}, "OnFailure": {"Destination": f"{QUEUE}-2"}}
    client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0, DestinationConfig=both)
    updated = client.update_function_event_invoke_config(
        FunctionName="f", MaximumEventAgeInSeconds=60, DestinationConfig={"OnSuccess": {"Destination": f"{QUEUE}-3"}}
    )
    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (0, 60)
    assert updated["DestinationConfig"]["OnSuccess"] == {"Destination": f"{QUEUE}-3"}
    assert updated["DestinationConfig"]["OnFailure"] == both["OnFailure"]
    put = client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=2)
    assert "MaximumEventAgeInSeconds" not in put
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}


def test_a_config_without_any_setting_is_refused(client, create):
    create()
    error = (
        "InvalidParameterValueException",
        "You must specify at least one of error handling or destination setting.",
    )
    assert refused(client.put_function_event_invoke_config, FunctionName="f") == error
    client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    assert refused(client.update_function_event_invoke_config, FunctionName="f") == error


def test_what_isnt_there_is_named_in_awss_words(client, create):
    create()
    nothing = "The function {}:{} doesn't have an EventInvokeConfig"
    for call in (client.get_function_event_invoke_config, client.delete_function_event_invoke_config):
        assert refused(call, FunctionName="f") == ("ResourceNotFoundException", nothing.format(ARN, "$LATEST"))
        assert refused(call, FunctionName="f", Qualifier="x") == ("ResourceNotFoundException", nothing.format(ARN, "x"))
    update = client.update_function_event_invoke_config
    assert refused(update, FunctionName="f", MaximumRetryAttempts=1)[1] == nothing.format(ARN, "$LATEST")
    gone = ("ResourceNotFoundException", "The function doesn't exist.")
    put = client.put_function_event_invoke_config
    assert refused(put, FunctionName="nobody", MaximumRetryAttempts=1) == gone
    assert refused(put, FunctionName="f", Qualifier="nobody", MaximumRetryAttempts=1) == gone
    assert refused(client.list_function_event_invoke_configs, FunctionName="nobody") == gone


def test_a_destination_must_be_able_to_take_events(client, create):
    create(), create("g")
    put = client.put_function_event_invoke_config

    def given(success="", failure=""):
        config = {"OnSuccess": {"Destination": success}, "OnFailure": {"Destination": failure}}
        return {"FunctionName": "f", "DestinationConfig": {way: config[way] for way in config if config[way]}}

    assert refused(put, **given(ARN))[1] == "You can't specify the function as a destination for itself."
    other = f"{ARN}-nobody"
    assert refused(put, **given(other))[1] == f"The destination ARN {other} is invalid."
    bucket = "arn:aws:s3:::b"
    assert refused(put, **given(bucket)) == (
        "InvalidParameterValueException",
        f"The provided destination config DestinationConfig(onSuccess=OnSuccess(destination={bucket}), onFailure=null) "
        "is invalid.",
    )
    assert refused(put, **given(f"{QUEUE}.fifo"))[1] == f"The destination ARN {QUEUE}.fifo is invalid."
    missing = f"{QUEUE}-missing"
    assert refused(put, **given(failure=missing))[1] == f"The destination ARN {missing} is invalid."
    for fine in (given(failure=bucket), given(QUEUE), given(ARN[:-1] + "g")):
        put(**fine)


def test_every_qualifier_has_its_own_and_they_are_listed_in_pages(client, create):
    create()
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    for attempts, qualifier in enumerate(("$LATEST", "1", "live")):
        client.put_function_event_invoke_config(FunctionName="f", Qualifier=qualifier, MaximumRetryAttempts=attempts)
    pages = client.get_paginator("list_function_event_invoke_configs").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 2}
    )
    listed = [
        {item["FunctionArn"]: item["MaximumRetryAttempts"] for item in page["FunctionEventInvokeConfigs"]}
        for page in pages
    ]
    assert listed == [{f"{ARN}:$LATEST": 0, f"{ARN}:1": 1}, {f"{ARN}:live": 2}]
    answer = client.delete_function_event_invoke_config(FunctionName="f:live")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_function(FunctionName="f", Qualifier="1")
    left = client.list_function_event_invoke_configs(FunctionName="f")["FunctionEventInvokeConfigs"]
    assert [item["FunctionArn"] for item in left] == [f"{ARN}:$LATEST"]


def test_the_limits_are_the_models(client, create):
    create()
    for member, value in (("MaximumRetryAttempts", 3), ("MaximumEventAgeInSeconds", 59)):
        code, message = refused(client.put_function_event_invoke_config, FunctionName="f", **{member: value})
        assert code == "ValidationException" and f"'{member[0].lower()}{member[1:]}'" in message
