"""Integrations whose requests and answers are mapped: MOCK, functions without proxy, other services (facts §4, §5)."""

import json

import pytest

FAILS = """
    def handler(event, context):
        if event.get("fail"):
            raise ValueError(event["fail"])
        return {"got": event}
"""


def test_a_mock_answers_by_its_request_template_and_response_template(rest):
    api = rest()
    place = api.method("/m/{x}", "POST", authorizationType="NONE")
    request = """#set($context.responseOverride.header.X-Seen = "$input.params('x')")
        {"statusCode": #if($input.path('$.fail'))500#else 200#end}"""
    api.put_integration(**place, type="MOCK", requestTemplates={"application/json": request})
    for status, pattern in (("200", ""), ("500", "5\\d\\d")):
        shown = {"method.response.header.X-Stage": True}
        api.put_method_response(**place, statusCode=status, responseParameters=shown)
        template = f'{{"status": {status}, "path": "$context.resourcePath", "v": "$stageVariables.v"}}'
        mapped = {"method.response.header.X-Stage": "context.stage"}
        selection = {"selectionPattern": pattern} if pattern else {}
        templates = {"application/json": template}
        api.put_integration_response(
            **place, statusCode=status, responseParameters=mapped, responseTemplates=templates, **selection
        )
    api.deploy(variables={"v": "1"})
    page = api("POST", "/m/a%20b", b'{"fail": false}')
    assert (page.status, page.value) == (200, {"status": 200, "path": "/m/{x}", "v": "1"})
    assert (page.headers["X-Stage"], page.headers["X-Seen"]) == ("dev", "a b")
    assert page.headers["Content-Type"] == "application/json"
    assert page.headers["X-Amzn-Trace-Id"] is None
    assert api("POST", "/m/1", b'{"fail": true}').value["status"] == 500
    wrong = api("POST", "/m/1", b"{").refusal
    assert wrong[:2] == (400, "BadRequestException")
    assert json.loads(wrong[2])["message"].startswith("Could not parse request body into json: ")


def test_a_mock_without_a_status_and_a_response_that_isnt_declared_are_configuration_errors(rest):
    api = rest()
    api.method("/none", "GET", {"type": "MOCK"})
    api.method("/undeclared", "GET", {"type": "MOCK", "requestTemplates": {"application/json": "{statusCode: 200}"}})
    api.put_integration_response(resourceId=api.resource("/undeclared"), httpMethod="GET", statusCode="200")
    api.deploy()
    refused = (500, "InternalServerErrorException", b'{"message": "Internal server error"}')
    assert api("GET", "/none").refusal == refused
    assert api("GET", "/undeclared").refusal == refused


@pytest.mark.parametrize("behaviour", ["NEVER", "WHEN_NO_TEMPLATES"])
def test_a_type_without_a_template_is_unsupported_where_nothing_passes_through(rest, behaviour):
    api = rest()
    api.mock("/m", "POST")
    at = {"resourceId": api.resource("/m"), "httpMethod": "POST"}
    change = [{"op": "replace", "path": "/passthroughBehavior", "value": behaviour}]
    api.update_integration(**at, patchOperations=change)
    api.deploy()
    assert api("POST", "/m", b"{}").status == 200
    refused = (415, "BadRequestException", b'{"message": "Unsupported Media Type"}')
    assert api("POST", "/m", b"<x/>", {"Content-Type": "application/xml"}).refusal == refused


@pytest.fixture
def mapped(rest, deploy):
    """An API with a function behind a template, whose errors are mapped."""
    api, function = rest(), deploy(FAILS)
    place = api.method("/f", "POST", authorizationType="NONE")
    request = {"application/json": '{"fail": $input.json("$.fail"), "q": "$input.params(\'q\')"}'}
    uri = api.proxy(function)["uri"]
    api.put_integration(**place, type="AWS", integrationHttpMethod="POST", uri=uri, requestTemplates=request)
    for status, pattern in (("200", ""), ("400", "bad .*"), ("409", ".*conflict")):
        selection = {"selectionPattern": pattern} if pattern else {}
        templates = {"application/json": '{"error": $input.json("$.errorMessage")}'} if pattern else {}
        shown = {"method.response.header.X-Kind": True}
        api.put_method_response(**place, statusCode=status, responseParameters=shown)
        mapping = {"method.response.header.X-Kind": "integration.response.body.errorType"}
        api.put_integration_response(
            **place, statusCode=status, responseTemplates=templates, responseParameters=mapping, **selection
        )
    api.deploy()
    return api


