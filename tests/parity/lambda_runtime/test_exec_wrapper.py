"""AWS_LAMBDA_EXEC_WRAPPER: a script starts the runtime, which then is a program with the real Runtime API."""

import pytest


def logged(function):
    """The lines of all its log streams. There may be two: a call that comes before the program has asked for its next
    event finds it busy."""
    return [message.rstrip("\n") for messages in function.log().values() for message in messages]


WRAPPER = """\
    #!/bin/sh
    export WRAPPED="by $0"
    echo "starting $*"
    exec "$@"
"""
SETTING = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}

PYTHON = """\
    import logging, os, sys

    print("loading")

    def handler(event, context):
        if event == "raise":
            raise KeyError("nothing there")
        if event == "large":
            return "x" * 6291556
        logging.getLogger().warning("called with %s", event)
        return {
            "event": event, "wrapped": os.environ["WRAPPED"], "path": sys.path[:3], "pid": os.getpid(),
            "left": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn,
            "client": context.client_context and context.client_context.custom,
        }
"""

NODE = """\
    exports.handler = async (event, context) => {
      if (event === 'raise') throw new TypeError('nothing there');
      if (event === 'reject') { Promise.reject(new Error('unheard')); await new Promise((r) => setTimeout(r, 5000)); }
      if (event === 'large') return 'x'.repeat(6291556);
      console.log('called with', event);
      return { event, wrapped: process.env.WRAPPED, argv: process.argv, left: context.getRemainingTimeInMillis() };
    };
"""

STREAM = """\
    exports.handler = awslambda.streamifyResponse(async (event, stream) => {
      stream.setContentType('text/plain');
      stream.write('first ');
      if (event === 'break') throw new Error('broken off');
      stream.write('x'.repeat(event.size ?? 0));
      stream.end('last');
    });
"""


@pytest.fixture
def wrapped(deploy):
    def wrapped(code, wrapper=WRAPPER, **configuration):
        configuration = {"Environment": SETTING, "modes": {"wrapper": 0o755}, "Timeout": 30} | configuration
        return deploy(code | {"wrapper": wrapper}, **configuration)

    return wrapped


@pytest.fixture
def python(wrapped):
    return wrapped({"h.py": PYTHON})


@pytest.fixture
def node(wrapped):
    return wrapped({"h.js": NODE}, Runtime="nodejs20.x")


@pytest.mark.root
def test_a_python_function_runs_through_its_wrapper(python):
    answer = python({"a": 1})
    assert answer.result["event"] == {"a": 1}
    assert answer.result["wrapped"] == "by /var/task/wrapper"
    assert answer.result["path"][0] == "/var/task"
    assert 0 < answer.result["left"] <= 30_000
    assert answer.result["arn"].endswith(f":function:{python.name}")
    runtime = python.platform.client("lambda").get_function_configuration(FunctionName=python.name)["Runtime"]
    lines = logged(python)
    assert f"starting /var/lang/bin/{runtime} /var/runtime/bootstrap.py" in lines
    assert "loading" in lines
    assert any(line.startswith("[WARNING]\t") and line.endswith("\tcalled with {'a': 1}") for line in lines)
    seen = [python(number).result["pid"] for number in range(5)]
    assert len(set(seen)) < len(seen)


@pytest.mark.root
def test_errors_of_a_wrapped_python_function_are_the_usual_ones(python):
    assert python("raise").failure == ("KeyError", "'nothing there'")
    assert python("large").failure[0] == "Function.ResponseSizeTooLarge"
    assert python("again").result["event"] == "again"


@pytest.mark.root
def test_a_wrapped_function_that_cannot_be_imported_says_why(wrapped):
    error_type, message = wrapped({"h.py": "import nothing_like_that"})().failure
    assert error_type == "Runtime.ImportModuleError"
    assert message == "Unable to import module 'h': No module named 'nothing_like_that'"


@pytest.mark.root
def test_a_node_function_runs_through_its_wrapper(node):
    answer = node({"a": 1})
    assert answer.result["event"] == {"a": 1}
    assert answer.result["wrapped"] == "by /var/task/wrapper"
    assert "starting /var/lang/bin/node /var/runtime/program.cjs" in logged(node)
    assert "called with { a: 1 }" in answer.log
    assert node("raise").failure == ("TypeError", "nothing there")
    assert node("large").failure[0] == "Function.ResponseSizeTooLarge"
    assert node("reject").failure == ("Runtime.UnhandledPromiseRejection", "Error: unheard")
    assert node("again").result["event"] == "again"


