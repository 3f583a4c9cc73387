"""SAMOVAR_DEBUG: an editor attaches to a function at a port of the machine's own loopback."""

import socket
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.parity.lambda_runtime.debugging import PATIENCE_S, Dap, Inspector, free_port

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

PYTHON = """\
    LOADED = "loaded"

    def handler(event, context):
        doubled = event * 2
        return doubled
"""
NODE = """\
exports.handler = async (event) => {
  const doubled = event * 2;
  return doubled;
};
"""


NODE20 = {"Runtime": "nodejs20.x"}


def at(port, how=""):
    """Debugged, and with less time than a person takes to think."""
    return {"Environment": {"Variables": {"SAMOVAR_DEBUG": f"{port}{how}"}}, "Timeout": 1}


class Calls:
    """Invocations on threads of their own."""

    def __init__(self, function):
        self.function = function
        self.threads = []
        self.results = {}

    def begin(self, event):
        thread = threading.Thread(target=self._call, args=(event,))
        thread.start()
        self.threads.append(thread)

    def _call(self, event):
        try:
            self.results[event] = self.function(event)
        except (BotoCoreError, ClientError) as error:
            self.results[event] = error

    def outcomes(self, events):
        """What became of them: an Answer, or the error that the caller got."""
        for thread in self.threads:
            thread.join(PATIENCE_S)
        return [self.results[event] for event in events]

    def ended(self):
        return {event: answer.result for event, answer in zip(self.results, self.outcomes(self.results), strict=True)}


@pytest.fixture
def debugged(deploy):
    """A function and its port."""

    def debugged(code, how="", **configuration):
        port = free_port()
        return deploy(code, **at(port, how), **configuration), port

    return debugged


def think():
    """Longer than the function's timeout."""
    time.sleep(1.5)


def test_an_editor_stops_a_python_function_and_changes_a_variable(debugged):
    pytest.importorskip("debugpy")
    function, port = debugged(PYTHON)
    assert function(1).result == 2
    editor = Dap(port)
    place = {"path": "/var/task/h.py"}
    [set_] = editor.ask("setBreakpoints", source=place, breakpoints=[{"line": 5}])["breakpoints"]
    assert set_["verified"]
    editor.ready()
    calls = Calls(function)
    calls.begin(2)
    stopped = editor.event("stopped")
    assert stopped["reason"] == "breakpoint"
    think()
    frame = editor.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
    assert (frame["name"], frame["line"]) == ("handler", 5)
    scope = editor.ask("scopes", frameId=frame["id"])["scopes"][0]
    found = editor.ask("variables", variablesReference=scope["variablesReference"])["variables"]
    assert {each["name"]: each["value"] for each in found}["doubled"] == "4"
    editor.ask("setVariable", variablesReference=scope["variablesReference"], name="doubled", value="400")
    editor.ask("setBreakpoints", source=place, breakpoints=[])
    calls.begin(3)  # waits until the first has ended
    editor.ask("continue", threadId=stopped["threadId"])
    assert calls.ended() == {2: 400, 3: 6}
    editor.close()
    assert len(function.log()) == 1  # one environment


def test_a_function_that_waits_is_loaded_when_an_editor_has_attached(debugged):
    pytest.importorskip("debugpy")
    function, port = debugged(PYTHON, ",wait")
    calls = Calls(function)
    calls.begin(2)
    editor = Dap(port)
    editor.ask("setBreakpoints", source={"path": "/var/task/h.py"}, breakpoints=[{"line": 1}])
    editor.ready()
    stopped = editor.event("stopped")
    think()
    frame = editor.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
    assert (frame["name"], frame["line"]) == ("<module>", 1)
    editor.ask("continue", threadId=stopped["threadId"])
    assert calls.ended() == {2: 4}
    editor.close()


def test_without_an_editor_the_timeout_counts(debugged):
    pytest.importorskip("debugpy")
    function, _ = debugged("import time\ndef handler(event, context): time.sleep(event)\n")
    assert function(0).payload == b"null"
    assert function(30).failure[0] == "Sandbox.Timedout"


@pytest.mark.parametrize("how", ["", ",wait"])
def test_an_editor_stops_a_node_function(debugged, how):
    function, port = debugged({"h.js": NODE}, how, Runtime="nodejs20.x")
    calls = Calls(function)
    calls.begin(1)
    if not how:
        assert calls.ended() == {1: 2}
    editor = Inspector(port)
    editor.ask("Runtime.enable")
    editor.ask("Debugger.enable")
    editor.ask("Debugger.setBreakpointByUrl", url="file:///var/task/h.js", lineNumber=2)
    if how:
        editor.ask("Runtime.runIfWaitingForDebugger")
    else:
        calls.begin(2)
    paused = editor.event("Debugger.paused")
    think()
    frame = paused["callFrames"][0]
    found = editor.ask("Debugger.evaluateOnCallFrame", callFrameId=frame["callFrameId"], expression="doubled + 1")
    assert found["result"]["value"] == (3 if how else 5)
    editor.ask("Debugger.resume")
    assert calls.ended() == ({1: 2} if how else {1: 2, 2: 4})
    editor.close()


