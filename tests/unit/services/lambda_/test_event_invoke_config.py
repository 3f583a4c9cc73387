"""What happens to a configuration of asynchronous invocation while another service is asked about its destinations."""

from typing import Any

import msgspec
import pytest

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
DESTINATION = {"OnFailure": {"Destination": QUEUE}}


class Meanwhile:
    """SQS, where every queue is there; while it is asked, something else happens once."""

    def __init__(self, happens: Any) -> None:
        self._happens = happens

    async def call(self, ctx: Any, service: str, operation: str, params: Any) -> Any:
        happens, self._happens = self._happens, None
        if happens:
            await happens()
        return {"QueueUrl": "http://q"}


@pytest.fixture
def meanwhile(lab: Any) -> Any:
    """Lets an operation happen while the queue is looked for."""

    def meanwhile(operation: str, **params: Any) -> None:
        caller = Meanwhile(lambda: lab.acall(operation, plain, **params))
        lab.ctx = msgspec.structs.replace(plain, caller=caller)

    plain = lab.ctx
    return meanwhile


def test_a_function_that_goes_meanwhile_leaves_no_configuration_behind(lab: Any, meanwhile: Any) -> None:
    lab.create()
    meanwhile("DeleteFunction", FunctionName="f")
    refusal = lab.error("PutFunctionEventInvokeConfig", FunctionName="f", DestinationConfig=DESTINATION)
    assert (refusal.code, refusal.message) == ("ResourceNotFoundException", "The function doesn't exist.")
    rows = lab.runner.run(lab.store.query("SELECT key FROM records WHERE name = 'lambda.event-invoke-configs'"))
    assert rows == []


def test_an_update_keeps_what_another_one_has_set_meanwhile(lab: Any, meanwhile: Any) -> None:
    lab.create()
    lab.call("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=2)
    meanwhile("UpdateFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=1)
    updated = lab.call("UpdateFunctionEventInvokeConfig", FunctionName="f", DestinationConfig=DESTINATION)
    assert updated["MaximumRetryAttempts"] == 1
    assert updated["DestinationConfig"]["OnFailure"] == {"Destination": QUEUE}
