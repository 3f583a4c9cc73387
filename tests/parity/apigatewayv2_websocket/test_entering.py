"""Who may connect, and how often: authorizers and limits of `$connect` (facts/apigateway.md §7, §10)."""

import json

import pytest
from websockets.exceptions import InvalidStatus

AUTHORIZER = """
    import json

    def handler(event, context):
        word = event["queryStringParameters"]["word"]
        if word == "unauthorized":
            raise Exception("Unauthorized")
        if word == "broken":
            raise ValueError("broken")
        if word == "nonsense":
            return {"isAuthorized": True}
        effect = "Deny" if word == "deny" else "Allow"
        resource = event["methodArn"] if word != "elsewhere" else event["methodArn"] + "x"
        statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
        return {
            "principalId": "ada",
            "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"team": "blue", "level": 7, "admin": True, "event": json.dumps(event)},
        }
"""


@pytest.fixture(scope="module")
def doorman(platform):
    function = platform.deploy(AUTHORIZER)
    yield function
    function.delete()


def guard(made, function, **options):
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    wanted = {
        "Name": "doorman",
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": uri,
        "IdentitySource": ["route.request.querystring.word", "route.request.header.X-Team"],
    }
    return made.create_authorizer(**wanted | options)["AuthorizerId"]


@pytest.fixture
def club(api, echo, doorman):
    made = api()
    target = made.function(echo)
    made.route("$connect", target=target, AuthorizationType="CUSTOM", AuthorizerId=guard(made, doorman))
    made.route("$default", target=target, answers=True)
    made.deploy(StageVariables={"colour": "blue"})
    return made


def enter(made, path, **headers):
    return made.connect(path, headers={"X-Team": "blue"} | headers)


def status_of(made, path, headers=None):
    with pytest.raises(InvalidStatus) as refused:
        made.connect(path, headers={"X-Team": "blue"} if headers is None else headers)
    answer = refused.value.response
    return answer.status_code, json.loads(answer.body)["message"]


def test_what_the_authorizer_says_comes_with_every_event(club):
    client = enter(club, "/dev?word=please")
    said = client.ask("hello")["requestContext"]["authorizer"]
    assert (said["principalId"], said["team"], said["level"], said["admin"]) == ("ada", "blue", "7", "true")
    assert isinstance(said["integrationLatency"], int)
    asked = json.loads(said["event"])
    assert asked["type"] == "REQUEST"
    assert asked["methodArn"] == f"arn:aws:execute-api:us-east-1:123456789012:{club.id}/dev/$connect"
    assert asked["headers"]["X-Team"] == "blue"
    assert asked["queryStringParameters"] == {"word": "please"}
    assert asked["stageVariables"] == {"colour": "blue"}
    assert asked["requestContext"]["routeKey"] == "$connect"
    assert asked["requestContext"]["eventType"] == "CONNECT"
    assert "body" not in asked


@pytest.mark.parametrize(
    "word, status, message",
    [
        ("deny", 403, "Forbidden"),
        ("elsewhere", 403, "Forbidden"),
        ("unauthorized", 401, "Unauthorized"),
        ("broken", 500, "Internal server error"),
        ("nonsense", 500, "Internal server error"),
    ],
)
def test_who_is_not_let_in_is_told_in_the_handshake(club, word, status, message):
    assert status_of(club, f"/dev?word={word}") == (status, message)


@pytest.mark.parametrize("path, headers", [("/dev", None), ("/dev?word=", None), ("/dev?word=please", {})])
def test_who_does_not_show_what_identifies_them_is_unauthorized(club, path, headers):
    assert status_of(club, path, headers) == (401, "Unauthorized")


def test_handshakes_and_messages_have_limits(api, echo):
    made = api()
    target = made.function(echo)
    made.route("$connect", target=target)
    made.route("$default", target=target, answers=True)
    made.route("rare", target=target, answers=True)
    slow = {"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": 1}
    made.deploy(RouteSettings={"rare": slow})
    client = made.connect()
    assert client.ask({"action": "rare"})["requestContext"]["routeKey"] == "rare"
    assert client.ask({"action": "rare"})["message"] == "Too Many Requests"
    assert client.ask("hello")["requestContext"]["routeKey"] == "$default"
    made.deploy(RouteSettings={"$connect": slow})
    made.connect()
    assert status_of(made, "/dev") == (429, "Too Many Requests")