def test_a_port_leads_to_the_function_that_was_invoked_last_and_closes_with_it(platform):
    port, names = free_port(), []
    functions = [platform.deploy({"h.js": NODE}, Runtime="nodejs20.x", **at(port)) for _ in range(2)]
    for function in (*functions, functions[0]):
        assert function(1).result == 2
        editor = Inspector(port)
        name = editor.ask("Runtime.evaluate", expression="process.env.AWS_LAMBDA_FUNCTION_NAME")
        names.append(name["result"]["value"])
        editor.close()
    assert names == [functions[0].name, functions[1].name, functions[0].name]
    for function in functions:
        function.delete()
    deadline = time.monotonic() + PATIENCE_S
    with pytest.raises(ConnectionRefusedError):
        while time.monotonic() < deadline:
            socket.create_connection(("127.0.0.1", port), 5).close()


def test_after_a_crash_the_next_invocation_gets_a_new_environment_and_an_editor_can_attach(debugged):
    """A debugger that started again in the old one would do so within the function's timeout."""
    function, port = debugged({"h.js": NODE.replace("const", "if (event < 0) process.exit(3);\n  const")}, **NODE20)
    assert function(1).result == 2
    assert function(-1).failure[0] == "Runtime.ExitError"
    assert function(2).result == 4
    streams = list(function.log().values())
    assert [stream[0].split(" ")[0] for stream in streams] == ["INIT_START", "INIT_START"]
    editor = Inspector(port)
    assert editor.ask("Runtime.evaluate", expression="1 + 1")["result"]["value"] == 2
    editor.close()


def test_the_port_is_on_the_loopback_only_and_closes_with_the_server(platforms):
    server = platforms("--ephemeral")
    port = free_port()
    server.deploy({"h.js": NODE}, Runtime="nodejs20.x", Environment={"Variables": {"SAMOVAR_DEBUG": str(port)}})(1)
    with socket.create_connection(("127.0.0.1", port), 5):
        pass
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), 5):
        pass
    assert server.stop() == 0
    assert "Traceback" not in server.said()
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 5):
        pass


@pytest.fixture
def stopping(platforms):
    """A server with a function of each language whose editor stops at a breakpoint in it."""
    server = platforms("--ephemeral")

    def at_a_breakpoint(language):
        port = free_port()
        variables = {"Environment": {"Variables": {"SAMOVAR_DEBUG": str(port)}}}
        if language == "python":
            function = server.deploy(PYTHON, **variables)
            assert function(0).result == 0
            editor = Dap(port)
            editor.ask("setBreakpoints", source={"path": "/var/task/h.py"}, breakpoints=[{"line": 5}])
            editor.ready()
        else:
            function = server.deploy({"h.js": NODE}, **variables, **NODE20)
            assert function(0).result == 0
            editor = Inspector(port)
            editor.ask("Runtime.enable")
            editor.ask("Debugger.enable")
            editor.ask("Debugger.setBreakpointByUrl", url="file:///var/task/h.js", lineNumber=2)
        calls = Calls(function)
        calls.begin(2)
        editor.event("stopped" if language == "python" else "Debugger.paused")
        return calls, editor

    yield server, at_a_breakpoint
    server.forget()


@pytest.mark.parametrize("language", ["python", "node"])
def test_who_stands_at_a_breakpoint_holds_no_stop(stopping, language):
    """The editor is detached and the function goes on: its invoker has the answer, which the grace for running requests
    would never bring."""
    if language == "python":
        pytest.importorskip("debugpy")
    server, at_a_breakpoint = stopping
    calls, editor = at_a_breakpoint(language)
    assert server.stop() == 0
    assert calls.ended() == {2: 4}
    editor.close()
    assert "Traceback" not in server.said()


def test_who_waits_for_an_editor_holds_no_stop(platforms):
    """Nothing of it has begun: the invoker is told that it may try again."""
    server = platforms("--ephemeral")
    variables = {"SAMOVAR_DEBUG": f"{free_port()},wait"}
    function = server.deploy({"h.js": NODE}, **NODE20, Environment={"Variables": variables})
    calls = Calls(function)
    calls.begin(1)
    deadline = time.monotonic() + PATIENCE_S
    while not function.log():  # until it initialises
        assert time.monotonic() < deadline
    assert server.stop() == 0
    [refused] = calls.outcomes([1])
    assert isinstance(refused, ClientError)
    assert refused.response["Error"]["Code"] == "ServiceException"
    assert "Traceback" not in server.said()


def test_a_server_that_does_not_allow_it_runs_the_function_as_any_other(platforms):
    server = platforms("--ephemeral", "--allow-debugger", "never")
    try:
        port = free_port()
        code = "import sys\ndef handler(event, context): return 'debugpy' in sys.modules\n"
        function = server.deploy(code, Environment={"Variables": {"SAMOVAR_DEBUG": str(port)}})
        assert function().result is False
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 5):
            pass
    finally:
        server.stop()


def test_what_cannot_be_understood_is_told(deploy):
    function = deploy("def handler(event, context): pass\n", Environment={"Variables": {"SAMOVAR_DEBUG": "soon"}})
    error_type, message = function().failure
    assert error_type == "Runtime.InvalidEntrypoint"
    assert "SAMOVAR_DEBUG should be a port" in message
