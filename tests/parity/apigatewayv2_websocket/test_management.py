"""What a back end does to the clients of an API: `@connections` (facts/apigateway.md §10)."""

import http.client
import socket

import pytest
from botocore.exceptions import ClientError

OURS = (
    "AWS4-HMAC-SHA256 Credential=123456789012/20261128/us-east-1/execute-api/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


@pytest.fixture
def hall(api, echo):
    made = api()
    target = made.function(echo)
    made.route("$connect", target=target)
    made.route("$default", target=target, answers=True)
    made.deploy()
    return made


@pytest.fixture
def guest(hall):
    """(a client, its connection id)."""
    client = hall.connect(user_agent_header="tests/1")
    return client, client.ask("hello")["requestContext"]["connectionId"]


@pytest.fixture
def resolving(monkeypatch):
    """Names below localhost are the machine's own (RFC 6761 §6.3), on machines that don't know it as well."""
    ask = socket.getaddrinfo

    def getaddrinfo(host, *rest, **options):
        return ask("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def code_of(call, *args, **params):
    with pytest.raises(ClientError) as refused:
        call(*args, **params)
    error = refused.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]


def test_a_message_is_posted_to_a_client(hall, guest):
    client, id = guest
    answer = hall.management().post_to_connection(ConnectionId=id, Data="grüß dich")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert client.hear() == "grüß dich"
    hall.management().post_to_connection(ConnectionId=id, Data=b"\xff\xfe")
    assert client.hear() == b"\xff\xfe"
    hall.management().post_to_connection(ConnectionId=id, Data=b"x" * 128 * 1024)
    assert client.hear() == "x" * 128 * 1024


def test_the_address_may_be_the_stages_own(hall, guest, resolving):
    client, id = guest
    port = hall.server.port
    for endpoint in (
        f"http://{hall.host}:{port}/dev",
        f"http://{hall.host}:{port}/dev/",
        f"http://127.0.0.1:{port}/_aws/execute-api/{hall.id}/dev",
        f"http://127.0.0.1:{port}",
    ):
        hall.management(endpoint).post_to_connection(ConnectionId=id, Data=endpoint)
        assert client.hear() == endpoint
    for endpoint in (
        f"http://{hall.host}:{port}/prod",
        f"http://nobody.execute-api.us-east-1.localhost:{port}/dev",
        f"http://127.0.0.1:{port}/_aws/execute-api/{hall.id}/prod",
    ):
        gone = code_of(hall.management(endpoint).post_to_connection, ConnectionId=id, Data="x")
        assert gone == ("GoneException", 410), endpoint


@pytest.mark.parametrize("path", ["/dev/@connections/{}", "/dev/%40connections/{}"])
def test_clients_encode_paths_in_their_own_ways(hall, guest, path):
    client, id = guest
    for spelled in (id, id.replace("=", "%3D")):
        connection = http.client.HTTPConnection("127.0.0.1", hall.server.port, timeout=60)
        connection.request("POST", path.format(spelled), b"hello", {"Host": hall.host, "Authorization": OURS})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        connection.close()
        assert client.hear() == "hello"


def test_a_connection_is_described(hall, guest, platform):
    client, id = guest
    found = hall.management().get_connection(ConnectionId=id)
    assert found["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "tests/1"}
    assert found["ConnectedAt"].timestamp() <= found["LastActiveAt"].timestamp() <= platform.now()
    event = client.ask("again")
    assert abs(found["ConnectedAt"].timestamp() * 1000 - event["requestContext"]["connectedAt"]) < 1000
    assert hall.management().get_connection(ConnectionId=id)["LastActiveAt"] >= found["LastActiveAt"]


def test_a_connection_is_deleted_and_then_gone(hall, guest):
    client, id = guest
    management = hall.management()
    assert management.delete_connection(ConnectionId=id)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.end() == (1000, "Connection Closed Normally")
    for operation in (management.get_connection, management.delete_connection):
        assert code_of(operation, ConnectionId=id) == ("GoneException", 410)
    assert code_of(management.post_to_connection, ConnectionId=id, Data="x") == ("GoneException", 410)


def test_a_client_that_has_left_is_gone(hall, guest):
    client, id = guest
    client.close()
    assert code_of(hall.management().post_to_connection, ConnectionId=id, Data="x") == ("GoneException", 410)


def test_a_message_may_not_be_larger_than_128_kb(hall, guest):
    _, id = guest
    too_large = code_of(hall.management().post_to_connection, ConnectionId=id, Data=b"x" * (128 * 1024 + 1))
    assert too_large == ("PayloadTooLargeException", 413)


def test_a_client_of_another_account_is_not_to_be_reached(hall, guest):
    _, id = guest
    stranger = hall.management(aws_access_key_id="999999999999")
    assert code_of(stranger.post_to_connection, ConnectionId=id, Data="x") == ("ForbiddenException", 403)


def test_a_client_that_does_not_read_is_sent_no_more_than_a_bound(hall, guest):
    _, id = guest  # whose library reads a few messages ahead, and then no more
    management = hall.management()

    def flood():
        for _ in range(400):
            management.post_to_connection(ConnectionId=id, Data=b"x" * 128 * 1024)

    assert code_of(flood) == ("LimitExceededException", 429)


def test_a_connection_is_not_there_while_connect_decides(api, deploy):
    hasty = deploy("""
        import boto3

        management = boto3.client("apigatewaymanagementapi")

        def handler(event, context):
            try:
                management.post_to_connection(ConnectionId=event["requestContext"]["connectionId"], Data="early")
            except management.exceptions.GoneException as gone:
                return {"statusCode": 299 if str(gone.response["ResponseMetadata"]["HTTPStatusCode"]) == "410" else 500}
            return {"statusCode": 500}
    """)
    made = api()
    made.route("$connect", target=made.function(hasty, TimeoutInMillis=29000))
    made.deploy()
    made.connect().close()
