"""The query protocol: forms in, XML out (facts/iam.md §1, facts/sqs.md §2)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.wire.model import Models


def parse(models: Models, service: str, operation: str, form: str, query: str = "") -> dict[str, object]:
    return models[service].operation(operation, "query").parse({}, query, {}, form.encode())


def test_lists_have_member_and_a_number(models: Models) -> None:
    form = "Action=TagRole&RoleName=r&Tags.member.2.Key=b&Tags.member.2.Value="
    form += "&Tags.member.1.Key=a&Tags.member.1.Value=x%20y"
    assert parse(models, "iam", "TagRole", form) == {
        "RoleName": "r",
        "Tags": [{"Key": "a", "Value": "x y"}, {"Key": "b", "Value": ""}],
    }


def test_numbers_of_a_list_may_have_gaps_and_ten_comes_after_two(models: Models) -> None:
    form = "RoleName=r&TagKeys.member.10=c&TagKeys.member.2=b&TagKeys.member.1=a"
    assert parse(models, "iam", "UntagRole", form)["TagKeys"] == ["a", "b", "c"]


def test_an_empty_value_is_an_empty_list(models: Models) -> None:
    assert parse(models, "iam", "TagRole", "RoleName=r&Tags=") == {"RoleName": "r", "Tags": []}


def test_one_element_of_a_flattened_list_goes_without_its_number(models: Models) -> None:
    read = parse(models, "sqs", "ReceiveMessage", "QueueUrl=q&AttributeName=All")
    assert read == {"QueueUrl": "q", "AttributeNames": ["All"]}


def test_sqs_flattens_lists_and_maps_under_their_old_names(models: Models) -> None:
    form = (
        "QueueUrl=q&MessageBody=hi&DelaySeconds=3&MessageAttribute.1.Name=Foo&MessageAttribute.1.Value.DataType=String"
        "&MessageAttribute.1.Value.StringValue=Bar&MessageAttribute.2.Name=B&MessageAttribute.2.Value.DataType=Binary"
        "&MessageAttribute.2.Value.BinaryValue=AAE%3D"
    )
    assert parse(models, "sqs", "SendMessage", form) == {
        "QueueUrl": "q",
        "MessageBody": "hi",
        "DelaySeconds": 3,
        "MessageAttributes": {
            "Foo": {"DataType": "String", "StringValue": "Bar"},
            "B": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        },
    }
    assert parse(models, "sqs", "CreateQueue", "QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5") == {
        "QueueName": "q",
        "Attributes": {"DelaySeconds": "5"},
    }
    batch = "QueueUrl=q&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=x"
    assert parse(models, "sqs", "SendMessageBatch", batch)["Entries"] == [{"Id": "a", "MessageBody": "x"}]


def test_sqs_answers_with_flattened_lists(models: Models) -> None:
    message = {"MessageId": "1", "Body": "a\r\n<b>", "Attributes": {"SenderId": "me"}}
    answer = models["sqs"].operation("ReceiveMessage", "query").serialize({"Messages": [message, {"Body": "2"}]}, "r")
    assert answer.body == (
        b'<ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ReceiveMessageResult><Message>'
        b"<MessageId>1</MessageId><Body>a&#xD;\n&lt;b&gt;</Body><Attribute><Name>SenderId</Name><Value>me</Value>"
        b"</Attribute></Message><Message><Body>2</Body></Message></ReceiveMessageResult>"
        b"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ReceiveMessageResponse>"
    )
    empty = models["sqs"].operation("ReceiveMessage", "query").serialize({}, "r")
    assert b"<ReceiveMessageResult/>" in empty.body


def test_an_operation_without_output_has_only_metadata(models: Models) -> None:
    assert models["iam"].operation("DeleteRole").serialize({}, "r").body == (
        b'<DeleteRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        b"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DeleteRoleResponse>"
    )


def test_a_get_request_carries_its_parameters_in_the_query_string(models: Models) -> None:
    query = "Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIAIOSFODNN7EXAMPLE&X-Amz-Signature=0"
    assert parse(models, "sts", "GetAccessKeyInfo", "", query) == {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}


@pytest.mark.parametrize("form", ["RoleName.x=1", "RoleName=r&Tags=x", "RoleName=r&Tags.member.x.Key=1"])
def test_a_form_of_the_wrong_shape_is_malformed(models: Models, form: str) -> None:
    with pytest.raises(AwsError, match="MalformedInput"):
        parse(models, "iam", "TagRole", form)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["RoleName", "Tags", "member", "1", "Key", "", "x"]), st.text(max_size=3))))
def test_whatever_form_is_sent_nothing_but_an_aws_error_is_raised(models: Models, parts: list[tuple[str, str]]) -> None:
    form = "&".join(f"{'.'.join(name for name, _ in parts[: i + 1])}={value}" for i, (_, value) in enumerate(parts))
    try:
        parse(models, "iam", "TagRole", form)
    except AwsError as error:
        assert error.code in ("MalformedInput", "ValidationError")
