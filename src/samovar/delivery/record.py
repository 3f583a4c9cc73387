"""What Lambda tells of an asynchronous invocation that has come to its end (facts/lambda-events.md §3). Pure.

Owns: the invocation record of destinations and the attributes of dead letters.
"""

import time
from typing import Any

import msgspec

from samovar.core.clock import iso_z
from samovar.core.ids import uuid4

SUCCESS = "Success"
EXHAUSTED = "RetriesExhausted"
TOO_OLD = "EventAgeExceeded"
NO_CONCURRENCY = "ZeroReservedConcurrency"

_MESSAGE_LIMIT = 1024
_PROBE = msgspec.json.Decoder(msgspec.Raw).decode


class Ending(msgspec.Struct, frozen=True):
    """How it ended."""

    condition: str
    request_id: str
    function_arn: str
    """With the qualifier, also for `$LATEST`."""
    invoked: int
    """How often the function ran."""
    payload: str
    """The event."""
    executed_version: str = ""
    """Empty when no attempt came to a response."""
    failed: bool = False
    response: bytes = b""


def record(ending: Ending, now: float) -> str:
    """The JSON that a destination gets."""
    shown: dict[str, Any] = {
        "version": "1.0",
        "timestamp": iso_z(now),
        "requestContext": {
            "requestId": ending.request_id,
            "functionArn": ending.function_arn,
            "condition": ending.condition,
            "approximateInvokeCount": ending.invoked,
        },
        "requestPayload": msgspec.Raw(ending.payload.encode()),
    }
    if ending.executed_version:
        response: dict[str, Any] = {"statusCode": 200, "executedVersion": ending.executed_version}
        if ending.failed:
            response["functionError"] = "Unhandled"
        shown["responseContext"] = response
        shown["responsePayload"] = _json(ending.response)
    return msgspec.json.encode(shown).decode()


def dead_letter_attributes(ending: Ending) -> dict[str, dict[str, str]]:
    """The three message attributes of a dead letter."""
    code, message = ("200", _error_message(ending.response)) if ending.executed_version else ("429", "Rate Exceeded.")
    return {
        "RequestID": {"DataType": "String", "StringValue": ending.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": code},
        "ErrorMessage": {"DataType": "String", "StringValue": message},
    }


def _json(text: bytes) -> msgspec.Raw | None:
    """The text as it is; None for what isn't JSON, which a response of a custom runtime may be."""
    try:
        _PROBE(text)
        text.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return msgspec.Raw(text)


class _Error(msgspec.Struct):
    errorMessage: str = ""


def _error_message(response: bytes) -> str:
    try:
        message = msgspec.json.decode(response, type=_Error).errorMessage
    except (msgspec.MsgspecError, RecursionError):
        message = ""
    shortened = message.encode()[:_MESSAGE_LIMIT].decode(errors="ignore")
    return shortened or "Unknown"


def object_key(function: str, now: float) -> str:
    """Where a failure destination in S3 finds its record."""
    moment = time.gmtime(now)
    day, second = time.strftime("%Y/%m/%d", moment), time.strftime("%Y-%m-%dT%H.%M.%S", moment)
    return f"aws/lambda/async/{function}/{day}/{second}-{uuid4()}"
