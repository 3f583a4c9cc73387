"""Integrations that aren't functions' proxies: mapped, mocked, over HTTP (facts/apigateway.md §4, §5, §10)."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

MOCK = '{"statusCode": 200}'


def responses(made, target, **by_key):
    """Integration responses: key -> the template of what the client gets, or further members."""
    id = target.removeprefix("integrations/")
    for key, given in by_key.items():
        members = given if isinstance(given, dict) else {"ResponseTemplates": {"$default": given}}
        members = {"TemplateSelectionExpression": "\\$default"} | members
        name = "$default" if key == "default" else key
        made.create_integration_response(IntegrationId=id, IntegrationResponseKey=name, **members)


@pytest.fixture
def mocked(api):
    """Makes an API whose messages a MOCK answers: `mocked(request templates, default=..., ...)`."""

    def make(templates=None, answers=None, route=None, **options):
        made = api()
        templates = {"$default": MOCK} if templates is None else templates
        target = made.integrate("MOCK", RequestTemplates=templates, **options)
        responses(made, target, **{"default": "ok"} if answers is None else answers)
        made.route("$default", target=target, answers=True, **route or {})
        made.deploy(StageVariables={"colour": "blue"})
        return made

    return make


def test_a_mock_answers_with_its_template(mocked):
    text = '{"text": "$input.path("$.text")", "who": "$context.connectionId", "colour": "$stageVariables.colour"}'
    # What comes back of a MOCK has no body of its own: its templates see none of the message.
    client = mocked(answers={"default": text.replace('$input.path("$.text")', "fixed")}).connect()
    said = client.ask({"text": "hello"})
    assert (said["text"], said["colour"]) == ("fixed", "blue")
    assert len(said["who"]) == 16


def test_a_template_is_chosen_by_its_selection_expression(mocked):
    templates = {"good": '{"statusCode": 200}', "bad": '{"statusCode": 500}', "$default": '{"statusCode": 404}'}
    answers = {"/200/": "fine", "/5\\d\\d/": "broken", "default": "unknown"}
    client = mocked(templates, answers, TemplateSelectionExpression="${request.body.how}").connect()
    assert client.ask({"how": "good"}) == "fine"
    assert client.ask({"how": "bad"}) == "broken"
    assert client.ask({"how": "else"}) == "unknown"
    assert client.ask("no JSON") == "unknown"


@pytest.mark.parametrize(
    "templates, behaviour, said",
    [
        ({}, "WHEN_NO_MATCH", "ok"),
        ({"a": MOCK}, "WHEN_NO_MATCH", "ok"),
        ({"a": MOCK}, "WHEN_NO_TEMPLATES", "Unsupported Media Type"),
        ({}, "WHEN_NO_TEMPLATES", "ok"),
        ({}, "NEVER", "Unsupported Media Type"),
    ],
)
def test_what_passes_through_without_a_template(mocked, templates, behaviour, said):
    client = mocked(templates, PassthroughBehavior=behaviour).connect()
    answer = client.ask({"statusCode": 200})
    assert answer == said if said == "ok" else answer["message"] == said


@pytest.mark.parametrize("template", ["no status", "#if(", '{"statusCode": "x"}'])
def test_a_mock_without_a_status_is_a_configuration_error(mocked, template):
    assert mocked({"$default": template}).connect().ask("hi")["message"] == "Internal server error"


def test_a_template_that_wants_json_refuses_other_messages(mocked):
    client = mocked({"$default": '#set($x = $input.json("$"))' + MOCK}).connect()
    assert client.ask({"a": 1}) == "ok"
    assert client.ask("no JSON")["message"].startswith("Could not parse request body into json")


def test_a_message_that_does_not_fit_its_model_is_refused(api):
    made = api()
    schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    made.create_model(Name="Talk", ContentType="application/json", Schema=json.dumps(schema))
    target = made.integrate("MOCK", RequestTemplates={"$default": MOCK})
    responses(made, target, default="ok")
    wanted = {"ModelSelectionExpression": "$request.body.action", "RequestModels": {"talk": "Talk"}}
    made.route("talk", "$default", target=target, answers=True, **wanted)
    made.deploy()
    client = made.connect()
    assert client.ask({"action": "talk", "text": "hello"}) == "ok"
    said = client.ask({"action": "talk", "text": 1})
    assert said.keys() == {"message", "connectionId", "requestId"}
    assert said["message"] == "Invalid request body"
    assert client.ask({"action": "sing"}) == "ok"


def test_content_may_be_turned_into_text(mocked):
    answers = {"default": {"ResponseTemplates": {"$default": "hello"}, "ContentHandlingStrategy": "CONVERT_TO_TEXT"}}
    assert mocked(answers=answers).connect().ask("x") == base64.b64encode(b"hello").decode()


def test_a_functions_event_and_its_result_may_be_mapped(api, deploy):
    function = deploy("""
        def handler(event, context):
            if event.get("how") == "raise":
                raise ValueError("too bad: " + event["who"])
            return {"event": event}
    """)
    made = api()
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
    target = made.integrate(
        "AWS",
        IntegrationUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        IntegrationMethod="POST",
        RequestTemplates={"$default": '{"how": $input.json("$.how"), "who": "$context.connectionId"}'},
    )
    failed = '{"failed": "$input.path("$.errorMessage")"}'
    responses(made, target, default='{"got": $input.json("$.event.how")}', **{"/too bad.*/": failed})
    made.route("$default", target=target, answers=True)
    made.deploy()
    client = made.connect()
    assert client.ask({"how": "well"}) == {"got": "well"}
    assert client.ask({"how": "raise"})["failed"].startswith("too bad: ")


@pytest.fixture
def backend() -> Iterator[tuple[str, list]]:
    """(URL, what it was asked) of an HTTP server that tells what it was asked, with the status of its path's end."""
    asked: list = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked.append({"path": self.path, "method": self.command, "headers": headers, "body": body})
            told = json.dumps(asked[-1]).encode()
            status = self.path.partition("?")[0].rpartition("/")[2]
            self.send_response(int(status) if status.isdecimal() else 200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_PUT = do_POST

        def log_message(self, *said):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_message_goes_to_an_http_server(api, backend):
    url, asked = backend
    made = api()
    proxy = {"IntegrationMethod": "POST", "IntegrationUri": f"{url}/talk?fixed=1"}
    parameters = {
        "integration.request.header.connectionId": "context.connectionId",
        "integration.request.header.kind": "route.request.body.kind",
        "integration.request.querystring.colour": "stageVariables.colour",
        "integration.request.header.greeting": "'hello'",
    }
    target = made.integrate("HTTP_PROXY", RequestParameters=parameters, **proxy)
    made.route("$connect", target=made.integrate("HTTP_PROXY", **proxy | {"IntegrationMethod": "GET"}))
    made.route("$default", target=target, answers=True)
    refused = made.integrate("HTTP_PROXY", IntegrationMethod="POST", IntegrationUri="http://127.0.0.1:1/x")
    made.route("gone", target=refused, answers=True)
    made.deploy(StageVariables={"colour": "blue"})
    client = made.connect(headers={"X-Team": "green"})
    connected = asked[0]
    assert (connected["method"], connected["headers"]["x-team"]) == ("GET", "green")
    said = client.ask({"kind": "loud"})
    assert (said["method"], said["path"], said["body"]) == ("POST", "/talk?fixed=1&colour=blue", '{"kind": "loud"}')
    headers = said["headers"]
    assert (headers["kind"], headers["greeting"], len(headers["connectionid"])) == ("loud", "hello", 16)
    assert headers["x-amzn-apigateway-api-id"] == made.id
    assert client.ask({"action": "gone"})["message"] == "Internal server error"


def test_an_http_answer_may_be_mapped_by_its_status(api, backend):
    url, _ = backend
    made = api()
    options = {"IntegrationMethod": "PUT", "RequestTemplates": {"$default": '{"x": $input.json("$.a")}'}}
    made.route("$connect", target=made.integrate("MOCK", RequestTemplates={"$default": MOCK}))
    for status in (200, 503):
        target = made.integrate("HTTP", IntegrationUri=f"{url}/{status}", **options)
        responses(made, target, default='{"fine": $input.json("$.body")}', **{"/5.*/": "broken"})
        made.route(f"s{status}", target=target, answers=True)
    made.deploy()
    client = made.connect()
    assert client.ask({"action": "s200", "a": 7}) == {"fine": '{"x": 7}'}
    assert client.ask({"action": "s503", "a": 7}) == "broken"


def test_what_a_connect_integration_says_decides(api, backend):
    from websockets.exceptions import InvalidStatus

    url, _ = backend
    made = api()
    made.route("$connect", target=made.integrate("HTTP_PROXY", IntegrationMethod="GET", IntegrationUri=f"{url}/404"))
    made.deploy()
    with pytest.raises(InvalidStatus) as refused:
        made.connect()
    assert refused.value.response.status_code == 404


def test_a_message_goes_to_a_queue(api, platform):
    sqs = platform.client("sqs")
    url = sqs.create_queue(QueueName="from-a-socket")["QueueUrl"]
    made = api()
    target = made.integrate(
        "AWS",
        IntegrationMethod="POST",
        IntegrationUri="arn:aws:apigateway:us-east-1:sqs:path/123456789012/from-a-socket",
        CredentialsArn="arn:aws:iam::123456789012:role/r",
        RequestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        RequestTemplates={"$default": "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"},
        TemplateSelectionExpression="\\$default",
    )
    responses(made, target, default='{"sent": true}', **{"/4.*/": "refused"})
    made.route("$default", target=target, answers=True)
    made.deploy()
    assert made.connect().ask({"text": "a & b"}) == {"sent": True}
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"]) == {"text": "a & b"}
    sqs.delete_queue(QueueUrl=url)


def test_a_service_that_is_not_here_is_a_server_error(api):
    made = api()
    uri = "arn:aws:apigateway:us-east-1:polly:action/Speak"
    made.route("$default", target=made.integrate("AWS", IntegrationMethod="POST", IntegrationUri=uri), answers=True)
    made.deploy()
    assert made.connect().ask("hello")["message"] == "Internal server error"
