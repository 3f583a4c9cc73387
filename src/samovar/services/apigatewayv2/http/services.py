"""AWS services as targets: integrations with a subtype (facts/apigateway.md §9).

Owns: which operation a subtype is, and its parameters. Rules: the call is made with the integration's role; the answer
is the service's own, in its own protocol; a service that isn't on this server is refused when the integration is made.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from samovar.core.context import Acting, Params
from samovar.core.errors import AwsError
from samovar.net.message import Response
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.http.values import Value, value
from samovar.services.apigatewayv2.integrations import filled
from samovar.services.apigatewayv2.records import Integration, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.wire.model import Models

Spawn = Callable[[Exchange, Coroutine[Any, Any, None]], None]


class Subtype(msgspec.Struct, frozen=True):
    service: str
    """As boto3 names its client."""
    operation: str
    protocol: str
    """In which the service answers API Gateway."""
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    in_entry: bool = False
    """The parameters are those of the one entry of the request."""


SUBTYPES: Mapping[str, Subtype] = {
    "SQS-SendMessage": Subtype(
        "sqs",
        "SendMessage",
        "query",
        ("QueueUrl", "MessageBody"),
        ("DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageSystemAttributes"),
    ),
    "SQS-ReceiveMessage": Subtype(
        "sqs",
        "ReceiveMessage",
        "query",
        ("QueueUrl",),
        (
            "AttributeNames",
            "MaxNumberOfMessages",
            "MessageAttributeNames",
            "ReceiveRequestAttemptId",
            "VisibilityTimeout",
            "WaitTimeSeconds",
        ),
    ),
    "SQS-DeleteMessage": Subtype("sqs", "DeleteMessage", "query", ("QueueUrl", "ReceiptHandle")),
    "SQS-PurgeQueue": Subtype("sqs", "PurgeQueue", "query", ("QueueUrl",)),
    "EventBridge-PutEvents": Subtype(
        "events",
        "PutEvents",
        "json",
        ("Detail", "DetailType", "Source"),
        ("EventBusName", "Resources", "Time", "TraceHeader"),
        in_entry=True,
    ),
}
ELSEWHERE = frozenset(
    {
        "AppConfig-GetConfiguration", "Kinesis-PutRecord", "StepFunctions-StartExecution",
        "StepFunctions-StartSyncExecution", "StepFunctions-StopExecution",
    }
)  # fmt: skip
"""Subtypes of services that aren't on this server."""

_NUMBERS = frozenset({"DelaySeconds", "MaxNumberOfMessages", "VisibilityTimeout", "WaitTimeSeconds"})
_PARSED = frozenset(
    {"AttributeNames", "MessageAttributeNames", "MessageAttributes", "MessageSystemAttributes", "Resources"}
)
"""Members that are given as JSON, or as a list with commas."""


class Wrong(Exception):
    """What the request brought can't be a parameter; the message says which."""


class ServiceTarget:
    def __init__(
        self, acting: Acting, models: Models, spawn: Spawn, key: ApiKey, stage: Stage, integration: Integration
    ) -> None:
        self._subtype = SUBTYPES[integration.integration_subtype or ""]
        self._operation = models[self._subtype.service].operation(self._subtype.operation, self._subtype.protocol)
        self._acting = acting
        self._spawn = spawn
        self._account, own, _ = key
        given = dict(integration.request_parameters or {})
        self._region = given.pop("Region", own)
        self._role = filled(integration.credentials_arn or "", stage.stage_variables)
        self._parameters: dict[str, Value] = {name: value(text) for name, text in given.items()}

    def handle(self, exchange: Exchange) -> None:
        self._spawn(exchange, self._call(exchange))

    async def _call(self, exchange: Exchange) -> None:
        ctx = self._acting(self._account, self._region, self._role, "", exchange.routed.trace)
        subtype = self._subtype
        try:
            params = self._given(exchange)
            result = await ctx.call(subtype.service, subtype.operation, params)
            written = self._operation.serialize(result, ctx.request_id)
        except Wrong as wrong:
            exchange.refuse(400, why=str(wrong))
            return
        except AwsError as error:  # the service's refusal is the answer
            written = self._operation.serialize_error(error, ctx.request_id)
        exchange.integration_status = written.status
        exchange.answer(Response(written.status, written.headers, written.body))

    def _given(self, exchange: Exchange) -> Params:
        params: Params = {}
        for name, read in self._parameters.items():
            text = read(exchange, None)
            if text is not None:
                params[name] = _typed(name, text)
        missing = [name for name in self._subtype.required if name not in params]
        if missing:
            raise Wrong(f"The request doesn't give {', '.join(missing)}")
        return {"Entries": [params]} if self._subtype.in_entry else params


def _typed(name: str, text: str) -> Any:
    """A parameter as the operation takes it."""
    if name in _NUMBERS:
        if not text.isdecimal():
            raise Wrong(f"{name} isn't a whole number")
        return int(text)
    if name not in _PARSED:
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        if name.endswith("Attributes"):
            raise Wrong(f"{name} isn't JSON") from None
        return [each.strip() for each in text.split(",") if each.strip()]