@pytest.mark.root
def test_a_wrapped_node_function_has_its_node_options_from_the_start(wrapped):
    code = {"first.js": "globalThis.first = true;", "h.js": "exports.handler = async () => globalThis.first;"}
    wrapper = '#!/bin/sh\nexport NODE_OPTIONS="--require /var/task/first.js"\nexec "$@"\n'
    assert wrapped(code, wrapper, Runtime="nodejs20.x")().result is True


@pytest.mark.root
def test_a_wrapped_node_function_streams(wrapped):
    function = wrapped({"h.js": STREAM}, Runtime="nodejs20.x", MemorySize=256)
    lambda_ = function.platform.client("lambda")

    def stream(payload):
        events = lambda_.invoke_with_response_stream(FunctionName=function.name, Payload=payload)["EventStream"]
        *pieces, last = events
        return b"".join(piece["PayloadChunk"]["Payload"] for piece in pieces), last["InvokeComplete"]

    whole, complete = stream('{"size": 3000000}')
    assert (whole[:6], len(whole), whole[-4:]) == (b"first ", 3_000_010, b"last")
    assert "ErrorCode" not in complete
    whole, complete = stream('"break"')
    assert whole == b"first "
    assert complete["ErrorCode"] == "Error"


@pytest.mark.root
def test_a_wrapper_may_replace_the_runtime(wrapped):
    """It speaks with the Runtime API itself, as a custom runtime's `bootstrap` does."""
    wrapper = """\
        #!/usr/bin/env python3
        import json, os, sys, urllib.request

        base = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
        while True:
            with urllib.request.urlopen(base + "next") as event:
                id, body = event.headers["Lambda-Runtime-Aws-Request-Id"], event.read()
            answer = json.dumps({"mine": json.loads(body), "instead": sys.argv[1:]}).encode()
            urllib.request.urlopen(base + f"{id}/response", answer).read()
    """
    function = wrapped({"h.py": ""}, wrapper)
    assert function([1]).result["mine"] == [1]
    assert function([2]).result["instead"][1] == "/var/runtime/bootstrap.py"


@pytest.mark.root
def test_a_wrapper_that_is_not_there_is_told_by_its_exit_status(wrapped):
    """facts/lambda-runtime.md §3, "exec wrapper not found"."""
    missing = wrapped({"h.py": PYTHON}, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/nothing"}})
    answer = missing()
    assert answer.failure[0] == "Runtime.ExitError"
    assert answer.failure[1].endswith("Error: Runtime exited with error: exit status 127")
    assert "/opt/nothing: does not exist" in logged(missing)
    plain = wrapped({"h.py": PYTHON}, modes={})
    assert plain().failure[1].endswith("exit status 126")
    assert "/var/task/wrapper: is not an executable" in logged(plain)


@pytest.mark.root
def test_a_custom_runtime_has_no_wrapper(deploy):
    """facts/lambda-runtime.md §2.1: "not for provided"."""
    bootstrap = """\
        #!/bin/sh
        curl -s -X POST -d "{\\"errorType\\": \\"Mine\\", \\"errorMessage\\": \\"$0\\"}" \\
          "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error"
    """
    environment = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/nothing"}}
    code, modes = {"bootstrap": bootstrap}, {"bootstrap": 0o755}
    function = deploy(code, Runtime="provided.al2023", modes=modes, Environment=environment)
    assert function().failure == ("Mine", "/var/task/bootstrap")


@pytest.mark.root
def test_a_python_function_may_speak_with_the_runtime_api_itself(deploy):
    """Instead of AWS's loop, while its module is imported."""
    code = """\
        import json, os, urllib.request

        base = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
        while True:
            with urllib.request.urlopen(base + "next") as event:
                id, body = event.headers["Lambda-Runtime-Aws-Request-Id"], event.read()
            urllib.request.urlopen(base + f"{id}/response", json.dumps({"mine": json.loads(body)}).encode()).read()
    """
    function = deploy(code)
    assert function([1]).result == {"mine": [1]}
    assert function([2]).result == {"mine": [2]}
