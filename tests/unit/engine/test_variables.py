"""`engine/variables.py`: the environment variables of a function."""

import msgspec

from samovar.engine.languages.python import zygote_environ
from samovar.engine.model import Version
from samovar.engine.variables import variables

VERSION = Version(
    key="k",
    account="123456789012",
    region="us-east-1",
    function_name="f",
    function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
    version="$LATEST",
    runtime="python3.12",
    handler="h.handler",
    memory_mb=128,
    timeout_s=3,
    ephemeral_mb=512,
    code="",
    variables={"MINE": "/opt stays"},
    role_arn="",
    log_group="/aws/lambda/f",
)

EVERYONE = zygote_environ("python3.12")


def test_the_paths_are_those_of_lambda_in_a_sandbox():
    """facts/lambda-runtime.md §2.1."""
    found = variables(VERSION, EVERYONE, "http://127.0.0.1:4566", "stream", "/var/task", "/opt")
    assert found["PATH"] == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
    assert found["LD_LIBRARY_PATH"].endswith(":/var/task:/var/task/lib:/opt/lib")


def test_on_the_host_they_lead_to_where_code_and_layers_are():
    found = variables(VERSION, EVERYONE, "http://127.0.0.1:4566", "stream", "/data/trees/a", "/data/trees/layers-b")
    assert found["PATH"].endswith(":/data/trees/layers-b/bin")
    assert found["LD_LIBRARY_PATH"].endswith(":/data/trees/a:/data/trees/a/lib:/data/trees/layers-b/lib")
    assert (found["LAMBDA_TASK_ROOT"], found["MINE"]) == ("/data/trees/a", "/opt stays")


def test_the_log_variables_are_there_with_json_only_and_win_over_the_users():
    """facts/lambda-runtime.md §2.1: "set only when JSON logging is configured"."""
    mine = {"AWS_LAMBDA_LOG_LEVEL": "TRACE"}
    text = msgspec.structs.replace(VERSION, variables=mine)
    json = msgspec.structs.replace(text, log_format="JSON", application_log_level="WARN")
    names = ("AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL")

    def told(version: Version) -> list[str | None]:
        found = variables(version, EVERYONE, "http://127.0.0.1:4566", "stream", "/var/task", "/opt")
        return [found.get(name) for name in names]

    assert told(text) == [None, "TRACE"]
    assert told(json) == ["JSON", "WARN"]
