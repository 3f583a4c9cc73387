"""The AWS CLI, version 1, as it comes from PyPI."""

import base64
import json
import sys

import pytest

pytestmark = pytest.mark.timeout(400)  # the first run installs

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def aws(run, cli, endpoint):
    def aws(*arguments, fails=False):
        done = run("-m", "awscli", "--endpoint-url", endpoint, "--output", "json", *arguments, folder=cli)
        assert (done.returncode != 0) is fails, done.stderr
        if fails:
            return done.stderr.strip()
        return json.loads(done.stdout) if done.stdout.strip() else None

    return aws


def test_the_cli_deploys_invokes_lists_and_deletes(aws, platform, account, tmp_path):
    (tmp_path / "code.zip").write_bytes(
        platform.package("def handler(event, context):\n    print('hello')\n    return event['n'] + 1\n")
    )
    role = f"arn:aws:iam::{account}:role/r"
    created = aws(
        *("lambda", "create-function", "--function-name", "f", "--runtime", RUNTIME, "--role", role),
        *("--handler", "h.handler", "--zip-file", "fileb://code.zip", "--publish"),
        *("--environment", "Variables={KEY=value}", "--tags", "a=b"),
    )
    assert (created["State"], created["Version"]) == ("Pending", "1")
    aws("lambda", "wait", "function-active-v2", "--function-name", "f")
    invoked = aws(
        *("lambda", "invoke", "--function-name", "f", "--payload", '{"n": 41}', "--log-type", "Tail", "result.json"),
    )
    assert (tmp_path / "result.json").read_text() == "42"
    assert "hello" in base64.b64decode(invoked["LogResult"]).decode()
    alias = aws("lambda", "create-alias", "--function-name", "f", "--name", "live", "--function-version", "1")
    assert alias["AliasArn"] == f"arn:aws:lambda:us-east-1:{account}:function:f:live"
    page = aws("lambda", "list-functions", "--function-version", "ALL", "--page-size", "1", "--max-items", "1")
    assert [each["Version"] for each in page["Functions"]] == ["$LATEST"]
    rest = aws("lambda", "list-functions", "--function-version", "ALL", "--starting-token", page["NextToken"])
    assert [each["Version"] for each in rest["Functions"]] == ["1"]
    aws("lambda", "delete-function", "--function-name", "f")
    said = aws("lambda", "get-function", "--function-name", "f", fails=True)
    assert said.endswith(
        "An error occurred (ResourceNotFoundException) when calling the GetFunction operation: "
        f"Function not found: arn:aws:lambda:us-east-1:{account}:function:f"
    )


def test_the_cli_asks_by_https_and_trusts_the_bundle_that_samovar_names(run, cli, platforms, tmp_path):
    server = platforms("--ephemeral", "--tls", "--data-dir", str(tmp_path / "data"))
    try:
        secured = server.endpoint.replace("http://127.0.0.1", "https://localhost")
        arguments = ("-m", "awscli", "--endpoint-url", secured, "--output", "text", "--ca-bundle")
        made = run(
            *arguments, str(tmp_path / "data/tls/ca.pem"), "sqs", "create-queue", "--queue-name", "q", folder=cli
        )
        assert made.stdout.startswith(f"{secured}/"), made.stderr
    finally:
        assert server.stop() == 0
