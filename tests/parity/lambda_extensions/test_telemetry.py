"""The Telemetry API and the Logs API, as extensions use them: facts/lambda-runtime.md §5, AWS's guide.

The extensions here subscribe as their settings say, and print what reaches them.
"""

import json
import re
import time

import pytest

RECORDER = """
    import http.server, socketserver, threading

    SETTINGS = json.loads(os.environ["RECORDERS"])[os.path.basename(sys.argv[0])]
    PORT = SETTINGS.get("port", 4243)
    got, came = [], threading.Condition()

    def take(events):
        for event in events:  # first: who is told below may let the environment be frozen
            say("got", os.path.basename(sys.argv[0]), json.dumps(event))
        with came:
            got.extend(events)
            came.notify_all()

    class Receiver(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        refusals = SETTINGS.get("refusals", 0)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            Receiver.refusals -= 1
            if Receiver.refusals >= 0:
                say("refused", len(json.loads(body)))
                self.send_response(500)
            else:
                if SETTINGS.get("tells_how"):
                    say("how", json.dumps([self.command, self.path, self.headers["Content-Type"]]))
                self.send_response(200)
                take(json.loads(body))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"OK")

        do_PUT = do_POST
        def log_message(self, *args): pass

    class Lines(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                take([json.loads(line)])

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    def listen():
        server = Server(("sandbox.localdomain", PORT), Lines if SETTINGS.get("tcp") else Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def subscribe():
        to = {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{PORT}"}
        body = {
            "types": ["platform", "function"],
            "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": SETTINGS.get("timeout_ms", 25)},
            "destination": SETTINGS.get("destination", to),
        }
        path = SETTINGS.get("path", "/2022-07-01/telemetry")
        answer, said = api.call("PUT", path, json.dumps({**body, **SETTINGS.get("asks", {"schemaVersion": "2022-12-13"})}))
        say("subscribed", answer.status, json.dumps(said))

    api.register("INVOKE", "SHUTDOWN")
    if SETTINGS.get("listens_late"):
        subscribe()
        time.sleep(0.3)
        listen()
    else:
        listen()
        subscribe()
    while True:
        event = api.next()
        say("event", event["eventType"])
        if event["eventType"] == "SHUTDOWN":
            time.sleep(SETTINGS.get("stays_s", 0))
            os._exit(0)  # threads may be printing
        with came:
            # As real ones do: until the runtime is done with this invocation.
            until = SETTINGS.get("until", "platform.runtimeDone")
            came.wait_for(
                lambda: not until
                or any(e["type"] == until and e["record"]["requestId"] == event["requestId"] for e in got),
                5,
            )
"""  # noqa: E501
LOUD = """
    print("static code", flush=True)

    def handler(event, context):
        print("handler says", event, flush=True)
        return event
"""
ECHO = "def handler(event, context): return event"
LOGS = {"path": "/2020-08-15/logs"}


@pytest.fixture
def recorded(extended):
    """Deploys a function beside recorders: `recorded(code, {name: settings})`."""

    def recorded(code, recorders, **configuration):
        variables = {"RECORDERS": json.dumps(recorders)}
        extensions = dict.fromkeys(recorders, RECORDER)
        return extended(code, extensions, Environment={"Variables": variables}, **configuration)

    return recorded


def events(found, name="recorder"):
    """What reached a recorder; once, although a batch comes again when its answer was lost with the environment."""
    start = f"got {name} "
    told = dict.fromkeys(line.removeprefix(start) for line in found if line.startswith(start))
    return [json.loads(event) for event in told]


def kinds(found, name="recorder"):
    return [event["type"].removeprefix("platform.") for event in events(found, name)]


def of(found, kind, name="recorder"):
    return [event["record"] for event in events(found, name) if event["type"] == f"platform.{kind}"]