def test_a_functions_error_is_matched_as_a_whole_by_selection_patterns(mapped):
    assert mapped("POST", "/f?q=1", b'{"fail": ""}').value == {"got": {"fail": "", "q": "1"}}
    page = mapped("POST", "/f", b'{"fail": "bad input"}')
    assert (page.status, page.value, page.headers["X-Kind"]) == (400, {"error": "bad input"}, "ValueError")
    assert mapped("POST", "/f", b'{"fail": "a conflict"}').status == 409
    unmatched = mapped("POST", "/f", b'{"fail": "a conflict it is"}')
    assert (unmatched.status, unmatched.value["errorMessage"]) == (200, "a conflict it is")


def test_a_function_can_be_invoked_asynchronously(rest, deploy, platform):
    queue = platform.client("sqs").create_queue(QueueName="rest-async")["QueueUrl"]
    function = deploy(
        """
        import boto3, os
        def handler(event, context):
            boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=event["text"])
        """,
        Environment={"Variables": {"QUEUE": queue}},
    )
    api = rest()
    place = api.method("/f", "POST", authorizationType="NONE")
    header = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    uri = api.proxy(function)["uri"]
    api.put_integration(**place, type="AWS", integrationHttpMethod="POST", uri=uri, requestParameters=header)
    api.put_method_response(**place, statusCode="202")
    api.put_integration_response(**place, statusCode="202")
    api.deploy()
    assert api("POST", "/f", b'{"text": "later"}').status == 202
    got = platform.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert got[0]["Body"] == "later"


def _service(api, path, uri, parameters, template, method="POST"):
    place = api.method(path, method, authorizationType="NONE")
    api.put_integration(
        **place,
        type="AWS",
        integrationHttpMethod=method,
        uri=f"arn:aws:apigateway:us-east-1:{uri}",
        credentials="arn:aws:iam::123456789012:role/r",
        requestParameters=parameters,
        requestTemplates={"application/json": template} if template else {},
    )
    for status, pattern in (("200", ""), ("400", "4\\d\\d")):
        api.put_method_response(**place, statusCode=status)
        selection = {"selectionPattern": pattern} if pattern else {}
        api.put_integration_response(**place, statusCode=status, **selection)


def test_requests_reach_queues_topics_buckets_and_buses_without_a_function(rest, platform):
    sqs, s3 = platform.client("sqs"), platform.client("s3")
    queue = sqs.create_queue(QueueName="rest-sink")["QueueUrl"]
    s3.create_bucket(Bucket="rest-sink")
    topic = platform.client("sns").create_topic(Name="rest-sink")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    platform.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    api = rest()
    form = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    template = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
    _service(api, "/queue", "sqs:path/123456789012/rest-sink", form, template)
    query = {"integration.request.querystring.Message": "method.request.body", **form}
    topic_query = {**query, "integration.request.querystring.TopicArn": f"'{topic}'"}
    _service(api, "/topic", "sns:action/Publish", topic_query, "")
    key = {"integration.request.path.key": "method.request.path.key"}
    _service(api, "/objects/{key}", "s3:path/rest-sink/{key}", key, "", "PUT")
    target = {
        "integration.request.header.X-Amz-Target": "'AWSEvents.PutEvents'",
        "integration.request.header.Content-Type": "'application/x-amz-json-1.1'",
    }
    entry = '{"Entries": [{"Source": "rest", "DetailType": "t", "Detail": "{}"}]}'
    _service(api, "/events", "events:action/PutEvents", target, entry)
    api.deploy()
    assert "MessageId" in api("POST", "/queue", b"one & two").body.decode()
    assert api("POST", "/topic", b"three").status == 200
    bodies = []
    while len(bodies) < 2:
        received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20, MaxNumberOfMessages=10)["Messages"]
        bodies += [each["Body"] for each in received]
        for each in received:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
    assert "one & two" in bodies and any('"three"' in body for body in bodies)
    assert api("PUT", "/objects/a%2Fb", b"content").status == 200
    assert s3.get_object(Bucket="rest-sink", Key="a/b")["Body"].read() == b"content"
    assert api("POST", "/events", b"").value["FailedEntryCount"] == 0
