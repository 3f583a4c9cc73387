"""Invoke: facts/lambda-api.md §11."""

import base64
import json

import pytest

from samovar.core.errors import AwsError
from samovar.engine.model import Outcome, Result

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def test_the_engine_gets_the_version_as_configured_and_the_event_as_sent(lab):
    lab.create(
        Timeout=9,
        MemorySize=256,
        EphemeralStorage={"Size": 1024},
        Environment={"Variables": {"KEY": "v"}},
        LoggingConfig={"LogGroup": "/mine"},
    )
    shown = lab.settle()
    lab.invoke(Payload=b' {"a": 1} ')
    ((version, invocation),) = lab.engine.started
    assert version.key == f"{ARN}:{shown['RevisionId']}"
    assert (version.account, version.region, version.function_name) == ("123456789012", "us-east-1", "f")
    assert (version.function_arn, version.version) == (ARN, "$LATEST")
    assert (version.runtime, version.handler) == ("python3.12", "h.handler")
    assert (version.timeout_s, version.memory_mb, version.ephemeral_mb) == (9, 256, 1024)
    assert (version.variables, version.log_group) == ({"KEY": "v"}, "/mine")
    assert version.role_arn == "arn:aws:iam::123456789012:role/r"
    assert (lab.directory / "trees" / version.code / "h.py").is_file()
    assert invocation.payload == b' {"a": 1} '
    assert (invocation.request_id, invocation.invoked_arn) == (lab.ctx.request_id, ARN)
    assert (invocation.client_context, invocation.tail) == ("", False)


def test_a_result_is_answered_with_the_version_that_ran(lab):
    lab.create()
    lab.engine.result = Result(Outcome.OK, b'{"x":1}')
    assert lab.invoke() == {"StatusCode": 200, "Payload": b'{"x":1}', "ExecutedVersion": "$LATEST"}


def test_a_function_that_failed_is_a_200_with_a_function_error(lab):
    lab.create()
    lab.engine.result = Result(Outcome.FUNCTION_ERROR, b'{"errorMessage":"x"}', "ValueError")
    assert lab.invoke() == {
        "StatusCode": 200,
        "Payload": b'{"errorMessage":"x"}',
        "ExecutedVersion": "$LATEST",
        "FunctionError": "Unhandled",
    }


def test_the_log_tail_is_answered_when_asked_for(lab):
    lab.create()
    lab.engine.result = Result(Outcome.OK, b"null", log_tail=b"START\n")
    answer = lab.invoke(LogType="Tail")
    assert lab.engine.started[0][1].tail
    assert base64.b64decode(answer["LogResult"]) == b"START\n"
    lab.invoke(LogType="None")
    assert not lab.engine.started[1][1].tail


def test_the_answer_comes_when_the_function_has_finished(lab):
    lab.create()
    lab.engine.result = None
    assert lab.invoke() is None
    lab.engine.finish(Result(Outcome.OK, b"null"))


@pytest.mark.parametrize("given", [{}, {"Payload": b""}])
def test_an_empty_payload_is_an_empty_object(lab, given):
    lab.create()
    lab.invoke(**given)
    assert lab.engine.started[0][1].payload == b"{}"


@pytest.mark.parametrize(
    ("asked", "invoked"),
    [
        ({"FunctionName": "f"}, ARN),
        ({"FunctionName": "f", "Qualifier": "$LATEST"}, f"{ARN}:$LATEST"),
        ({"FunctionName": f"{ARN}:$LATEST"}, f"{ARN}:$LATEST"),
        ({"FunctionName": "function:f"}, ARN),
    ],
)
def test_the_invoked_arn_has_a_qualifier_when_one_was_given(lab, asked, invoked):
    lab.create()
    lab.invoke(asked.pop("FunctionName"), **asked)
    assert lab.engine.started[0][1].invoked_arn == invoked


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
@pytest.mark.parametrize(("name", "qualifier"), [("f:1", "1"), ("f:prod", "prod")])
def test_an_unknown_qualifier_is_not_found(lab, exists, kind, name, qualifier):
    if exists:
        lab.create()
    error = lab.invoke_error(name, InvocationType=kind)
    assert (error.code, error.message) == ("ResourceNotFoundException", f"Function not found: {ARN}:{qualifier}")


def test_a_missing_function_is_not_found_as_latest(lab):
    assert lab.invoke_error().message == f"Function not found: {ARN}:$LATEST"


def test_a_pending_function_cannot_be_invoked_and_a_moment_later_it_can(lab):
    async def invoke_at_once():
        await lab.acreate()
        lab.service.direct["invoke"](lab.ctx, {"FunctionName": "f"}, lambda answer: None)

    with pytest.raises(AwsError) as caught:
        lab.runner.run(invoke_at_once())
    assert caught.value.code == "ResourceConflictException"
    assert caught.value.message == (
        "The operation cannot be performed at this time. The function is currently in the following state: Pending"
    )
    lab.settle()
    assert lab.invoke()["StatusCode"] == 200


