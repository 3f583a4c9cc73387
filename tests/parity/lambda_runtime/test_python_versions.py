"""Every Python of this machine runs functions; old ones with the pack that `samovar runtimes prepare` fetches."""

import base64
import re
import subprocess
import sys

import pytest

from samovar.engine.languages.python import find_interpreters, search_path

CODE = """
import decimal, logging, os, sys

logging.getLogger().setLevel("INFO")

def context(event, context):
    told = dict(vars(context), identity=context.identity.cognito_identity_id, client=context.client_context.custom)
    del told["client_context"]
    return [list(sys.version_info[:2]), os.environ["_X_AMZN_TRACE_ID"], repr(context), told]

def client(event, context):
    import boto3
    clients = [boto3.client(name) for name in ("sts", "s3", "sqs")]
    return clients[0].get_caller_identity()["Account"]

def log(event, context):
    print("printed")
    logging.info("logged %s", event)

def h(event, context):
    if event == "fail":
        raise ValueError("no tea")
    return {"set": {1}, "exit": None, "answer": [event, decimal.Decimal("1.10"), (None, True)]}[event]

def handler(event, context):
    if event == "exit":
        sys.exit(3)
    return globals().get(event, h)(event, context)
"""
_FOUND = [minor for _, minor in find_interpreters(search_path())]


@pytest.fixture(scope="module", params=sorted(_FOUND), ids=lambda minor: f"python3.{minor}")
def function(request, platform, platforms, tmp_path_factory):
    runtime = f"python3.{request.param}"
    if request.param >= 10:
        deployed = platform.deploy(CODE, Runtime=runtime)
        yield deployed
        deployed.delete()
        return
    folder = tmp_path_factory.mktemp(runtime)
    command = [sys.executable, "-c", "from samovar.cli import main; main()"]
    made = subprocess.run(
        [*command, "runtimes", "--data-dir", folder, "prepare", runtime], capture_output=True, text=True, timeout=100
    )
    if made.returncode != 0:
        pytest.skip(f"no pack for {runtime}: {made.stderr.strip()[-200:]}")
    server = platforms("--data-dir", str(folder))
    yield server.deploy(CODE, Runtime=runtime)
    assert server.stop() == 0, server.said()


def test_its_context_is_lambdas(function):
    client_context = base64.b64encode(b'{"custom": {"cups": 2}}').decode()
    version, trace_id, text, told = function("context", ClientContext=client_context).result
    assert version[0] == 3 and trace_id.startswith("Root=1-") and text.startswith("LambdaContext([aws_request_id=")
    assert (told["function_name"], told["memory_limit_in_mb"], told["client"]) == (function.name, "128", {"cups": 2})
    assert function("answer").result == ["answer", 1.1, [None, True]]


def test_its_errors_and_ends_are_told(function):
    answer = function("fail")
    assert answer.failure == ("ValueError", "no tea") and "in h\n    raise ValueError" in answer.value["stackTrace"][-1]
    assert "[ERROR] ValueError: no tea\nTraceback (most recent call last):" in answer.log
    wrong = "Unable to marshal response: Object of type set is not JSON serializable"
    assert function("set").failure == ("Runtime.MarshalError", wrong)
    assert function("exit").failure[0] == "Runtime.ExitError"


def test_its_lines_are_logged(function):
    lines = function("log").log
    assert "\nprinted\n" in lines and re.search(r"\n\[INFO\]\t[\d:.TZ-]+\t[\da-f-]{36}\tlogged log\n", lines)


def test_its_sdk_reaches_the_platform(function):
    assert function("client").result.isdigit()
