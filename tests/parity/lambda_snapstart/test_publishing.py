"""What becomes of a version with SnapStart: facts/lambda-api.md §12.7."""

import io
import shutil
import stat
import zipfile

import pytest
from botocore.exceptions import ClientError

SNAP_START = {"ApplyOn": "PublishedVersions"}
WAITING = """
import boto3, time
while not boto3.client("logs").describe_log_groups(logGroupNamePrefix="/gate/snapstart")["logGroups"]:
    time.sleep(0.05)
"""
PLAIN = "def handler(event, context):\n    return 1\n"


def told(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.root
def test_a_version_is_pending_while_it_initialises_and_then_active_and_optimised(publish):
    published = publish(WAITING + PLAIN, wait=False)
    pending = published.configuration()
    assert (pending["State"], pending["StateReasonCode"]) == ("Pending", "Creating")
    assert pending["SnapStart"] == {**SNAP_START, "OptimizationStatus": "Off"}
    with pytest.raises(ClientError) as caught:
        published()
    assert told(caught) == (
        "SnapStartNotReadyException",
        "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
    )
    published.function.platform.client("logs").create_log_group(logGroupName="/gate/snapstart")
    active = published.settle()
    assert active["State"] == "Active"
    assert active["SnapStart"] == {**SNAP_START, "OptimizationStatus": "On"}
    assert published().result == 1


@pytest.mark.root
def test_latest_is_not_optimised_and_initialises_on_demand(publish):
    published = publish("import os\ndef handler(event, context):\n    return dict(os.environ)\n")
    latest = published.function
    latest.settle()
    shown = published.lambda_.get_function_configuration(FunctionName=latest.name)["SnapStart"]
    assert shown == {**SNAP_START, "OptimizationStatus": "Off"}
    assert latest().result["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert published().result["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"


@pytest.mark.root
@pytest.mark.parametrize(
    ("code", "logged"),
    [
        ("raise ValueError('not today')\n" + PLAIN, "[ERROR] ValueError: not today"),
        ("import os\nos._exit(3)\n" + PLAIN, "Error Type: Runtime.ExitError"),
        (
            "import snapshot_restore_py\n"
            "@snapshot_restore_py.register_before_snapshot\n"
            "def fail():\n    raise KeyError('hook')\n" + PLAIN,
            "[ERROR] KeyError: 'hook'",
        ),
        (
            "import snapshot_restore_py\n"
            "@snapshot_restore_py.register_before_snapshot\n"
            "def fail():\n    raise KeyError('hook')\n" + PLAIN,
            "Status: error\tError Type: Runtime.BeforeSnapshotError",
        ),
    ],
)
def test_a_version_whose_init_or_hook_fails_is_failed_and_its_log_says_why(publish, code, logged):
    published = publish(code, wait=False)
    failed = published.settle()
    assert failed["State"] == "Failed"
    assert failed["StateReason"] == "An error occurred during function initialization."
    assert failed["StateReasonCode"] == "FunctionError"
    assert failed["SnapStart"]["OptimizationStatus"] == "Off"
    with pytest.raises(ClientError) as caught:
        published()
    assert told(caught)[0] == "ResourceConflictException"
    lines = [line for stream in published.function.log().values() for line in stream]
    assert any(logged in line for line in lines), lines


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"Runtime": "nodejs20.x"}, "nodejs20.x is not supported for SnapStart enabled functions."),
        ({"Runtime": "python3.11"}, "python3.11 is not supported for SnapStart enabled functions."),
        ({"Runtime": "provided.al2023"}, "provided.al2023 is not supported for SnapStart enabled functions."),
        (
            {"EphemeralStorage": {"Size": 513}},
            "Ephemeral storage greater than 512 MB is not supported for SnapStart enabled functions.",
        ),
    ],
)
def test_what_snapstart_does_not_go_with_is_refused(platform, wanted, message):
    asked = {"Runtime": "python3.12", "SnapStart": SNAP_START} | wanted
    with pytest.raises(ClientError) as caught:
        platform.create(PLAIN, **asked)
    assert told(caught) == ("InvalidParameterValueException", message)


@pytest.mark.root
def test_provisioned_concurrency_is_refused_for_a_version_with_snapstart(publish):
    published = publish(PLAIN)
    with pytest.raises(ClientError) as caught:
        published.lambda_.put_provisioned_concurrency_config(
            FunctionName=published.function.name, Qualifier="1", ProvisionedConcurrentExecutions=1
        )
    assert told(caught)[0] == "InvalidParameterValueException"


@pytest.mark.root
def test_a_version_keeps_snapstart_when_the_function_gives_it_up(publish):
    published = publish(PLAIN)
    published.function.settle()
    published.function.configure(SnapStart={"ApplyOn": "None"})
    latest = published.lambda_.get_function_configuration(FunctionName=published.function.name)
    assert latest["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert published.configuration()["SnapStart"] == {**SNAP_START, "OptimizationStatus": "On"}


EXTENSION = """#!/bin/sh
if [ -e /opt/fails ]; then echo "extension: no" >&2; exit 3; fi
id=$(curl -s -D - -o /dev/null -X POST -H "Lambda-Extension-Name: sh" -d '{"events":[]}' \
  "http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension/register" | tr -d '\r' | sed -n 's/.*dentifier: //p')
echo "extension: registered"
exec curl -s -H "Lambda-Extension-Identifier: $id" "http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension/event/next"
"""


def layer(platform, files):
    """A layer of programs; its ARN."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | 0o755) << 16
            archive.writestr(entry, content)
    made = platform.client("lambda").publish_layer_version(LayerName="sh", Content={"ZipFile": buffer.getvalue()})
    return made["LayerVersionArn"]


@pytest.mark.root
@pytest.mark.skipif(shutil.which("curl") is None, reason="the extension is a shell script with curl")
@pytest.mark.parametrize("fails", [False, True])
def test_a_version_with_extensions_initialises_once_before_it_is_active(publish, platform, fails):
    """It can't be forked here; that it initialises is known all the same when it is Active, and when it is Failed."""
    files = {"extensions/sh": EXTENSION} | ({"fails": ""} if fails else {})
    published = publish("print('static')\n" + PLAIN, wait=False, Layers=[layer(platform, files)])
    state = published.settle()["State"]
    lines = "".join(line for stream in published.function.log().values() for line in stream)
    assert state == ("Failed" if fails else "Active"), lines
    if fails:
        assert "extension: no" in lines
    else:
        assert ("extension: registered" in lines, "static" in lines) == (True, True)
        assert published().result == 1