def until(lines, function, satisfied, within_s=20.0):
    """The log as soon as it satisfies."""
    deadline = time.monotonic() + within_s
    while True:
        found = lines(function, "")
        if satisfied(found):
            return found
        assert time.monotonic() < deadline, "".join(found)


def test_it_hears_everything_from_the_start_of_init_in_order_and_the_report_when_it_is_thawed(recorded, lines):
    """Who subscribes in init gets what came before; a frozen environment is sent nothing."""
    function = recorded(LOUD, {"recorder": {}})
    first = function(1)
    assert first.result == 1
    second = function(2)
    assert second.result == 2
    found = until(lines, function, lambda found: kinds(found).count("runtimeDone") == 2)
    assert 'subscribed 200 "OK"\n' in found
    assert "TELEMETRY\tName: recorder\tState: Subscribed\tTypes: [Platform, Function]\n" in found
    heard = kinds(found)
    assert [kind for kind in heard if kind not in ("function", "telemetrySubscription")] == [
        "initStart", "initRuntimeDone", "extension", "initReport", "start", "runtimeDone", "report", "start",
        "runtimeDone",
    ]  # fmt: skip
    assert heard.index("telemetrySubscription") < heard.index("start")
    printed = [event["record"] for event in events(found) if event["type"] == "function"]
    assert printed == ["static code\n", "handler says 1\n", "handler says 2\n"]
    assert [each["requestId"] for each in of(found, "start")] == [first.request_id, second.request_id]
    report = next(number for number, line in enumerate(found) if "got" in line and "platform.report" in line)
    assert report > next(number for number, line in enumerate(found) if second.request_id in line)


def test_each_platform_record_has_the_attributes_and_spans_of_aws(recorded, lines):
    """The attributes of each; spans of the runtime and of the extensions."""
    code = """
        import time
        def handler(event, context):
            time.sleep(0.1)
            return event
    """
    latest = {"asks": {"schemaVersion": "2025-01-29"}, "until": "platform.runtimeDone"}
    function = recorded(code, {"recorder": latest})
    first = function("x" * 98)
    function(None)
    found = until(lines, function, lambda found: kinds(found).count("runtimeDone") == 2)
    [started] = of(found, "initStart")
    assert re.fullmatch(r"arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}", started.pop("runtimeVersionArn"))
    assert re.fullmatch(rf"\d{{4}}/\d\d/\d\d/{function.name}\[\$LATEST\]\w{{32}}", started.pop("instanceId"))
    assert started.pop("runtimeVersion").startswith("python:3.")
    init = {"initializationType": "on-demand", "phase": "init"}
    names = {"functionName": function.name, "functionVersion": "$LATEST"}
    assert started == {**init, **names, "instanceMaxMemory": 512 << 20}
    assert of(found, "initRuntimeDone") == [{**init, "status": "success"}]
    [report] = of(found, "initReport")
    assert report.pop("metrics")["durationMs"] > 0
    assert report == {**init, "status": "success"}
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
    assert of(found, "start")[0] == {"requestId": first.request_id, "functionArn": arn, "version": "$LATEST"}
    done = of(found, "runtimeDone")[0]
    assert (done["requestId"], done["status"], done["metrics"]["producedBytes"]) == (first.request_id, "success", 100)
    assert done["metrics"]["durationMs"] >= 100
    assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    assert done["spans"][0]["durationMs"] >= 100
    [report] = of(found, "report")
    assert set(report) == {"requestId", "status", "metrics", "spans"}
    assert [span["name"] for span in report["spans"]] == ["extensionOverhead"]
    assert {"initDurationMs", "billedDurationMs", "maxMemoryUsedMB"} < set(report["metrics"])
    assert report["metrics"]["memorySizeMB"] == 512
    assert of(found, "extension") == [{"name": "recorder", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}]
    subscribed = {"name": "recorder", "state": "Subscribed", "types": ["platform", "function"]}
    assert of(found, "telemetrySubscription") == [subscribed]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]) for event in events(found))


