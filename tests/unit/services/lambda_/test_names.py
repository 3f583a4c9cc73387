"""Parsing of names and ARNs: outcomes recorded in facts/lambda-api.md §3."""

import pytest

from samovar.core.errors import AwsError
from samovar.services.lambda_ import names
from samovar.services.lambda_.names import Target

ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.mark.parametrize(
    ("text", "qualifier", "expected"),
    [
        ("f", "", Target("f", "")),
        ("f", "$LATEST", Target("f", "$LATEST")),
        ("f:1", "", Target("f", "1")),
        ("f:1", "1", Target("f", "1")),
        ("f:$LATEST", "", Target("f", "$LATEST")),
        ("function:f", "", Target("f", "")),
        ("123456789012:function:f", "", Target("f", "")),
        ("123456789012:f:alias", "", Target("f", "alias")),
        (f"{ARN}:f", "", Target("f", "")),
        (f"{ARN}:f:$LATEST", "", Target("f", "$LATEST")),
        (f"{ARN}:f", "prod", Target("f", "prod")),
        (ARN, "", Target("function", "")),
        ("x" * 64, "", Target("x" * 64, "")),
        ("f", "$latest", Target("f", "$latest")),
    ],
)
def test_every_form_of_a_function_name_is_understood(lab, text, qualifier, expected):
    assert names.locate(lab.ctx, text, qualifier) == expected


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:lambda:123456789012:function:f",
        "arn:aws:lambda:us-east-1:function:f",
        "arn:aws:lambda:us-east-1:123456789012:function:f:$LATES",
        f"{ARN}:f:1:2",
        "arn:aws:sqs:us-east-1:123456789012:q",
        "f:1:2",
        "f g",
        "f\n",
        ":",
        "",
    ],
)
def test_a_malformed_name_is_a_validation_exception(lab, text):
    if text == "" or text in ("f g", "f\n"):
        text += ":"  # a bare name has passed the pattern of the model before it gets here
    with pytest.raises(AwsError) as caught:
        names.locate(lab.ctx, text)
    assert caught.value.code == "ValidationException"
    assert caught.value.message == (
        f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {names.NAMESPACED_PATTERN}"
    )


@pytest.mark.parametrize("text", ["f:1", f"{ARN}:f:1"])
def test_two_qualifiers_that_differ_are_refused(lab, text):
    with pytest.raises(AwsError) as caught:
        names.locate(lab.ctx, text, "2")
    assert caught.value.code == "InvalidParameterValueException"
    assert caught.value.message == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


def test_an_arn_of_another_region_is_not_reachable(lab):
    with pytest.raises(AwsError) as caught:
        names.locate(lab.ctx, "arn:aws:lambda:eu-west-1:123456789012:function:f")
    assert caught.value.code == "ResourceNotFoundException"
    assert caught.value.message == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"


@pytest.mark.parametrize("text", ["arn:aws:lambda:us-east-1:999999999999:function:f", "999999999999:function:f"])
def test_an_arn_of_another_account_is_denied_with_an_empty_message(lab, text):
    with pytest.raises(AwsError) as caught:
        names.locate(lab.ctx, text)
    assert (caught.value.code, caught.value.message) == ("AccessDeniedException", "")


@pytest.mark.parametrize("text", ["x" * 65, "function:" + "x" * 65])
@pytest.mark.parametrize("read", [names.locate, names.new_name])
def test_a_bare_name_has_64_characters_at_most(lab, text, read):
    with pytest.raises(AwsError) as caught:
        read(lab.ctx, text)
    assert caught.value.code == "InvalidParameterValueException"
    assert caught.value.message == (
        f"1 validation error detected: Value '{'x' * 65}' at 'functionName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )


@pytest.mark.parametrize("text", ["f", f"{ARN}:f", "123456789012:function:f", "function:f"])
def test_a_function_may_be_created_by_its_unqualified_arn(lab, text):
    assert names.new_name(lab.ctx, text) == "f"


@pytest.mark.parametrize("text", ["f:1", f"{ARN}:f:$LATEST", "a.b", "arn:aws:lambda:us-east-1:function:f"])
def test_a_function_cannot_be_created_by_a_qualified_or_incomplete_name(lab, text):
    with pytest.raises(AwsError) as caught:
        names.new_name(lab.ctx, text)
    assert caught.value.code == "ValidationException"
    assert caught.value.message.endswith(names.UNQUALIFIED_PATTERN)
