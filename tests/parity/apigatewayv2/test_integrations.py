"""What routes of an HTTP API lead to: web servers, functions, AWS services (facts/apigateway.md §9)."""

import json
import threading

import pytest
from backend import Backend, echo

ROLE = "arn:aws:iam::123456789012:role/gateway"


@pytest.fixture(scope="module")
def backend():
    def answer(asked):
        if asked.target == "/gone":
            return 410, [("X-Reason", "moved"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], b"gone"
        if asked.target == "/binary":
            return 200, [("Content-Type", "image/png")], bytes(range(256))
        return echo(asked)

    with Backend(answer) as server:
        yield server


def proxied(made, url, **options):
    wanted = {
        "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": url,
        "PayloadFormatVersion": "1.0",
    }  # fmt: skip
    return f"integrations/{made.create_integration(**wanted | options)['IntegrationId']}"


def test_a_request_goes_through_to_a_web_server_and_its_answer_back(api, backend):
    made = api()
    made.route("ANY /{proxy+}", target=proxied(made, backend.url + "/base/{proxy}"))
    page = made("POST", "/a/b%20c?x=1&x=2", b"hello", {"X-Own": "1", "Content-Type": "text/plain"})
    told = page.value
    assert told["method"] == "POST"
    assert told["target"] == "/base/a/b%20c?x=1&x=2"
    assert told["body"] == "hello"
    assert told["headers"]["x-own"] == "1"
    assert "host=" in told["headers"]["forwarded"]
    assert "x-forwarded-for" not in told["headers"]
    assert page.headers["x-backend"] == "yes"


def test_status_headers_and_bytes_of_a_web_server_are_its_own(api, backend):
    made = api()
    made.route("GET /gone", target=proxied(made, backend.url + "/gone", IntegrationMethod="GET"))
    made.route("GET /binary", target=proxied(made, backend.url + "/binary"))
    gone = made("GET", "/gone")
    assert gone.status == 410
    assert gone.headers["x-reason"] == "moved"
    assert gone.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert made("GET", "/binary").body == bytes(range(256))


def test_an_answer_to_head_has_the_length_that_its_server_says(api, backend):
    made = api()
    made.route("ANY /binary", target=proxied(made, backend.url + "/binary"))
    page = made("HEAD", "/binary")
    assert (page.status, page.body, page.headers.get_all("content-length")) == (200, b"", ["256"])


def test_a_web_server_that_is_not_there_is_service_unavailable(api):
    made = api()
    made.route("GET /", target=proxied(made, "http://127.0.0.1:1/"))
    assert made("GET", "/").refusal == (503, "Service Unavailable")


def test_a_web_server_that_takes_too_long_is_service_unavailable(api, backend):
    made = api()
    release = threading.Event()

    def answer(asked):
        release.wait(60)
        return 200, [], b""

    with Backend(answer) as slow:
        made.route("GET /", target=proxied(made, slow.url, TimeoutInMillis=50))
        assert made("GET", "/").refusal == (503, "Service Unavailable")
        release.set()


def test_parameters_of_requests_and_answers_are_mapped(api, backend):
    made = api()
    target = proxied(
        made,
        backend.url + "/base",
        RequestParameters={
            "append:header.x-who": "$request.header.user",
            "overwrite:header.x-id": "${request.path.id}-$stageVariables.colour",
            "remove:header.secret": "''",
            "append:querystring.api": "$context.apiId",
            "overwrite:path": "/pets/$request.path.id",
            "append:header.x-name": "$request.body.pet.name",
        },
        ResponseParameters={"200": {"overwrite:statuscode": "201", "append:header.x-kind": "$response.body.method"}},
    )
    made.update_stage(StageName="$default", StageVariables={"colour": "red"})
    made.route("POST /things/{id}", target=target)
    body = json.dumps({"pet": {"name": "Rex"}}).encode()
    page = made("POST", "/things/6?a=1", body, {"user": "me", "secret": "x", "content-type": "application/json"})
    told = page.value
    assert page.status == 201
    assert page.headers["x-kind"] == "POST"
    assert told["target"] == f"/pets/6?a=1&api={made.id}"
    assert told["headers"]["x-who"] == "me"
    assert told["headers"]["x-id"] == "6-red"
    assert told["headers"]["x-name"] == "Rex"
    assert "secret" not in told["headers"]


def test_an_answer_is_mapped_by_its_own_status_only(api, backend):
    made = api()
    changes = {"200": {"overwrite:statuscode": "201"}, "404": {"overwrite:statuscode": "400"}}
    made.route("GET /gone", target=proxied(made, backend.url + "/gone", ResponseParameters=changes))
    assert made("GET", "/gone").status == 410
    mapped = {**changes, "410": {"overwrite:statuscode": "404", "remove:header.x-reason": "''"}}
    made.route("GET /mapped", target=proxied(made, backend.url + "/gone", ResponseParameters=mapped))
    page = made("GET", "/mapped")
    assert (page.status, page.headers["x-reason"]) == (404, None)


def test_reserved_headers_cannot_be_mapped(api, backend):
    made = api()
    with pytest.raises(made.client.exceptions.BadRequestException, match="restricted"):
        proxied(made, backend.url, RequestParameters={"append:header.authorization": "x"})


def test_a_function_with_payload_1_gets_the_older_event(api, deploy):
    function = deploy("""
        import json

        def handler(event, context):
            return {"statusCode": 200, "body": json.dumps(event), "multiValueHeaders": {"x-a": ["1", "2"]}}
    """)
    made = api()
    made.route("POST /pets/{id}", target=made.function(function, PayloadFormatVersion="1.0"))
    headers = [("X-Many", "1"), ("X-Many", "2"), ("Content-Type", "text/plain")]
    page = made("POST", "/pets/6?q=1&q=2", b"hi", headers)
    event = page.value
    assert page.headers.get_all("x-a") == ["1", "2"]
    assert event["version"] == "1.0"
    assert event["resource"] == "/pets/{id}"
    assert event["httpMethod"] == "POST"
    assert event["multiValueHeaders"]["X-Many"] == ["1", "2"]
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"]}
    assert event["pathParameters"] == {"id": "6"}
    assert event["body"] == "hi"
    assert event["requestContext"]["resourcePath"] == "/pets/{id}"


def test_a_message_goes_into_a_queue_and_the_answer_is_the_queues_own(api, platform):
    sqs = platform.client("sqs")
    queue = sqs.create_queue(QueueName="from-api")["QueueUrl"]
    made = api()
    target = made.create_integration(
        IntegrationType="AWS_PROXY",
        IntegrationSubtype="SQS-SendMessage",
        PayloadFormatVersion="1.0",
        CredentialsArn=ROLE,
        RequestParameters={"QueueUrl": queue, "MessageBody": "$request.body.text", "DelaySeconds": "0"},
    )["IntegrationId"]
    made.route("POST /messages", target=f"integrations/{target}")
    page = made("POST", "/messages", b'{"text": "hello"}', {"content-type": "application/json"})
    assert page.status == 200
    assert b"<MessageId>" in page.body
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert message["Body"] == "hello"
    assert made("POST", "/messages", b"{}").refusal == (400, "Bad Request")
    sqs.delete_queue(QueueUrl=queue)
    missing = made("POST", "/messages", b'{"text": "hello"}')
    assert missing.status == 400
    assert b"NonExistentQueue" in missing.body


def test_an_event_goes_onto_a_bus(api, platform):
    made = api()
    target = made.create_integration(
        IntegrationType="AWS_PROXY",
        IntegrationSubtype="EventBridge-PutEvents",
        PayloadFormatVersion="1.0",
        CredentialsArn=ROLE,
        RequestParameters={"Detail": "$request.body", "DetailType": "order", "Source": "shop"},
    )["IntegrationId"]
    made.route("POST /orders", target=f"integrations/{target}")
    answer = made("POST", "/orders", b'{"id": 1}').value
    assert answer["FailedEntryCount"] == 0
    assert answer["Entries"][0]["EventId"]


def test_services_that_are_not_here_are_refused_when_the_integration_is_made(api):
    made = api()
    with pytest.raises(made.client.exceptions.BadRequestException, match="not on this server"):
        made.create_integration(
            IntegrationType="AWS_PROXY",
            IntegrationSubtype="Kinesis-PutRecord",
            PayloadFormatVersion="1.0",
            CredentialsArn=ROLE,
            RequestParameters={"StreamName": "a", "Data": "b", "PartitionKey": "c"},
        )


def test_bytes_go_both_ways(api, deploy):
    function = deploy("""
        def handler(event, context):
            return {"statusCode": 200, "body": event["body"], "isBase64Encoded": event["isBase64Encoded"],
                "headers": {"content-type": "image/png"}}
    """)
    made = api()
    made.route("POST /", target=made.function(function))
    sent = bytes(range(256))
    assert made("POST", "/", sent, {"content-type": "image/png"}).body == sent


def test_a_private_integration_leads_through_a_link_to_a_listener(api, platform):
    elb, made = platform.client("elbv2"), api("dev")
    balancer = elb.create_load_balancer(Name="inner", Subnets=["subnet-1", "subnet-2"], Scheme="internal")
    arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    fixed = {"StatusCode": "201", "ContentType": "text/plain", "MessageBody": "inside"}
    listener = elb.create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}],
    )["Listeners"][0]["ListenerArn"]  # fmt: skip
    link = made.client.create_vpc_link(Name="l", SubnetIds=["subnet-1"])["VpcLinkId"]
    private = {"ConnectionType": "VPC_LINK", "ConnectionId": link}
    made.route("GET /pets", target=proxied(made, listener, **private))
    page = made("GET", "/dev/pets")
    assert (page.status, page.body) == (201, b"inside")
    with pytest.raises(made.client.exceptions.BadRequestException, match="VpcLink"):
        proxied(made, listener, ConnectionType="VPC_LINK", ConnectionId="nobody")
    with pytest.raises(made.client.exceptions.BadRequestException, match="Cloud Map"):
        proxied(made, "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1", **private)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert made("GET", "/dev/pets").refusal == (503, "Service Unavailable")
