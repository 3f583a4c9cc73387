"""Messages: which route they take, what comes back, and what may not be sent (facts/apigateway.md §10)."""

import json
import re

import pytest

FRAME = '"connectionId":"{}","requestId":"[^"]+"'
WORKER = """
    import json, time

    def handler(event, context):
        body = event["body"]
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        asked = asked if isinstance(asked, dict) else {}
        how = asked.get("how")
        if how == "raise":
            raise ValueError("no")
        if how == "none":
            return None
        if how == "slow":
            time.sleep(20)
        if how == "quiet":
            return {"statusCode": 200}
        if how == "base64":
            return {"statusCode": 200, "body": "aGVsbG8=", "isBase64Encoded": True}
        if how == "length":
            return {"statusCode": 200, "body": str(len(body))}
        return {"statusCode": asked.get("status", 200), "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def worker(platform):
    function = platform.deploy(WORKER, Timeout=30)
    yield function
    function.delete()


@pytest.fixture
def office(api, worker):
    """An API with a route of its own for `talk`, one that says nothing back, and one that waits 0.1 s."""
    made = api()
    target = made.function(worker)
    made.route("$default", "talk", target=target, answers=True)
    made.route("whisper", target=target)
    made.route("impatient", target=made.function(worker, TimeoutInMillis=100))
    made.deploy()
    return made


def taken(client, message):
    """The route that a message takes."""
    return client.ask(message)["requestContext"]["routeKey"]


def test_the_context_of_a_message_has_these_members(office):
    event = office.connect(user_agent_header=None).ask({"action": "talk"})
    assert event.keys() == {"requestContext", "body", "isBase64Encoded"}
    context = event["requestContext"]
    assert {name: type(value) for name, value in context.items()} == {
        "routeKey": str,
        "messageId": str,
        "eventType": str,
        "extendedRequestId": str,
        "requestTime": str,
        "messageDirection": str,
        "stage": str,
        "connectedAt": int,
        "requestTimeEpoch": int,
        "identity": dict,
        "requestId": str,
        "domainName": str,
        "connectionId": str,
        "apiId": str,
    }
    assert context["identity"] == {"sourceIp": "127.0.0.1"}
    assert (context["eventType"], context["messageDirection"]) == ("MESSAGE", "IN")
    assert (context["apiId"], context["stage"], context["domainName"]) == (office.id, "dev", office.host)
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", context["messageId"])


def test_the_selection_expression_picks_the_route_and_everything_else_takes_the_default(office):
    client = office.connect()
    assert taken(client, {"action": "talk"}) == "talk"
    for message in ("no JSON", "[1]", '"talk"', {"action": "sing"}, {"action": {}}, {"action": None}, {}, ""):
        assert taken(client, message) == "$default", message


@pytest.mark.parametrize("key", ["$connect", "$disconnect"])
def test_no_message_can_take_the_routes_of_a_connections_ends(office, key):
    assert taken(office.connect(), {"action": key}) == "$default"


@pytest.mark.parametrize(
    "expression, key, message",
    [
        ("$request.body.order.kind", "new", {"order": {"kind": "new"}}),
        ("${request.body.a}/${request.body.b}", "x/y", {"a": "x", "b": "y"}),
        ("$request.body.list[1].name", "second", {"list": [{}, {"name": "second"}]}),
        ("$request.body['first name']", "Ada", {"first name": "Ada"}),
        ("$request.body.number", "7", {"number": 7}),
        ("$request.body.yes", "true", {"yes": True}),
        ("$request.header.x-kind", "loud", {}),
        ("$request.querystring.kind", "soft", {}),
        ("$stageVariables.kind", "blue", {}),
        ("${context.eventType}-x", "MESSAGE-x", {}),
    ],
)
def test_a_selection_expression_reads_the_message_the_handshake_and_the_stage(api, worker, expression, key, message):
    made = api(RouteSelectionExpression=expression)
    made.route("$default", key, target=made.function(worker), answers=True)
    made.deploy(StageVariables={"kind": "blue"})
    client = made.connect("/dev?kind=soft", headers={"X-Kind": "loud"})
    assert taken(client, message) == key


def test_a_message_without_a_route_is_forbidden(api, worker):
    made = api()
    made.route("talk", target=made.function(worker), answers=True)
    made.deploy()
    client = made.connect()
    id = client.ask({"action": "talk"})["requestContext"]["connectionId"]
    client.say({"action": "sing"})
    said = client.connection.recv(60)
    assert re.fullmatch(rf'\{{"message": "Forbidden", {FRAME.format(id)}\}}', said)


def test_a_route_without_a_response_says_nothing(office):
    client = office.connect()
    client.say({"action": "whisper"})
    assert taken(client, {"action": "talk"}) == "talk"


@pytest.mark.parametrize("action", ["talk", "whisper"])
@pytest.mark.parametrize("how", ["raise", "none"])
def test_a_function_that_fails_is_told_of_on_every_route(office, action, how):
    said = office.connect().ask({"action": action, "how": how})
    assert said.keys() == {"message", "connectionId", "requestId"}
    assert said["message"] == "Internal server error"


def test_a_function_that_takes_too_long_is_not_waited_for(office):
    said = office.connect().ask({"action": "impatient", "how": "slow"})
    assert said["message"] == "Endpoint request timed out"


def test_what_a_two_way_route_returns_reaches_the_client_whatever_its_status(office):
    client = office.connect()
    assert client.ask({"action": "talk", "status": 500})["requestContext"]["routeKey"] == "talk"
    assert client.ask({"action": "talk", "how": "base64"}) == "hello"
    client.say({"action": "talk", "how": "quiet"})
    assert client.ask({"action": "talk", "how": "length"}) == 35


def test_a_binary_message_is_not_supported(office):
    client = office.connect()
    client.say(b"\0\1")
    assert client.end()[0] == 1003


def test_a_frame_holds_32_kb(office):
    client = office.connect()
    assert client.ask(json.dumps({"how": "length", "x": ""}).ljust(32 * 1024)) == 32 * 1024
    client.say("x" * (32 * 1024 + 1))
    assert client.end()[0] == 1009


def test_a_message_holds_128_kb_in_frames(office):
    client = office.connect()
    start = json.dumps({"how": "length"}).ljust(32 * 1024)
    client.connection.send([start, *[" " * 32 * 1024] * 3])
    assert client.hear() == 128 * 1024
    client.connection.send([start, *[" " * 32 * 1024] * 3, " "])
    assert client.end()[0] == 1009


def test_messages_of_one_client_run_side_by_side(api, deploy):
    waits = deploy("""
        import time

        def handler(event, context):
            time.sleep(0.2)
            return {"statusCode": 200, "body": "x"}
    """)
    made = api()
    made.route("$default", target=made.function(waits), answers=True)
    made.deploy()
    client = made.connect()
    for _ in range(40):  # more than are taken in at once
        client.say("go")
    assert [client.hear() for _ in range(40)] == ["x"] * 40
