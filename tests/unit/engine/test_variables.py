"""`engine/variables.py`: the environment variables of a function."""

import msgspec

from samovar.engine.credentials import variables as given
from samovar.engine.languages.python import zygote_environ
from samovar.engine.model import SNAP_START, Version
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

URL = "http://127.0.0.1:4566"
PATHS = ["/var/task", "/opt"]
EVERYONE = zygote_environ("python3.12")


def test_the_paths_are_those_of_lambda_in_a_sandbox():
    """facts/lambda-runtime.md §2.1."""
    found = variables(VERSION, EVERYONE, URL, "stream", PATHS, given(VERSION, ""))
    assert found["PATH"] == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
    assert found["LD_LIBRARY_PATH"].endswith(":/var/task:/var/task/lib:/opt/lib")


def test_on_the_host_they_lead_to_where_code_and_layers_are():
    paths = ["/data/trees/a", "/data/trees/layers-b"]
    found = variables(VERSION, EVERYONE, URL, "stream", paths, {})
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
        found = variables(version, EVERYONE, URL, "stream", PATHS, given(version, ""))
        return [found.get(name) for name in names]

    assert told(text) == [None, "TRACE"]
    assert told(json) == ["JSON", "WARN"]


def test_with_snapstart_there_are_no_keys_and_no_log_names_to_be_snapshot():
    """facts/lambda-api.md §12.7; "Monitoring for Lambda SnapStart" in the Lambda guide."""
    restored = msgspec.structs.replace(VERSION, initialization=SNAP_START)
    found = variables(restored, EVERYONE, URL, "stream", PATHS, given(restored, "token"))
    absent = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    absent |= {"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"}
    assert not absent & found.keys()
    assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:9001/2021-04-23/credentials"
    assert found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "token"


def test_where_a_function_cannot_reach_its_credentials_it_has_keys():
    restored = msgspec.structs.replace(VERSION, initialization=SNAP_START)
    found = variables(restored, EVERYONE, URL, "stream", PATHS, given(restored, ""))
    assert found["AWS_ACCESS_KEY_ID"] == "123456789012"
