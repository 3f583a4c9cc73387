"""A connection's end: what `$disconnect` is told, and what clients are told by the platform (facts §10)."""

import json
import socket
import struct
import time

import pytest

TELLER = """
    import boto3, json

    management = boto3.client("apigatewaymanagementapi")

    def handler(event, context):
        watcher = (event.get("stageVariables") or {}).get("watcher")
        if event["requestContext"]["eventType"] == "DISCONNECT" and watcher:
            management.post_to_connection(ConnectionId=watcher, Data=json.dumps(event))
        return {"statusCode": 200, "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def teller(platform):
    function = platform.deploy(TELLER, Timeout=30)
    yield function
    function.delete()


@pytest.fixture
def watched(api, teller):
    """(an API, a client of it that is told how the others end)."""
    made = api()
    target = made.function(teller)
    made.route("$disconnect", target=target)
    made.route("$default", target=target, answers=True)
    made.deploy()
    watcher = made.connect()
    id = watcher.ask("hello")["requestContext"]["connectionId"]
    made.deploy(StageVariables={"watcher": id})
    return made, watcher


def test_disconnect_is_told_who_has_gone(watched):
    made, watcher = watched
    client = made.connect()
    connected = client.ask("hello")["requestContext"]
    client.close(1000, "bye")
    event = watcher.hear()
    assert event["headers"] == {
        "Host": made.host, "x-api-key": "", "X-Forwarded-For": "127.0.0.1", "x-restapi": ""
    }  # fmt: skip
    assert event["multiValueHeaders"]["x-restapi"] == [""]
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$disconnect", "DISCONNECT")
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (1000, "bye")
    same = ("connectionId", "connectedAt", "apiId", "stage", "domainName", "identity")
    assert {name: context[name] for name in same} == {name: connected[name] for name in same}
    assert "messageId" not in context


def hang_up(client, how):
    raw = client.connection.socket
    if how == "reset":
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    elif how == "bare":
        raw.sendall(b"\x88\x80\0\0\0\0")  # a close frame without a code
    elif how == "garbage":
        raw.sendall(b"\xff" * 20)
    else:
        client.close(int(how))


@pytest.mark.parametrize(
    "how, code, reason",
    [
        ("1000", 1000, "Connection Closed Normally"),
        ("1001", 1001, "Going away"),
        ("4000", 4000, ""),
        ("bare", 1005, "Client-side close frame status not set"),
        ("garbage", 1002, "reserved bits or opcode"),
    ],
)
def test_disconnect_is_told_the_code_and_the_reason(watched, how, code, reason):
    made, watcher = watched
    hang_up(made.connect(), how)
    context = watcher.hear()["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (code, reason)


def test_a_client_that_is_gone_without_a_word_ended_abnormally(watched):
    made, watcher = watched
    with socket.create_connection((made.server.hostname, made.server.port), timeout=60) as raw:
        raw.sendall(
            f"GET /dev HTTP/1.1\r\nHost: {made.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b" 101 " in raw.recv(1000)
    assert watcher.hear()["requestContext"]["disconnectStatusCode"] == 1006


@pytest.mark.parametrize("operation", ["delete_api", "delete_stage"])
def test_what_is_deleted_hangs_up_on_its_clients(api, teller, operation):
    made = api()
    made.route("$default", target=made.function(teller), answers=True)
    made.deploy()
    client = made.connect()
    client.ask("hello")
    getattr(made, operation)(**{} if operation == "delete_api" else {"StageName": "dev"})
    assert client.end() == (1001, "Going away")


@pytest.fixture(scope="module")
def elsewhere(platforms):
    """A server of the module's own, whose time it may move."""
    running = platforms("--ephemeral", "--allow-clock")
    yield running
    running.forget()


def test_a_connection_is_closed_after_ten_idle_minutes_or_two_hours(api, elsewhere):
    echo = elsewhere.deploy("def handler(event, context):\n    return {'statusCode': 200, 'body': 'pong'}")
    made = api(server=elsewhere)
    made.route("$default", target=made.function(echo), answers=True)
    made.deploy()
    idle, busy, pinging = (made.connect() for _ in range(3))
    for step in range(14):
        elsewhere.advance(500)
        assert busy.ask("ping") == "pong"
        assert pinging.connection.ping().wait(60)
        if step == 0:
            assert idle.ask("ping") == "pong"
    assert idle.end() == (1001, "Going away")
    elsewhere.advance(210)
    assert busy.end() == (1001, "Going away")
    assert pinging.end() == (1001, "Going away")


def test_a_server_that_stops_says_so_to_its_clients(api, elsewhere):
    made = api(server=elsewhere)
    made.route("$default", target=made.integrate("MOCK"))
    made.deploy()
    client = made.connect()
    assert elsewhere.stop() == 0
    assert client.end() == (1012, "Service restart")


def test_what_disconnect_answers_matters_to_nobody(api, deploy):
    failing = deploy("def handler(event, context):\n    raise ValueError('too late')")
    made = api()
    made.route("$disconnect", target=made.function(failing))
    made.deploy()
    client = made.connect()
    client.close()
    assert client.connection.close_code == 1000
    assert json.dumps(client.connection.close_reason) == '""'


def test_the_access_log_has_a_line_for_each_end_and_each_message(api, teller, platform):
    logs = platform.client("logs")
    logs.create_log_group(logGroupName="/sockets")
    made = api()
    made.route("talk", target=made.function(teller), answers=True)
    words = ("routeKey", "eventType", "status", "error.message", "connectionId", "authorizer.principalId")
    settings = {
        "DestinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:/sockets",
        "Format": " ".join(f"$context.{word}" for word in words),
    }
    made.deploy(AccessLogSettings=settings)
    client = made.connect()
    id = client.ask({"action": "talk"})["requestContext"]["connectionId"]
    client.ask({"action": "sing"})
    client.close()
    lines: list[str] = []
    end = time.monotonic() + 60
    while len(lines) < 4 and time.monotonic() < end:
        events = logs.filter_log_events(logGroupName="/sockets")["events"]
        lines = sorted(event["message"] for event in events)
    assert lines == sorted(
        [
            f"$connect CONNECT 200 - {id} -",
            f"talk MESSAGE 200 - {id} -",
            f"- MESSAGE 403 Forbidden {id} -",
            f"$disconnect DISCONNECT 200 - {id} -",
        ]
    )
    logs.delete_log_group(logGroupName="/sockets")
