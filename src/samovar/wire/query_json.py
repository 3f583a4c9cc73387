"""Answers of the query protocol as JSON, for who asks with `Accept: application/json`: integrations of API Gateway do,
and their templates read `$.SendMessageResponse.SendMessageResult.MessageId` (facts/apigateway.md §4).

Owns: `answer` and `error`. Pure. Rules: every member of a result is there, null where it has no value; what the XML
form flattens is named as SQS names it: lists begin in lower case (`messages`), maps are lists of their pairs.
"""

import base64
from typing import Any

import msgspec

from samovar.core.errors import AwsError
from samovar.wire.answer import Answer, Params
from samovar.wire.shapes import Description, OperationShape, Ref, wire_name


def answer(service: Description, operation: OperationShape, result: Params, request_id: str) -> Answer:
    told: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
    if operation.output is not None:
        wrapper = operation.output.result_wrapper or f"{operation.name}Result"
        told[wrapper] = _shown(service, operation.output, result)
    return _written(200, {f"{operation.name}Response": told}, request_id)


def error(code: str, error: AwsError, status: int, request_id: str) -> Answer:
    fault = "Sender" if status < 500 else "Receiver"
    told = {"Error": {"Code": code, "Message": error.message, "Type": fault}, "RequestId": request_id}
    return _written(status, told, request_id)


def _written(status: int, told: dict[str, Any], request_id: str) -> Answer:
    headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", request_id)]
    return Answer(status, headers, msgspec.json.encode(told))


def _shown(service: Description, ref: Ref, value: Any) -> Any:
    shape = service.shapes[ref.shape]
    if value is None:
        return None
    if shape.type == "structure":
        return {
            _named(service, name, member): _shown(service, member, value.get(name))
            for name, member in shape.members.items()
        }
    if shape.type == "list" and shape.member is not None:
        return [_shown(service, shape.member, each) for each in value]
    if shape.type == "map" and shape.key is not None and shape.value is not None:
        inner = {key: _shown(service, shape.value, each) for key, each in value.items()}
        names = (wire_name("key", shape.key), wire_name("value", shape.value))
        return [dict(zip(names, pair, strict=True)) for pair in inner.items()] if shape.flattened else inner
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _named(service: Description, name: str, member: Ref) -> str:
    shape = service.shapes[member.shape]
    return name[:1].lower() + name[1:] if shape.type == "list" and shape.flattened else name
