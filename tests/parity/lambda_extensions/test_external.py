"""External extensions, processes from /opt/extensions; every test is a sentence of facts/lambda-runtime.md §4, §7."""

import json
import pathlib
import re
import textwrap
import time

import pytest

ECHO = "def handler(event, context): return event"
LOUD = """
    print("static code", flush=True)

    def handler(event, context):
        print("handler", context.aws_request_id, flush=True)
        return event
"""
BASH = """\
api=http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension
name="Lambda-Extension-Name: ${0##*/}"
said=$(curl -sS -i -H "$name" -d '{"events":["INVOKE"]}' "$api/register")
id=$(grep -i '^lambda-extension-identifier' <<< "$said" | tr -d '[:space:]')
while curl -sS -H "$id" "$api/event/next"; do :; done
"""
EXIT = """
    import os
    def handler(event, context):
        if event == "exit":
            os._exit(3)
        return event
"""


def events(lines):
    return [json.loads(line.removeprefix("event ")) for line in lines if line.startswith("event ")]


def at(lines, text):
    return next(number for number, line in enumerate(lines) if text in line)


def test_it_is_started_before_the_runtime_and_told_of_every_invocation(extended, quiet, lines):
    """Every executable file in /opt/extensions is started before the runtime; INVOKE events."""
    timed = f'import time\nprint("static code", time.monotonic_ns(), flush=True)\n{ECHO}'
    function = extended(timed, {"watcher": 'import time\nsay("begun", time.monotonic_ns())\n' + textwrap.dedent(quiet)})
    first = function(1)
    assert first.result == 1
    assert function(2).result == 2
    found = lines(function, "requestId")
    # By their own clock: in the log, lines of two processes that write at the same moment may change places.
    assert int(found[at(found, "begun")].split()[-1]) < int(found[at(found, "static code")].split()[-1])
    assert at(found, "INIT_START") < at(found, "registered") < at(found, "EXTENSION")
    assert at(found, "EXTENSION") < at(found, "START RequestId")
    assert "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n" in found
    registered = json.loads(found[at(found, "registered")].removeprefix("registered "))
    assert registered == {"functionName": function.name, "functionVersion": "$LATEST", "handler": "h.handler"}
    told, _ = events(found)
    assert told.pop("deadlineMs") > time.time() * 1000 - 60_000
    assert re.fullmatch(r"Root=1-\w{8}-\w{24};Parent=\w{16};Sampled=0;Lineage=\w{8}:1", told.pop("tracing")["value"])
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
    assert told == {"eventType": "INVOKE", "requestId": first.request_id, "invokedFunctionArn": arn}


