"""Every constraint of the models, broken one at a time: the error names the member and the constraint."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.wire import words

Break = tuple[str, str, Any]
"""(path, what the error says, parameters with that one thing wrong)"""

PROTOCOL_SETTINGS = settings(settings.get_profile("protocol"), max_examples=2)
NOT_MATCHING = (" ", "\n", "*", "é!", "a b", "", "-", "~", "0")


def wrong_scalars(shape: Any, unchecked: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """(what the error says, a value that breaks it) for each constraint of a scalar."""
    limits, kind = shape.metadata, shape.type_name
    if limits.get("enum"):
        yield f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]", "no such value"
    if kind == "string":
        if limits.get("max", 10**9) < 5000 and f"{shape.name}.max" not in unchecked:
            yield f"Member must have length less than or equal to {limits['max']}", "x" * (limits["max"] + 1)
        if limits.get("min", 0) > 0:
            yield f"Member must have length greater than or equal to {limits['min']}", "x" * (limits["min"] - 1)
        if limits.get("pattern") and not re.search(r"\\[pu]", limits["pattern"]):
            pattern = re.compile(limits["pattern"].replace(r"\w-", r"\w\-"), re.ASCII)
            wrong = [text for text in NOT_MATCHING if not pattern.fullmatch(text)]
            if wrong:
                yield f"Member must satisfy regular expression pattern: {limits['pattern']}", wrong[0]
    elif kind in ("integer", "long", "float", "double"):
        if "max" in limits:
            yield f"Member must have value less than or equal to {limits['max']}", limits["max"] + 1
        if "min" in limits:
            yield f"Member must have value greater than or equal to {limits['min']}", limits["min"] - 1


def breaks(shape: Any, value: Any, path: str, unchecked: frozenset[str]) -> Iterator[Break]:
    """All the ways to spoil `value` at one place; the third is the spoilt copy."""
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            below = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
            if name not in value or f"{shape.name}.{name}" in unchecked:
                continue
            if name in shape.required_members:
                yield below, "Member must not be null", {k: v for k, v in value.items() if k != name}
            for where, says, spoilt in breaks(member, value[name], below, unchecked):
                yield where, says, {**value, name: spoilt}
    elif shape.type_name == "list":
        yield from broken_sizes(shape, value, path)
        if value:
            for says, wrong in [*wrong_scalars(shape.member, unchecked), ("Member must not be null", None)]:
                yield path, says, [*value[1:], wrong]
        if value and shape.member.type_name == "structure":
            for where, says, spoilt in breaks(shape.member, value[0], f"{path}.1.member", unchecked):
                yield where, says, [spoilt, *value[1:]]
    elif shape.type_name == "map":
        yield from broken_sizes(shape, value, path)
        for key in list(value)[:1]:
            for _, wrong in wrong_scalars(shape.value, unchecked):
                yield path, "Map value must satisfy constraint: [", {**value, key: wrong}
            for _, wrong in wrong_scalars(shape.key, unchecked):
                yield path, "Map keys must satisfy constraint: [", {**value, wrong: value[key]}
            if shape.value.type_name == "structure":
                for where, says, spoilt in breaks(shape.value, value[key], f"{path}.{key}.member", unchecked):
                    yield where, says, {**value, key: spoilt}
    else:
        for says, wrong in wrong_scalars(shape, unchecked):
            yield path, says, wrong


def broken_sizes(shape: Any, value: Any, path: str) -> Iterator[Break]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 10**9)
    if low > 0:
        yield path, f"Member must have length greater than or equal to {low}", type(value)()
    if value and high < 300 and shape.type_name == "list":
        yield path, f"Member must have length less than or equal to {high}", value * (high + 1)


def test_each_broken_constraint_is_named(
    service: str, operation: str, models: Any, botocore_model: Any, generator: Any
) -> None:
    shape = botocore_model(service).operation_model(operation).input_shape
    if shape is None or service == "sqs":
        return  # nothing to break; SQS speaks for itself, see test_golden_validation
    spoken = words.of(service)

    @PROTOCOL_SETTINGS
    @given(generator(service, valid=True, full=False).of(shape), st.randoms(use_true_random=False))
    def check(params: dict[str, Any], random: Any) -> None:
        compiled = models[service].operation(operation)
        compiled.validate(copy.deepcopy(params))
        everything = list(breaks(shape, params, "", spoken.unchecked))
        for path, says, spoilt in random.sample(everything, min(6, len(everything))):
            with pytest.raises(AwsError) as caught:
                compiled.validate(spoilt)
            assert caught.value.code == spoken.invalid
            sentences = caught.value.message.partition(" detected: ")[2].split("; ")
            assert any(f" at '{path}' failed to satisfy constraint: " in s and says in s for s in sentences), sentences

    check()
