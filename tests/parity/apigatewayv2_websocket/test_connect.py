"""A handshake: who is let in, what `$connect` is told, and what a client gets that isn't let in (facts §10)."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

DOOR = """
    import json

    def handler(event, context):
        query = event.get("queryStringParameters") or {}
        how = query.get("how", "")
        if how == "raise":
            raise ValueError("not today")
        if how == "text":
            return "come in"
        if how == "object":
            return {"statusCode": 200, "greeting": "hello"}
        headers = {"sec-websocket-protocol": query["protocol"]} if "protocol" in query else {}
        return {"statusCode": int(query.get("status", 200)), "body": json.dumps(event), "headers": headers}
"""


@pytest.fixture(scope="module")
def door(platform):
    function = platform.deploy(DOOR)
    yield function
    function.delete()


@pytest.fixture
def guarded(api, door):
    """An API whose `$connect` does as the query says, and answers what it is told otherwise."""
    made = api()
    target = made.function(door)
    made.route("$connect", target=target)
    made.route("$default", target=target, answers=True)
    made.deploy(StageVariables={"colour": "blue"})
    return made


def refused(made, path, **options):
    """The answer to a handshake that isn't let in."""
    with pytest.raises(InvalidStatus) as answer:
        made.connect(path, **options)
    return answer.value.response


def event_of(made, path="/dev?status=418", **options):
    return json.loads(refused(made, path, **options).body)


def test_connect_is_told_of_the_handshake(guarded):
    event = event_of(guarded, "/dev?status=418&a=1&a=2%20x", headers=[("X-Shade", "dark"), ("X-Shade", "light")])
    assert event["headers"]["Host"].startswith(guarded.host)
    assert event["headers"]["Sec-WebSocket-Version"] == "13"
    assert event["headers"]["X-Shade"] == "light"
    assert event["multiValueHeaders"]["X-Shade"] == ["dark", "light"]
    assert event["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", event["headers"]["X-Amzn-Trace-Id"])
    assert {"connection", "upgrade"}.isdisjoint(name.lower() for name in event["headers"])
    assert event["queryStringParameters"] == {"status": "418", "a": "2 x"}
    assert event["multiValueQueryStringParameters"] == {"status": ["418"], "a": ["1", "2 x"]}
    assert event["stageVariables"] == {"colour": "blue"}
    assert event["isBase64Encoded"] is False
    assert "body" not in event


def test_the_context_of_connect_has_these_members(guarded):
    context = event_of(guarded, user_agent_header="tests/1")["requestContext"]
    assert {name: type(value) for name, value in context.items()} == {
        "routeKey": str,
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
    assert (context["routeKey"], context["eventType"], context["stage"]) == ("$connect", "CONNECT", "dev")
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "tests/1"}
    assert context["requestId"] == context["extendedRequestId"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", context["connectionId"])
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context["requestTime"])


def test_what_connect_answers_is_the_answer_to_the_handshake(guarded):
    answer = refused(guarded, "/dev?status=403")
    assert answer.status_code == 403
    assert json.loads(answer.body)["requestContext"]["routeKey"] == "$connect"


def test_a_client_that_connect_lets_in_keeps_its_connection_id(guarded):
    client = guarded.connect("/dev?status=204")
    first, second = (client.ask("hi")["requestContext"] for _ in range(2))
    assert first["connectionId"] == second["connectionId"]
    assert first["connectedAt"] == second["connectedAt"] <= first["requestTimeEpoch"]
    assert first["requestId"] != second["requestId"]


@pytest.mark.parametrize("how", ["raise", "text", "object"])
def test_a_connect_function_that_fails_or_answers_nonsense_is_a_bad_gateway(guarded, how):
    answer = refused(guarded, f"/dev?how={how}")
    assert answer.status_code == 502
    assert re.fullmatch(
        rb'\{"message": "Internal server error", "connectionId":"[^"]+","requestId":"[^"]+"\}', answer.body
    )


def test_a_connect_route_that_leads_nowhere_is_a_server_error(api):
    made = api()
    nowhere = "arn:aws:lambda:us-east-1:123456789012:function:nobody"
    made.route("$connect", target=made.integrate("AWS_PROXY", IntegrationUri=nowhere))
    made.deploy()
    assert refused(made, "/dev").status_code == 500


def test_connect_chooses_the_subprotocol(guarded):
    client = guarded.connect("/dev?protocol=soap", subprotocols=["rest", "soap"])
    assert client.connection.subprotocol == "soap"


def test_without_a_connect_route_everybody_is_let_in(api, door):
    made = api()
    made.route("$default", target=made.function(door), answers=True)
    made.deploy()
    assert made.connect().ask("hello")["requestContext"]["routeKey"] == "$default"


def test_an_api_is_found_by_path_by_clients_that_cannot_resolve_its_name(guarded):
    client = guarded.connect(f"/_aws/execute-api/{guarded.id}/dev", host="localhost")
    assert client.ask("hello")["requestContext"]["domainName"] == guarded.host


@pytest.mark.parametrize("path", ["/", "/prod", "/dev/below"])
def test_a_stage_that_is_not_there_is_forbidden(guarded, path):
    answer = refused(guarded, path)
    assert (answer.status_code, json.loads(answer.body)) == (403, {"message": "Forbidden"})


def test_a_stage_to_which_nothing_was_deployed_is_forbidden(guarded):
    guarded.create_stage(StageName="empty")
    assert refused(guarded, "/empty").status_code == 403


def test_an_api_without_its_own_endpoint_is_forbidden_there(guarded):
    guarded.update_api(DisableExecuteApiEndpoint=True)
    assert refused(guarded, "/dev").status_code == 403


def test_a_request_that_is_no_handshake_is_asked_to_upgrade(guarded):
    connection = http.client.HTTPConnection(urlsplit(guarded.endpoint).netloc, timeout=60)
    connection.request("GET", "/dev", headers={"Host": guarded.host})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")
    connection.close()


def test_routes_take_effect_with_a_deployment_also_for_who_is_connected(api, door):
    made = api()
    target = made.function(door)
    made.route("$default", target=target, answers=True)
    made.deploy()
    client = made.connect()
    made.route("new", target=target, answers=True)
    assert client.ask({"action": "new"})["requestContext"]["routeKey"] == "$default"
    made.deploy()
    assert client.ask({"action": "new"})["requestContext"]["routeKey"] == "new"


def test_a_custom_domain_leads_to_its_stage(guarded, platform):
    client = platform.client("apigatewayv2")
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/x"
    configuration = {"EndpointType": "REGIONAL", "CertificateArn": certificate}
    client.create_domain_name(DomainName="ws.example.com", DomainNameConfigurations=[configuration])
    mapping = {"DomainName": "ws.example.com", "ApiId": guarded.id, "Stage": "dev"}
    client.create_api_mapping(ApiMappingKey="chat", **mapping)
    connected = guarded.connect("/chat", host="ws.example.com")
    context = connected.ask("hello")["requestContext"]
    assert (context["domainName"], context["stage"]) == ("ws.example.com", "dev")
    port = guarded.server.port
    management = guarded.management(f"http://127.0.0.1:{port}/chat")
    management.post_to_connection(ConnectionId=context["connectionId"], Data="psst")
    assert connected.hear() == "psst"
    assert refused(guarded, "/talk", host="ws.example.com").status_code == 403
    client.delete_domain_name(DomainName="ws.example.com")