def test_each_schema_has_its_own_forms(recorded, lines):
    """2022-07-01: strings; later: objects where the function logs JSON. The Logs API: fewer, and older, events."""
    schemas = {
        "first": {"asks": {"schemaVersion": "2022-07-01"}},
        "second": {"asks": {"schemaVersion": "2022-12-13"}},
        "logs": LOGS | {"asks": {}, "until": ""},
        "done": LOGS | {"asks": {"schemaVersion": "2021-03-18"}},
    }
    lasting = {"stays_s": 0.5}
    recorders = {name: settings | lasting | {"port": 4240 + n} for n, (name, settings) in enumerate(schemas.items())}
    code = """
        import logging
        def handler(event, context):
            logging.getLogger().warning("careful")
            print("plain")
    """
    function = recorded(code, recorders, LoggingConfig={"LogFormat": "JSON"}, MemorySize=1769, Timeout=60)
    assert function().result is None
    function.configure(Description="new")
    found = until(lines, function, lambda found: all("report" in kinds(found, name) for name in schemas))

    def printed(name):
        return [event["record"] for event in events(found, name) if event["type"] == "function"][:2]

    assert json.loads(printed("first")[0])["message"] == "careful"
    assert printed("second")[0]["message"] == "careful"
    assert printed("second")[1] == "plain\n"
    assert json.loads(printed("logs")[0])["message"] == "careful"
    assert set(of(found, "initStart", "first")[0]) == {
        "initializationType", "phase", "runtimeVersion", "runtimeVersionArn",
    }  # fmt: skip
    assert {"functionName", "functionVersion"} < set(of(found, "initStart", "second")[0])
    started = of(found, "start", "logs")[0]
    assert of(found, "start", "second")[0] == started == {"requestId": started["requestId"], "version": "$LATEST"}
    told = list(dict.fromkeys(kind for kind in kinds(found, "logs") if kind != "function"))
    assert sorted(told) == ["end", "extension", "logsSubscription", "report", "start"]
    assert of(found, "end", "logs")[0] == {"requestId": started["requestId"]}
    assert set(of(found, "report", "logs")[0]) == {"requestId", "metrics"}
    assert of(found, "runtimeDone", "done")[0] == {"requestId": started["requestId"], "status": "success"}
    subscribed = next(line for line in found if "platform.logsSubscription" in line and not line.startswith("got"))
    assert json.loads(subscribed)["record"]["state"] == "Subscribed"


def test_tcp_takes_lines_and_the_logs_api_may_put_to_a_path(recorded, lines):
    """`{"protocol":"TCP","port":N}`: newline-delimited JSON. Logs API: `method` PUT, and a path of one's own."""
    put = {"protocol": "HTTP", "URI": "http://sandbox:4244/logs?a=b", "method": "PUT", "encoding": "JSON"}
    recorders = {
        "lines": {"tcp": True, "destination": {"protocol": "TCP", "port": 4243}},
        "puts": LOGS | {"port": 4244, "asks": {"schemaVersion": "2021-03-18"}, "destination": put, "tells_how": True},
    }
    function = recorded(LOUD, recorders)
    assert function(1).result == 1
    found = until(lines, function, lambda found: "runtimeDone" in kinds(found, "lines"))
    assert kinds(found, "lines")[:1] == ["initStart"]
    assert 'how ["PUT", "/logs?a=b", "application/json"]\n' in found
    assert "LOGS\tName: puts\tState: Subscribed\tTypes: [Platform, Function]\n" in found
    printed = [event["record"] for event in events(found, "lines") if event["type"] == "function"]
    assert printed == ["static code\n", "handler says 1\n"]


