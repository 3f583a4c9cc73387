"""How each kind of target is called: one payload to one ARN, by the API that anybody else would call.

Owns: which operation with which parameters, and which errors no retry can help. Refuses: retrying, counting, dead
letters (`outbox`). Facts: eventbridge.md §D3, lambda-events.md §3.
Rules: a call acts in the account and region of the target, in the name of the service or role that delivers. Queues,
topics, buses and functions' events end the delivery in the transaction in which they take it (`Context.handover`).
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.arn import Arn
from samovar.core.context import Acting, Context, Params
from samovar.core.errors import AwsError
from samovar.delivery.queue import Step


class Parcel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payload on its way to a target. Goes to disk: members may only be added, with defaults."""

    target: str
    """ARN."""
    payload: str
    principal: str
    """In whose name: a service (`events.amazonaws.com`) or a role session."""
    source: str
    """Who delivers, in the journal's words."""
    origin: str
    """ARN of what it is delivered for."""
    account: str
    """The owner's, as the region."""
    region: str
    event_id: str
    trace_id: str = ""
    options: dict[str, Any] = {}
    """What its kind of target needs: `MessageGroupId`, `MessageAttributes`, `DetailType`, `Source`, `Resources`, `Key`,
    `PartitionKey`, `Operation`."""


ATTEMPT_MARK = "<aws.scheduler.attempt-number>"
"""In a payload whose options have it as `AttemptMark`, the number of the attempt."""


class Undeliverable(Exception):
    """The target has not taken it."""

    def __init__(self, code: str, message: str, final: bool) -> None:
        """`final`: no retry can help."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.final = final


class Targets:
    def __init__(self, acting: Acting, call_destination: Callable[[Parcel], Awaitable[None]] | None = None) -> None:
        """`call_destination` calls an API destination, which EventBridge knows; raises Undeliverable."""
        self._acting = acting
        self._call_destination = call_destination

    async def deliver(self, parcel: Parcel, handover: tuple[Step, ...] = ()) -> None:
        """Hand it over; raises Undeliverable. `handover`: what ends the delivery, for the receiver's transaction."""
        target = arn.parse(parcel.target)
        if self._call_destination is not None and target and target.resource.startswith("api-destination/"):
            await self._call_destination(parcel)
            return
        way = _WAYS.get(target.service) if target else None
        if target is None or way is None:
            raise Undeliverable("INVALID_PARAMETER", f"nothing can be delivered to {parcel.target}", final=True)
        ctx = self._acting(
            target.account or parcel.account,
            target.region or parcel.region,
            parcel.principal,
            parcel.origin,
            parcel.trace_id,
            handover,
        )
        try:
            await way(ctx, target, parcel)
        except AwsError as error:
            raise Undeliverable(error.code, error.message, final=_is_final(error.code)) from error


_FINAL = (
    "accessdenied", "notfound", "nonexistent", "doesnotexist", "nosuch", "invalid", "validation", "malformed",
    "notimplemented", "unsupported", "toolarge", "requesttoolong", "missing", "kms", "authorizationerror",
    "unknownoperation", "recursiveinvocation", "unrecognizedclient",
)  # fmt: skip
_PASSING = ("throttl", "toomanyrequests", "overlimit", "serviceunavailable", "internal", "serviceexception")


def _is_final(code: str) -> bool:
    """Missing permissions and resources, and what the target can't understand (facts/eventbridge.md §D4)."""
    folded = code.lower()
    return not any(word in folded for word in _PASSING) and any(word in folded for word in _FINAL)


async def _function(ctx: Context, target: Arn, parcel: Parcel) -> None:
    params: Params = {"FunctionName": parcel.target, "InvocationType": "Event", "Payload": parcel.payload.encode()}
    await ctx.call("lambda", "Invoke", params)


async def _queue(ctx: Context, target: Arn, parcel: Parcel) -> None:
    params: Params = {"QueueUrl": f"{ctx.endpoint}/{target.account}/{target.resource}", "MessageBody": parcel.payload}
    params.update(_chosen(parcel, "MessageGroupId", "MessageDeduplicationId", "MessageAttributes"))
    if parcel.trace_id:
        params["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": parcel.trace_id}}
    await ctx.call("sqs", "SendMessage", params)


