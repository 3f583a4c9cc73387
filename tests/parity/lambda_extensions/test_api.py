"""The Extensions API as a function's own process finds it, over HTTP: facts/lambda-runtime.md §4."""

import re
import time
import uuid

import pytest

CLIENT = """
    import http.client, json, os, threading

    def call(method, path, body=None, headers={}):
        connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=5)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = [answer.status, json.loads(answer.read()), dict(answer.headers)]
        connection.close()
        return said

    def register(name, *events, **headers):
        body = json.dumps({"events": events})
        headers = {"Lambda-Extension-Name": name, **headers}
        return call("POST", "/2020-01-01/extension/register", body, headers)

    def identify(answer):
        return {"Lambda-Extension-Identifier": answer[2]["Lambda-Extension-Identifier"]}

    def listen(identity, heard):
        connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        while True:
            connection.request("GET", "/2020-01-01/extension/event/next", headers=identity)
            answer = connection.getresponse()
            heard.append([json.loads(answer.read()), answer.headers["Lambda-Extension-Event-Identifier"]])
"""
"""What the functions begin with; their handler tells what `answers` holds."""

TELL = """
    def handler(event, context):
        return answers
"""


@pytest.fixture
def told(deploy):
    """What a function's static code got: each answer as [status, body, headers], by name."""

    def told(code):
        return deploy(CLIENT + "\n    answers = {}\n" + code + TELL, Timeout=5)().result

    return told


def refused(answer):
    status, body, _ = answer
    assert set(body) == {"errorMessage", "errorType"}
    return status, body["errorType"], body["errorMessage"]


def test_an_internal_extension_hears_of_every_invocation(deploy):
    """Internal extensions register from the runtime process; INVOKE events."""
    function = deploy(
        CLIENT
        + """
    heard = []
    threading.Thread(target=listen, args=(identify(register("inside", "INVOKE")), heard), daemon=True).start()

    def handler(event, context):
        return {"id": context.aws_request_id, "heard": list(heard)}
    """,
        Timeout=5,
    )
    first, second = function(), function()
    log = next(iter(function.log().values()))
    assert "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]\n" in log
    event, identifier = second.result["heard"][0]
    assert (event["eventType"], event["requestId"]) == ("INVOKE", first.result["id"])
    assert uuid.UUID(identifier)


def test_it_lets_the_runtime_have_its_sigterm(deploy, lines):
    """Registering any extension (even internal) enables SIGTERM for the runtime; 500 ms."""
    function = deploy(
        CLIENT
        + """
    import signal
    threading.Thread(target=listen, args=(identify(register("inside")), []), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda number, frame: (print("goodbye", flush=True), os._exit(0)))

    def handler(event, context): pass
    """,
    )
    function()
    function.configure(Description="new")
    assert "goodbye\n" in lines(function, "goodbye")


def test_the_runtime_has_half_a_second_where_there_are_internal_ones_only(deploy, lines):
    """Internal only: 500 ms budget; at the deadline SIGKILL."""
    function = deploy(
        CLIENT
        + """
    import signal, time

    def bye(number, frame):
        for step in range(1, 100):
            print("step", step, flush=True)
            time.sleep(0.1)

    threading.Thread(target=listen, args=(identify(register("inside")), []), daemon=True).start()
    signal.signal(signal.SIGTERM, bye)

    def handler(event, context): pass
    """,
        MemorySize=1769,
    )
    function()
    function.configure(Description="new")
    lines(function, "step 3")
    time.sleep(0.8)
    steps = [line for line in lines(function, "step 3") if line.startswith("step ")]
    assert 3 <= len(steps) <= 6


def test_registering_tells_about_the_function(told):
    """200 `{"functionName","functionVersion","handler"[,"accountId"]}`, header Lambda-Extension-Identifier: uuid."""
    answers = told("""
    answers["plain"] = register("one", "INVOKE")
    threading.Thread(target=listen, args=(identify(answers["plain"]), []), daemon=True).start()
    answers["account"] = register("two", **{"Lambda-Extension-Accept-Feature": "accountId"})
    threading.Thread(target=listen, args=(identify(answers["account"]), []), daemon=True).start()
    answers["empty"] = call("POST", "/2020-01-01/extension/register", None, {"Lambda-Extension-Name": "three"})
    threading.Thread(target=listen, args=(identify(answers["empty"]), []), daemon=True).start()
    """)
    status, body, headers = answers["plain"]
    assert status == 200
    assert uuid.UUID(headers["Lambda-Extension-Identifier"])
    assert re.fullmatch(r"f-\d+", body.pop("functionName"))
    assert body == {"functionVersion": "$LATEST", "handler": "h.handler"}
    assert answers["account"][1]["accountId"] == "123456789012"
    assert answers["empty"][0] == 200


def test_what_is_refused(told):
    """403, type and message."""
    answers = told("""
    def at(path, method="POST", **headers):
        return call(method, "/2020-01-01/extension/" + path, None, headers)

    answers["name"] = at("register")
    answers["format"] = call("POST", "/2020-01-01/extension/register", "{", {"Lambda-Extension-Name": "x"})
    answers["event"] = register("x", "SLEEP")
    answers["shutdown"] = register("x", "SHUTDOWN")
    answers["missing"] = at("event/next", "GET")
    answers["invalid"] = at("event/next", "GET", **{"Lambda-Extension-Identifier": "me"})
    stranger = {"Lambda-Extension-Identifier": "8fbbd5ac-5b0a-4b43-a8a7-3d3e8e3b2b3f"}
    answers["unknown"] = at("event/next", "GET", **stranger)
    known = identify(register("one", "INVOKE"))
    answers["again"] = register("one", "INVOKE")
    answers["header"] = at("exit/error", **known)
    threading.Thread(target=listen, args=(known, []), daemon=True).start()
    """)
    assert refused(answers["name"]) == (403, "Extension.InvalidExtensionName", "Empty extension name")
    assert refused(answers["format"])[:2] == (403, "InvalidRequestFormat")
    assert refused(answers["event"])[:2] == (403, "Extension.InvalidEventType")
    assert refused(answers["shutdown"])[:2] == (403, "Extension.InvalidEventType")
    assert refused(answers["missing"])[:2] == (403, "Extension.MissingExtensionIdentifier")
    assert refused(answers["invalid"])[:2] == (403, "Extension.InvalidExtensionIdentifier")
    assert refused(answers["unknown"])[:2] == (403, "Extension.UnknownExtensionIdentifier")
    assert refused(answers["again"])[:2] == (403, "Extension.InvalidExtensionState")
    assert refused(answers["header"])[:2] == (403, "Extension.MissingHeader")


def test_there_are_ten_at_most(told):
    """Extension.TooManyExtensions · `Extension limit (10) reached`."""
    answers = told("""
    for number in range(10):
        identity = identify(register(f"extension-{number}", "INVOKE"))
        threading.Thread(target=listen, args=(identity, []), daemon=True).start()
    answers["eleventh"] = register("extension-10", "INVOKE")
    """)
    assert refused(answers["eleventh"]) == (403, "Extension.TooManyExtensions", "Extension limit (10) reached")


def test_registration_closes_when_init_ends(deploy):
    """Extension.RegistrationClosed."""
    function = deploy(CLIENT + "\n    def handler(event, context): return register('late', 'INVOKE')\n")
    assert refused(function().result)[:2] == (403, "Extension.RegistrationClosed")
    assert function().error is None
