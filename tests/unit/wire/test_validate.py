"""Checks on the hot path: what is remembered, and what it may cost."""

import pytest

from samovar.core.errors import AwsError
from samovar.wire.model import Models


def test_a_name_that_passed_once_passes_again_and_a_bad_one_never(models: Models) -> None:
    invoke = models["lambda"].operation("Invoke")
    for _ in range(3):
        assert invoke.parse({"FunctionName": "good"}, "", {}, b"")["FunctionName"] == "good"
        with pytest.raises(AwsError, match="Value 'b d' at 'functionName'"):
            invoke.parse({"FunctionName": "b d"}, "", {}, b"")


def test_more_names_than_are_remembered_still_pass(models: Models) -> None:
    invoke = models["lambda"].operation("Invoke")
    for number in range(3000):
        invoke.parse({"FunctionName": f"f{number}"}, "", {}, b"")
    invoke.parse({"FunctionName": "f0"}, "", {}, b"")


def test_an_endless_string_is_refused_for_its_length_without_being_matched(models: Models) -> None:
    with pytest.raises(AwsError) as caught:
        models["lambda"].operation("Invoke").parse({"FunctionName": " " * 100_000}, "", {}, b"")
    assert caught.value.message.startswith("1 validation error detected: ")
    assert caught.value.message.endswith("Member must have length less than or equal to 256")