def test_it_has_the_variables_of_the_user_and_the_platform_but_not_those_of_the_runtime(extended, lines):
    """§2.1: no `_`-prefixed ones, no handler, log names, execution environment. §4: its cwd is `/`."""
    source = """
        say("found", json.dumps({"cwd": os.getcwd(), "user": [os.getuid(), os.getgid()], "environ": dict(os.environ)}))
        api.register()
        api.next()
    """
    function = extended(ECHO, {"looks": source}, Environment={"Variables": {"COLOUR": "blue"}})
    function()
    found = lines(function, "found ")
    told = json.loads(found[at(found, "found ")].removeprefix("found "))
    assert (told["cwd"], told["user"]) == ("/", [993, 990])
    environ = told["environ"]
    assert environ["COLOUR"] == "blue"
    assert environ["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == function.name
    assert {"AWS_ACCESS_KEY_ID", "AWS_REGION", "PATH"} <= set(environ)
    forbidden = ("_HANDLER", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_XRAY_CONTEXT_MISSING")
    assert not [name for name in environ if name in forbidden or (name.startswith("_") and name != "_")]


def test_files_that_cannot_be_executed_are_extensions_that_cannot_be_launched(deploy, extension_layer, lines):
    """As AWS's own extensions tell it where an execution bit was forgotten."""
    function = deploy(ECHO, Layers=[extension_layer({"readme": "never started"}, mode=0o644)])
    answer = function(1)
    message = f"RequestId: {answer.request_id} Error: fork/exec /opt/extensions/readme: permission denied"
    assert answer.failure == ("Extension.LaunchError", message)
    assert (
        lines(function, "EXTENSION")[1]
        == "EXTENSION\tName: readme\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n"
    )


def test_a_custom_runtime_has_extensions_too(extended, quiet, lines):
    bootstrap = """\
        #!/bin/bash
        api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
        while true; do
            headers=$(mktemp)
            body=$(curl -sS -D "$headers" "$api/invocation/next")
            id=$(grep -i aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
            curl -sS -d "$body" "$api/invocation/$id/response"
        done
    """
    function = extended(
        {"bootstrap": bootstrap}, {"watcher": quiet}, Runtime="provided.al2023", modes={"bootstrap": 0o755}
    )
    assert [function(number).result for number in range(3)] == [0, 1, 2]
    assert len(events(lines(function, "event "))) >= 2


def test_the_response_goes_out_at_once_and_the_environment_is_busy_and_billed_until_it_is_done(extended, lines):
    """The Invoke phase ends when the runtime *and* all INVOKE-subscribed extensions have called next again."""
    source = """
        api.register("INVOKE")
        while True:
            if api.next()["eventType"] == "INVOKE":
                time.sleep(1)
                say("worked")
    """
    function = extended(
        "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_LOG_STREAM_NAME']", {"slow": source}
    )
    began = time.monotonic()
    first = function(LogType="None").result
    cold = time.monotonic() - began
    assert function(LogType="None").result != first, "the first environment is still busy"
    found = lines(function, "REPORT")
    assert at(found, "worked") < at(found, "REPORT")
    duration = float(re.search(r"\tDuration: ([\d.]+) ms", found[at(found, "REPORT")])[1])
    assert 1000 <= duration < 2000
    assert cold < 10


def test_a_caller_who_wants_the_log_gets_all_of_it(extended):
    """§6: the tail contains START … END, REPORT of this invocation."""
    source = """
        api.register("INVOKE")
        while api.next():
            time.sleep(0.2)
            say("worked")
    """
    answer = extended(ECHO, {"slow": source})(1)
    assert answer.result == 1
    assert "worked\nEND " in answer.log
    assert float(re.search(r"\tDuration: ([\d.]+) ms", answer.report)[1]) >= 200


def test_one_that_works_for_longer_than_the_timeout_ends_with_the_environments_reset(extended, lines):
    """ "... within the function timeout"; the caller has its answer already. Shutdown with TIMEOUT."""
    source = """
        api.register("INVOKE", "SHUTDOWN")
        event = api.next()
        time.sleep(1.5)
        say("event", json.dumps(api.next()))
    """
    function = extended(ECHO, {"slow": source}, Timeout=1)
    assert function(1, LogType="None").result == 1
    found = lines(function, "shutdownReason")
    assert events(found)[-1]["shutdownReason"] == "TIMEOUT"
    assert "Status: timeout" in found[at(found, "REPORT")]


# --- its end ----------------------------------------------------------------------------------------------------------


def test_an_update_tells_it_to_shut_down(extended, quiet, lines):
    """Shutdown, external: 2000 ms; SHUTDOWN with SPINDOWN."""
    function = extended(ECHO, {"watcher": quiet})
    function()
    asked = time.time()
    function.configure(Description="new")
    [told] = [event for event in events(lines(function, "shutdownReason")) if event["eventType"] == "SHUTDOWN"]
    assert told["shutdownReason"] == "SPINDOWN"
    assert asked * 1000 < told["deadlineMs"] <= (time.time() + 2) * 1000


def test_the_runtime_gets_sigterm_before_extensions_hear_of_the_shutdown(extended, quiet, lines):
    """With a budget: SIGTERM to the runtime, then the SHUTDOWN event."""
    code = """
        import signal, sys

        def bye(number, frame):
            print("goodbye", flush=True)
            sys.exit(0)

        signal.signal(signal.SIGTERM, bye)

        def handler(event, context): return event
    """
    function = extended(code, {"watcher": quiet})
    function()
    function.configure(Description="new")
    found = lines(function, "SPINDOWN")
    assert at(found, "goodbye") < at(found, "SPINDOWN")


def test_one_that_hangs_in_its_shutdown_is_killed_after_two_seconds(extended, lines):
    """At the deadline SIGKILL all."""
    source = """
        api.register("SHUTDOWN")
        say("event", json.dumps(api.next()))
        for step in range(1, 100):
            time.sleep(0.25)
            say("step", step)
    """
    function = extended(ECHO, {"hangs": source})
    function()
    function.configure(Description="new")
    lines(function, "step 5")
    time.sleep(1.5)
    found = lines(function, "step 5")
    last = max(int(line.split()[1]) for line in found if line.startswith("step "))
    assert 5 <= last <= 8


def test_a_timeout_of_the_function_tells_it_so_and_it_starts_again(extended, quiet, lines):
    """After a function timeout the environment is reset: extensions get SHUTDOWN with TIMEOUT."""
    code = """
        import time
        def handler(event, context):
            time.sleep(event)
            return event
    """
    function = extended(code, {"watcher": quiet}, Timeout=5)  # which its second start is a part of
    assert function(30).failure[0] == "Sandbox.Timedout"
    assert function(0).result == 0
    found = lines(function, "TIMEOUT")
    assert [line for line in found if "registered" in line][1:], "a second run"
    assert len(function.log()) == 1, "in the same environment"


def test_the_exit_of_the_runtime_tells_it_of_a_failure(extended, quiet, lines):
    """After a crash the environment is reset: extensions get SHUTDOWN with FAILURE."""
    function = extended(EXIT, {"watcher": quiet})
    kind, message = function("exit").failure
    assert (kind, message.partition(" Error: ")[2]) == ("Runtime.ExitError", "Runtime exited with error: exit status 3")
    assert function(1).result == 1
    assert "FAILURE" in "".join(lines(function, "shutdownReason"))


# --- its failures -----------------------------------------------------------------------------------------------------


def test_one_that_exits_in_an_invocation_fails_it(extended):
    """§3: Extension.Crash, `exit code N`; the next invocation works."""
    source = """
        api.register("INVOKE")
        api.next()
        sys.exit(7)
    """
    code = "import time\ndef handler(event, context): time.sleep(event)"
    function = extended(code, {"crashes": source})
    answer = function(5)
    kind, message = answer.failure
    assert (kind, message) == ("Extension.Crash", f"RequestId: {answer.request_id} Error: exit code 7")
    assert "Status: error\tError Type: Extension.Crash" in answer.report
    assert function(5).failure[0] == "Extension.Crash", "it was started again"


def test_one_that_exits_in_init_is_started_again_and_then_fails_the_invocation(extended, lines):
    """§7: on an error Lambda retries init at the first invoke; the log says Phase: init, then invoke."""
    function = extended(ECHO, {"crashes": "say('came')\nsys.exit(2)\n"})
    answer = function(1)
    kind, message = answer.failure
    assert (kind, message) == ("Extension.Crash", f"RequestId: {answer.request_id} Error: exit code 2")
    found = lines(function, "Phase: invoke")
    assert len([line for line in found if line == "came\n"]) == 2
    assert "EXTENSION\tName: crashes\tState: Exited\tEvents: []\tError Type: Extension.Crash\n" in found
    assert "Phase: init\tStatus: error\tError Type: Extension.Crash" in "".join(found)


@pytest.mark.parametrize(("when", "expected"), [("init", "Extension.InitError"), ("exit", "Extension.ExitError")])
def test_one_that_reports_its_error_and_exits_is_believed(extended, when, expected):
    """POST /init/error, /exit/error; as an AWS log has it: Extension.InitError, `exit code 0`."""
    source = f"""
        api.register("INVOKE")
        say(api.fail("{when}", "Extension.NoConfiguration"))
    """
    answer = extended(ECHO, {"gives-up": source})(1)
    assert answer.failure == (expected, f"RequestId: {answer.request_id} Error: exit code 0")


def test_one_that_cannot_be_started_fails_the_invocation(extended):
    """Fatal types: Extension.LaunchError."""
    answer = extended(ECHO, {"broken": "#!/no/such/interpreter\n"})(1)
    message = f"RequestId: {answer.request_id} Error: fork/exec /opt/extensions/broken: no such file or directory"
    assert answer.failure == ("Extension.LaunchError", message)


def test_one_that_never_registers_holds_init_up_until_it_times_out(extended, lines):
    """§7: 10 s for init, then again under the function's timeout."""
    function = extended(ECHO, {"dreams": "time.sleep(100)\n"}, Timeout=1)
    assert function(1).failure[0] == "Sandbox.Timedout"
    assert "Phase: init\tStatus: timeout" in "".join(lines(function, "Phase: init"))


def test_ten_can_be_started_and_eleven_cannot(extended, quiet):
    """§4: max 10."""
    ten = {f"extension-{number}": "#!/bin/bash\n" + BASH for number in range(10)}
    assert extended(ECHO, ten, MemorySize=1024)(1).result == 1
    answer = extended(ECHO, {**ten, "one-more": quiet}, MemorySize=1024)(1)
    message = f"RequestId: {answer.request_id} Error: Extension limit (10) reached"
    assert answer.failure == ("Extension.LaunchError", message)


def test_json_logs_tell_of_it_as_an_event_and_leave_its_lines_alone(extended, quiet, lines):
    """§5: platform.extension; §6: levels are for the platform's and the function's lines."""
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "FATAL", "SystemLogLevel": "INFO"}
    function = extended(ECHO, {"watcher": quiet}, LoggingConfig=logging)
    assert function(1).result == 1
    found = lines(function, "platform.report")
    [told] = [json.loads(line) for line in found if "platform.extension" in line]
    assert told["record"] == {"name": "watcher", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}
    assert events(found)[0]["eventType"] == "INVOKE"


def test_killed_ones_leave_nothing_and_the_next_invocations_work(extended, quiet):
    """A reset after each; the server keeps no descriptor of what has gone."""
    function = extended(EXIT, {"watcher": quiet})
    assert function(1).result == 1
    folder = pathlib.Path(f"/proc/{function.platform.pid}/fd")
    before = len(list(folder.iterdir()))
    for number in range(20):
        assert function("exit").failure[0] == "Runtime.ExitError"
        assert function(number).result == number
    assert len(list(folder.iterdir())) < before + 15, "descriptors of the server"
