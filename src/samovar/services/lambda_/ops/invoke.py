"""Invoke, the hot path: name and qualifier to a version, and on to the engine, without a task or an await; and
InvokeWithResponseStream, which goes the same way.

Rules: everything that the caller did wrong is refused before the engine hears of it; a function that failed is a 200
with FunctionError. `InvocationType=Event` is refused until the queue is there.
"""

import base64
import binascii

import msgspec

from samovar.core import jackson
from samovar.core.context import Context, Params, Reply
from samovar.core.errors import AwsError
from samovar.engine.model import Invocation, Outcome, Result, Version
from samovar.services.lambda_ import configure, names
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.state import State
from samovar.services.lambda_.streamed import StreamedResponse, log_result

CLIENT_CONTEXT_LIMIT = 3583
"""Bytes of base64."""

_skim = msgspec.json.Decoder(msgspec.Raw).decode
"""Checks a JSON text without building anything; 0.15 us for 200 bytes, 1.2 ms for 6 MB."""


def invoke(state: State, ctx: Context, params: Params, reply: Reply) -> None:
    if params.get("InvocationType") == "Event":
        raise configure.not_implemented("InvocationType=Event")
    version, invocation = _asked(state, ctx, params)
    if params.get("InvocationType") == "DryRun":
        reply({"StatusCode": 204})
        return
    state.engine.start(version, invocation, lambda result: reply(_answer(version, result)))


def invoke_with_response_stream(state: State, ctx: Context, params: Params, reply: Reply) -> None:
    version, invocation = _asked(state, ctx, params)
    if params.get("InvocationType") == "DryRun":
        reply({"StatusCode": 204})
        return
    response = StreamedResponse(version, reply, state.engine.pace())
    state.engine.start(version, invocation, response.done, response.chunks)


def _asked(state: State, ctx: Context, params: Params) -> tuple[Version, Invocation]:
    """What is to be run, and with what; AwsError where the caller is wrong."""
    target = names.locate(ctx, params["FunctionName"], params.get("Qualifier", ""))
    version = state.in_force((ctx.account, ctx.region, target.name), target.qualifier or LATEST)
    if version is None:
        raise names.not_found(ctx, target.name, target.qualifier or LATEST)
    invocation = Invocation(
        request_id=ctx.request_id,
        invoked_arn=f"{version.function_arn}:{target.qualifier}" if target.qualifier else version.function_arn,
        payload=_payload(params),
        client_context=_client_context(params),
        trace_id=ctx.trace_id,
        tail=params.get("LogType") == "Tail",
    )
    _refuse_absent_features(params)
    return version, invocation


def _answer(version: Version, result: Result) -> Params:
    answer: Params = {"StatusCode": 200, "Payload": result.payload, "ExecutedVersion": version.version}
    if result.outcome is Outcome.FUNCTION_ERROR:
        answer["FunctionError"] = "Unhandled"
    if result.log_tail:
        answer["LogResult"] = log_result(result)
    return answer


def _payload(params: Params) -> bytes:
    """The event; an empty body is an empty object to the function (facts/lambda-api.md §11)."""
    payload: bytes = params.get("Payload") or b"{}"
    try:
        _skim(payload)
        if not payload.isascii():
            payload.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fault = jackson.fault(payload)
        if fault:
            raise AwsError(
                "InvalidRequestContentException",
                f"Could not parse request body into json: Could not parse payload into json: {fault}",
            ) from None
    return payload


def _client_context(params: Params) -> str:
    encoded: str = params.get("ClientContext", "")
    if not encoded:
        return ""
    if len(encoded) > CLIENT_CONTEXT_LIMIT:
        raise AwsError(
            "InvalidRequestContentException", f"Client context must be no more than {CLIENT_CONTEXT_LIMIT} bytes."
        )
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        message = "Client context must be a valid Base64-encoded JSON object."
        raise AwsError("InvalidRequestContentException", message) from None
    return text


def _refuse_absent_features(params: Params) -> None:
    if params.get("TenantId"):
        raise invalid("TenantId was given, but this function isn't configured with a TenancyConfig.")
    if params.get("DurableExecutionName"):
        raise invalid("DurableExecutionName was given, but this function isn't configured with a DurableConfig.")
