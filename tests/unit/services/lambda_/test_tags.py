"""Tags, recursion and runtime management: what hangs on a function beside its configuration."""

import pytest

from samovar.core.errors import AwsError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
RUNTIME = "arn:aws:lambda:us-east-1::runtime:" + "0" * 64


def test_tags_are_added_changed_and_removed(lab):
    lab.create(Tags={"a": "1", "b": "2"})
    assert lab.call("TagResource", Resource=ARN, Tags={"b": "3", "c": ""}) == {}
    assert lab.call("ListTags", Resource=ARN) == {"Tags": {"a": "1", "b": "3", "c": ""}}
    assert lab.call("UntagResource", Resource=ARN, TagKeys=["a", "never there"]) == {}
    lab.restart()
    assert lab.call("GetFunction", FunctionName="f")["Tags"] == {"b": "3", "c": ""}
    lab.call("UntagResource", Resource=ARN, TagKeys=["b", "c"])
    assert lab.call("ListTags", Resource=ARN) == {"Tags": {}}
    assert "Tags" not in lab.call("GetFunction", FunctionName="f")


def test_tagging_changes_the_revision_and_not_what_runs(lab):
    lab.create()
    lab.invoke()
    before = lab.settle()
    lab.call("TagResource", Resource=ARN, Tags={"a": "b"})
    tagged = lab.settle()
    lab.call("UntagResource", Resource=ARN, TagKeys=["a"])
    assert len({before["RevisionId"], tagged["RevisionId"], lab.settle()["RevisionId"]}) == 3
    lab.invoke()
    (one, _), (other, _) = lab.engine.started
    assert one is other


def test_fifty_tags_are_all_that_fit(lab):
    lab.create(Tags={str(number): "" for number in range(49)})
    lab.call("TagResource", Resource=ARN, Tags={"last": ""})
    lab.call("TagResource", Resource=ARN, Tags={"last": "changed"})
    error = lab.error("TagResource", Resource=ARN, Tags={"more": ""})
    assert (error.code, error.message) == (
        "InvalidParameterValueException",
        "Number of tags exceeds resource tag limit.",
    )


@pytest.mark.parametrize(
    ("resource", "code", "message"),
    [
        (f"{ARN}x", "ResourceNotFoundException", f"Function not found: {ARN}x"),
        *[
            (
                f"{ARN}:{qualifier}",
                "InvalidParameterValueException",
                "Tags on function aliases and versions are not supported. Please specify a function ARN.",
            )
            for qualifier in ("1", "prod", "$LATEST")
        ],
        (ARN.replace("us-east-1", "eu-west-1"), "ResourceNotFoundException", "Functions from 'eu-west-1' are not "),
        (ARN.replace("123456789012", "999999999999"), "AccessDeniedException", ""),
    ],
)
def test_what_cannot_be_tagged(lab, resource, code, message):
    lab.create()
    for operation, given in (("TagResource", {"Tags": {"a": "b"}}), ("UntagResource", {"TagKeys": ["a"]})):
        error = lab.error(operation, Resource=resource, **given)
        assert error.code == code
        assert error.message.startswith(message)
    assert lab.error("ListTags", Resource=resource).code == code


def test_no_tags_are_an_error_that_says_nothing(lab):
    lab.create()
    error = lab.error("TagResource", Resource=ARN, Tags={})
    assert (error.code, error.message) == (
        "InvalidParameterValueException",
        "An error occurred and the request cannot be processed.",
    )


def test_a_function_that_is_being_updated_cannot_be_tagged(lab):
    async def tag_at_once():
        await lab.acall("UpdateFunctionConfiguration", FunctionName="f", Timeout=8)
        await lab.acall("TagResource", Resource=ARN, Tags={"a": "b"})

    lab.create()
    with pytest.raises(AwsError) as caught:
        lab.runner.run(tag_at_once())
    assert caught.value.code == "ResourceConflictException"


def test_a_recursion_is_terminated_unless_it_is_allowed(lab):
    lab.create()
    assert lab.call("GetFunctionRecursionConfig", FunctionName="f") == {"RecursiveLoop": "Terminate"}
    given = {"FunctionName": ARN, "RecursiveLoop": "Allow"}
    assert lab.call("PutFunctionRecursionConfig", **given) == {"RecursiveLoop": "Allow"}
    lab.restart()
    assert lab.call("GetFunctionRecursionConfig", FunctionName="f") == {"RecursiveLoop": "Allow"}
    for operation in ("GetFunctionRecursionConfig", "PutFunctionRecursionConfig"):
        error = lab.error(operation, FunctionName="g", RecursiveLoop="Allow")
        assert error.message == f"Function not found: {ARN[:-1]}g"


def test_runtimes_are_updated_automatically_unless_something_else_is_chosen(lab):
    lab.create(Publish=True)
    default = {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{ARN}:$LATEST"}
    assert lab.call("GetRuntimeManagementConfig", FunctionName="f") == default
    manual = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": RUNTIME, "FunctionArn": f"{ARN}:1"}
    given = {"FunctionName": "f", "Qualifier": "1", "UpdateRuntimeOn": "Manual", "RuntimeVersionArn": RUNTIME}
    assert lab.call("PutRuntimeManagementConfig", **given) == manual
    lab.call("PutRuntimeManagementConfig", FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    lab.restart()
    assert lab.call("GetRuntimeManagementConfig", FunctionName="f:1") == manual
    assert lab.call("GetRuntimeManagementConfig", FunctionName="f", Qualifier="$LATEST") == (
        default | {"UpdateRuntimeOn": "FunctionUpdate"}
    )


def test_runtime_management_goes_with_its_version(lab):
    lab.create(Publish=True)
    given = {"FunctionName": "f", "Qualifier": "1", "UpdateRuntimeOn": "FunctionUpdate"}
    lab.call("PutRuntimeManagementConfig", **given)
    lab.call("PutRuntimeManagementConfig", FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    lab.call("DeleteFunction", FunctionName="f:1")
    assert lab.error("GetRuntimeManagementConfig", FunctionName="f:1").message == f"Function not found: {ARN}:1"
    lab.call("DeleteFunction", FunctionName="f")
    lab.create(Publish=True)
    for qualifier in ("1", "$LATEST"):
        shown = lab.call("GetRuntimeManagementConfig", FunctionName="f", Qualifier=qualifier)
        assert shown["UpdateRuntimeOn"] == "Auto"


@pytest.mark.parametrize(
    "given",
    [{"UpdateRuntimeOn": "Manual"}, {"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": RUNTIME}],
)
def test_a_runtime_version_is_given_with_manual_and_only_then(lab, given):
    lab.create()
    error = lab.error("PutRuntimeManagementConfig", FunctionName="f", **given)
    assert error.code == "InvalidParameterValueException"
    assert "RuntimeVersionArn" in error.message