def test_it_is_tried_again_until_it_is_taken(recorded, lines):
    """Lambda retries, with backoff, where nobody listens or the listener answers with an error."""
    function = recorded(LOUD, {"late": {"listens_late": True}, "refuses": {"port": 4244, "refusals": 3}})
    assert function(1).result == 1
    found = until(lines, function, lambda found: all("runtimeDone" in kinds(found, n) for n in ("late", "refuses")))
    assert len([line for line in found if line.startswith("refused ")]) == 3
    for name in ("late", "refuses"):
        heard = kinds(found, name)
        assert heard[0] == "initStart"
        assert [heard.count(kind) for kind in ("initStart", "start", "runtimeDone", "function")] == [1, 1, 1, 2]


def test_what_is_unsent_is_sent_when_the_environment_shuts_down(recorded, lines):
    """Delivery in the shutdown phase, whatever the buffering says."""
    function = recorded(LOUD, {"recorder": {"timeout_ms": 30_000, "until": "", "stays_s": 0.5}})
    assert function(1).result == 1
    function.configure(Description="new")
    found = until(lines, function, lambda found: "report" in kinds(found))
    assert kinds(found)[0] == "initStart"
    assert of(found, "report")[0]["status"] == "success"


def test_a_timeout_and_a_crash_are_told_and_the_subscription_outlives_the_reset(recorded, lines):
    """§5: status timeout, error with its type; the Logs API has a fault. A second run finds itself subscribed."""
    code = """
        import os, time
        def handler(event, context):
            if event == "exit":
                os._exit(3)
            time.sleep(event)
    """
    logs = LOGS | {"port": 4244, "asks": {"schemaVersion": "2021-03-18"}}
    function = recorded(code, {"recorder": {}, "older": logs}, Timeout=5, MemorySize=1769)
    late = function(30)
    assert late.failure[0] == "Sandbox.Timedout"
    exited = function("exit")
    assert exited.failure[0] == "Runtime.ExitError"
    assert function(0).result is None
    found = until(lines, function, lambda found: kinds(found).count("runtimeDone") == 3)
    done = {each["requestId"]: each for each in of(found, "runtimeDone")}
    assert done[late.request_id]["status"] == "timeout"
    assert done[late.request_id]["metrics"]["producedBytes"] == 0
    assert done[exited.request_id]["status"] == "error"
    assert done[exited.request_id]["errorType"] == "Runtime.ExitError"
    assert [each["status"] for each in of(found, "report")[:2]] == ["timeout", "error"]
    assert "invoke" in [each["phase"] for each in of(found, "initStart")]
    assert [each["state"] for each in of(found, "telemetrySubscription")] == ["Subscribed", *["Already subscribed"] * 2]
    assert of(found, "fault", "older") == [f"RequestId: {exited.request_id} Process exited before completing request"]
    told = {each["requestId"]: each["status"] for each in of(found, "runtimeDone", "older")}
    assert (told[late.request_id], told[exited.request_id]) == ("timeout", "failure")


def test_extensions_hear_what_extensions_print(extended, lines):
    # Telling of everything would never end: what it prints is for itself as well.
    told = 'if "loud and clear" in str(events): say("got", os'
    asked = {"asks": {"schemaVersion": "2022-12-13", "types": ["extension"]}, "until": "", "stays_s": 0.5}
    source, variables = RECORDER.replace('say("got", os', told), {"RECORDERS": json.dumps({"recorder": asked})}
    talker = """
        api.register("INVOKE")
        while api.next():
            say("loud and", "clear")
    """
    function = extended(ECHO, {"recorder": source, "talker": talker}, Environment={"Variables": variables})
    assert function(1).result == 1
    function.configure(Description="new")
    found = until(lines, function, lambda found: events(found))
    assert ("extension", "loud and clear\n") in [(event["type"], event["record"]) for event in events(found)]