async def _topic(ctx: Context, target: Arn, parcel: Parcel) -> None:
    params: Params = {"TopicArn": parcel.target, "Message": parcel.payload}
    params.update(_chosen(parcel, "MessageGroupId", "MessageDeduplicationId", "MessageAttributes", "Subject"))
    await ctx.call("sns", "Publish", params)


async def _bus(ctx: Context, target: Arn, parcel: Parcel) -> None:
    entry: Params = {"EventBusName": parcel.target, "Detail": parcel.payload}
    entry.update(_chosen(parcel, "DetailType", "Source", "Resources", "Time"))
    if parcel.trace_id:
        entry["TraceHeader"] = parcel.trace_id
    answer = await ctx.call("events", "PutEvents", {"Entries": [entry]})
    [result] = answer["Entries"]
    if "ErrorCode" in result:
        raise AwsError(result["ErrorCode"], result.get("ErrorMessage", ""))


async def _bucket(ctx: Context, target: Arn, parcel: Parcel) -> None:
    bucket, _, prefix = target.resource.partition("/")
    params = {"Bucket": bucket, "Key": prefix + parcel.options["Key"], "Body": parcel.payload.encode()}
    await ctx.call("s3", "PutObject", params)


async def _log_group(ctx: Context, target: Arn, parcel: Parcel) -> None:
    group = target.resource.removeprefix("log-group:").removesuffix(":*")
    names = {"logGroupName": group, "logStreamName": parcel.event_id}
    try:
        await ctx.call("logs", "CreateLogStream", names)
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
    event = {"timestamp": parcel.options["Timestamp"], "message": parcel.payload}
    await ctx.call("logs", "PutLogEvents", {**names, "logEvents": [event]})


async def _stream(ctx: Context, target: Arn, parcel: Parcel) -> None:
    key = str(parcel.options.get("PartitionKey") or parcel.event_id)
    params = {"StreamARN": parcel.target, "PartitionKey": key[:256], "Data": parcel.payload.encode()}
    await ctx.call("kinesis", "PutRecord", params)


async def _delivery_stream(ctx: Context, target: Arn, parcel: Parcel) -> None:
    name = target.resource.partition("/")[2]
    await ctx.call("firehose", "PutRecord", {"DeliveryStreamName": name, "Record": {"Data": parcel.payload.encode()}})


async def _state_machine(ctx: Context, target: Arn, parcel: Parcel) -> None:
    await ctx.call("stepfunctions", "StartExecution", {"stateMachineArn": parcel.target, "input": parcel.payload})


async def _operation(ctx: Context, target: Arn, parcel: Parcel) -> None:
    """A universal target of Scheduler's: any operation, its parameters as JSON (facts/eventbridge.md §F3)."""
    service, _, action = target.resource.removeprefix("aws-sdk:").partition(":")
    params: Params = json.loads(parcel.payload or "{}")
    if service == "lambda" and isinstance(params.get("Payload"), str):
        params["Payload"] = params["Payload"].encode()
    await ctx.call(_CLIENTS.get(service, service), action[:1].upper() + action[1:], params)


_CLIENTS = {"eventbridge": "events", "cloudwatchlogs": "logs", "sfn": "stepfunctions"}
"""Where an SDK's service id isn't the name of boto3's client."""

Way = Callable[[Context, Arn, Parcel], Awaitable[None]]

_WAYS: dict[str, Way] = {
    "lambda": _function,
    "sqs": _queue,
    "sns": _topic,
    "events": _bus,
    "s3": _bucket,
    "logs": _log_group,
    "kinesis": _stream,
    "firehose": _delivery_stream,
    "states": _state_machine,
    "scheduler": _operation,
}


def _chosen(parcel: Parcel, *names: str) -> Params:
    return {name: parcel.options[name] for name in names if parcel.options.get(name)}
