"""Every constraint of the models, broken one at a time: the error names the member and the constraint."""

import copy
from typing import Any

import pytest
from generated import breaks
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.wire import words

PROTOCOL_SETTINGS = settings(settings.get_profile("protocol"), max_examples=2)


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