CLIENT = """
    import http.client, json, os, threading

    def call(method, path, body=None, headers={}):
        connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=5)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = [answer.status, json.loads(answer.read()), dict(answer.headers)]
        connection.close()
        return said

    registered = call("POST", "/2020-01-01/extension/register", "{}", {"Lambda-Extension-Name": "inside"})
    me = {"Lambda-Extension-Identifier": registered[2]["Lambda-Extension-Identifier"]}
    listen = ("GET", "/2020-01-01/extension/event/next", None, me)
    good = {"types": ["platform"], "schemaVersion": "2022-07-01",
            "destination": {"protocol": "HTTP", "URI": "http://sandbox:8080"}}

    def subscribe(path="/2022-07-01/telemetry", method="PUT", headers=me, **changes):
        body = {name: value for name, value in {**good, **changes}.items() if value is not None}
        return call(method, path, json.dumps(body), headers)[:2]

    def to(**destination):
        return subscribe(destination={"protocol": "HTTP", "URI": "http://sandbox:8080", **destination})

    def buffering(**values):
        return subscribe(buffering=values)

    answers = {}
"""


def test_what_a_subscription_is_refused_for(deploy):
    """§5: at least one type; bounds of the buffering; destinations inside the environment; all problems at once."""
    function = deploy(
        CLIENT
        + """
    answers["documented"] = subscribe(types=[], destination={"protocol": "HTTP", "URI": "http://sandbox"})
    answers["items"] = [buffering(maxItems=999), buffering(maxItems=10001), buffering(maxItems="many")]
    answers["bytes"] = [buffering(maxBytes=262143), buffering(maxBytes=1048577)]
    answers["time"] = [buffering(timeoutMs=24), buffering(timeoutMs=30001)]
    answers["host"] = [to(URI="http://example.com:80"), to(URI="https://sandbox:8080"), to(URI="http://sandbox:9001")]
    answers["broken"] = [to(URI="http://sandbox:port"), to(URI=7), to(protocol="UDP"), to(protocol="TCP")]
    answers["types"] = [subscribe(types=["all"]), subscribe(types="platform"), subscribe(types=None)]
    answers["schema"] = [subscribe(schemaVersion="2020-01-01"), subscribe(schemaVersion=None)]
    answers["body"] = [call("PUT", "/2022-07-01/telemetry", body, me)[:2] for body in ("", "[]", "{", "null")]
    answers["stranger"] = subscribe(headers={})
    answers["method"] = subscribe(method="POST")
    answers["logs"] = subscribe("/2020-08-15/logs", types=[], schemaVersion="2020-08-15")
    answers["good"] = [subscribe(), subscribe()]
    answers["other"] = subscribe("/2020-08-15/logs", schemaVersion="2020-08-15")
    threading.Thread(target=call, args=listen, daemon=True).start()

    def handler(event, context):
        return {**answers, "late": [subscribe(), subscribe("/2020-08-15/logs", schemaVersion="2020-08-15")]}
    """,
        Timeout=10,
    )
    answers = function().result
    text = "URI port is not provided; types should not be empty"
    assert answers.pop("documented") == [400, {"errorType": "ValidationError", "errorMessage": text}]
    assert answers.pop("logs")[1]["errorType"] == "Logs.ValidationError"
    assert answers.pop("good") == [[200, "OK"], [200, "OK"]]
    assert answers.pop("stranger")[1]["errorType"] == "Extension.MissingExtensionIdentifier"
    assert answers.pop("method")[0] == 405
    assert answers.pop("other")[0] == 400
    telemetry, logs = answers.pop("late")
    closed = {"errorType": "Telemetry.SubscriptionClosed", "errorMessage": "Telemetry API subscription is closed"}
    assert telemetry == [403, closed]
    assert logs[1]["errorType"] == "Logs.SubscriptionClosed"
    assert answers["host"][0][1]["errorMessage"] == "destination.URI host must be sandbox.localdomain"
    for name, refusals in answers.items():
        for status, said in refusals:
            assert (status, said["errorType"]) == (400, "ValidationError"), name
            assert said["errorMessage"], name
