"""Other services of AWS's behind REST APIs, without a function between (facts/apigateway.md §4)."""

import json

import pytest

FORM = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}


@pytest.fixture
def asks(rest):
    """A method that sends a form to a service; a template of the answer is optional."""
    api = rest()

    def make(path, place, form, template="", **headers):
        parameters = FORM | {f"integration.request.header.{name}": f"'{value}'" for name, value in headers.items()}
        integration = {
            "type": "AWS",
            "integrationHttpMethod": "POST",
            "uri": f"arn:aws:apigateway:us-east-1:{place}",
            "credentials": "arn:aws:iam::123456789012:role/r",
            "requestParameters": parameters,
            "requestTemplates": {"application/json": form},
        }
        on = api.method(path, "POST", integration)
        for status, pattern in (("200", {}), ("400", {"selectionPattern": "4.."})):
            api.put_method_response(**on, statusCode=status)
            templates = {"responseTemplates": {"application/json": template}} if template and status == "200" else {}
            api.put_integration_response(**on, statusCode=status, **pattern, **templates)
        return lambda: api("POST", path, b'{"a": "b&c"}', {"content-type": "application/json"})

    make.deploy = api.deploy
    return make


def test_a_queue_answers_a_template_in_json(asks, platform):
    sqs = platform.client("sqs")
    url = sqs.create_queue(QueueName="behind-rest")["QueueUrl"]
    queue = "sqs:path/123456789012/behind-rest"
    send = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
    named = '{"id": $input.json("$.SendMessageResponse.SendMessageResult.MessageId")}'
    sent = asks("/send", queue, send, named)
    received = asks("/receive", queue, "Action=ReceiveMessage&AttributeName=All")
    wrong = asks("/wrong", queue, "Action=SendMessage")
    in_xml = asks("/xml", queue, send, Accept="application/xml")
    asks.deploy()
    id = sent().value["id"]
    told = received().value["ReceiveMessageResponse"]
    assert told.keys() == {"ReceiveMessageResult", "ResponseMetadata"}
    (message,) = told["ReceiveMessageResult"]["messages"]
    assert (message["MessageId"], json.loads(message["Body"])) == (id, {"a": "b&c"})
    assert message["MD5OfMessageAttributes"] is None
    assert {"Name": "ApproximateReceiveCount", "Value": "1"} in message["Attributes"]
    page = wrong()
    assert (page.status, page.value["Error"]["Code"]) == (400, "MissingParameter")
    assert page.value["Error"]["Type"] == "Sender"
    assert in_xml().body.startswith(b"<SendMessageResponse ")
    sqs.delete_queue(QueueUrl=url)


def test_a_topic_answers_in_json(asks, platform):
    sns = platform.client("sns")
    topic = sns.create_topic(Name="behind-rest")["TopicArn"]
    published = asks("/publish", "sns:action/Publish", f"TopicArn=$util.urlEncode('{topic}')&Message=hi")
    asks.deploy()
    told = published().value["PublishResponse"]
    assert told["PublishResult"]["MessageId"] and told["ResponseMetadata"]["RequestId"]
    sns.delete_topic(TopicArn=topic)