def test_during_an_update_the_old_version_runs_and_then_it_is_retired(lab):
    async def invoke_while_updating():
        await lab.acall("UpdateFunctionConfiguration", FunctionName="f", Timeout=8)
        lab.service.direct["invoke"](lab.ctx, {"FunctionName": "f"}, lambda answer: None)

    lab.create()
    lab.runner.run(invoke_while_updating())
    lab.settle()
    lab.invoke()
    (old, _), (new, _) = lab.engine.started
    assert (old.timeout_s, new.timeout_s) == (3, 8)
    assert lab.engine.retired == [old.key]
    assert new.key != old.key


def test_the_interpreter_is_warmed_for_a_new_function(lab):
    lab.create()
    assert lab.engine.prepared == ["python3.12"]


def test_a_dry_run_is_a_204_and_runs_nothing(lab):
    lab.create()
    assert lab.invoke(InvocationType="DryRun") == {"StatusCode": 204}
    assert lab.engine.started == []
    assert lab.invoke_error(InvocationType="DryRun", Payload=b"{").code == "InvalidRequestContentException"


def test_an_event_invocation_is_refused_by_name_until_there_is_a_queue(lab):
    lab.create()
    error = lab.invoke_error(InvocationType="Event")
    assert error.code == "NotImplementedException"
    assert "InvocationType=Event" in error.message
    assert lab.engine.started == []


@pytest.mark.parametrize("payload", [b"{", b"foo", b'"\x87"', b"\x99", b"[" * 2000, b'{"a":1}x'])
def test_a_payload_that_is_not_json_is_refused(lab, payload):
    lab.create()
    error = lab.invoke_error(Payload=payload)
    assert error.code == "InvalidRequestContentException"
    assert error.message.startswith("Could not parse request body into json: Could not parse payload into json: ")
    assert (
        "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, " in error.message
    )
    assert lab.engine.started == []


@pytest.mark.parametrize(
    "payload", [b'"\\ud800"', b"1e999", b'"\xc3\xa9"', b"null", b" 1 ", b'"' + b"x" * 6_000_000 + b'"']
)
def test_every_json_text_is_passed_on_as_it_is(lab, payload):
    lab.create()
    lab.invoke(Payload=payload)
    assert lab.engine.started[0][1].payload == payload


def test_a_client_context_reaches_the_function_decoded(lab):
    lab.create()
    lab.invoke(ClientContext=encoded({"custom": {"a": "é"}}))
    assert json.loads(lab.engine.started[0][1].client_context) == {"custom": {"a": "é"}}


@pytest.mark.parametrize(
    "context",
    [
        "%%%",
        "e30",
        encoded([1]),
        encoded("x"),
        base64.b64encode(b"\xff{}").decode(),
        base64.b64encode(b'{"a": "\0{}"}').decode(),
    ],
)
def test_a_client_context_must_be_a_json_object_in_base64(lab, context):
    lab.create()
    error = lab.invoke_error(ClientContext=context)
    assert error.code == "InvalidRequestContentException"
    assert error.message == "Client context must be a valid Base64-encoded JSON object."


def test_a_client_context_has_3583_bytes_at_most(lab):
    lab.create()
    fits = encoded({"k": "x" * 2676})
    assert 3580 <= len(fits) <= 3583
    lab.invoke(ClientContext=fits)
    assert lab.invoke_error(ClientContext=encoded({"k": "x" * 2680})).code == "InvalidRequestContentException"


@pytest.mark.parametrize("given", [{"TenantId": "t"}, {"DurableExecutionName": "d"}])
def test_what_the_function_isnt_configured_for_is_refused(lab, given):
    lab.create()
    assert lab.invoke_error(**given).code == "InvalidParameterValueException"
    assert lab.engine.started == []


def test_a_throttle_is_passed_on(lab):
    lab.create()
    lab.engine.refusal = AwsError("TooManyRequestsException", "Rate Exceeded.", Reason="x", Type="User")
    assert lab.invoke_error() is lab.engine.refusal


def test_an_interpreter_that_has_gone_since_is_an_invalid_runtime_until_it_is_back(lab):
    lab.create()
    text = "python3.12 is not installed on this machine"
    lab.restart(missing={"python3.12": text})
    error = lab.invoke_error()
    assert (error.code, error.message) == ("InvalidRuntimeException", text)
    lab.engine.missing.clear()
    assert lab.invoke()["StatusCode"] == 200
