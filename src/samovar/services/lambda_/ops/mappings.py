"""Create, get, update, delete and list event source mappings (facts/lambda-api.md §5, lambda-events.md §4)."""

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import configure, mappings, names, pages, qualified, queues, sources
from samovar.services.lambda_.mappings import Mapping, Mappings
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.sources import SOURCES, Source

PAGE_LIMIT = 100

_NO_STREAM = ("NotImplementedException", "ResourceNotFoundException")
"""A service that isn't on this server has no streams."""


async def create_event_source_mapping(state: Mappings, ctx: Context, params: Params) -> Params:
    """From sources that something on this server polls; others are checked, and then refused."""
    source = sources.of(params)
    sources.check_members(source, params)
    sources.check_new(source, params)
    chosen = mappings.settings(source, params)
    mappings.check_settings(source, chosen)
    function = _function(state, ctx, params["FunctionName"])
    source_arn = params.get("EventSourceArn", "")
    _check_conflicts(state, ctx, source_arn, function)
    tags = configure.tags(params)
    configuration = state.functions.find(ctx, _name(function)).configuration
    await _check_source(ctx, source, source_arn, configuration.timeout_s)
    _check_role(state, source, source_arn, configuration.role)
    if source.name not in state.polled:
        raise configure.not_implemented(f"Event source mappings from {source.title}")
    _check_conflicts(state, ctx, source_arn, function)  # another one may have been made meanwhile
    enabled = params.get("Enabled", True)
    mapping = Mapping(
        ctx.account,
        ctx.region,
        uuid4(),
        source.name,
        source_arn,
        function,
        chosen,
        enabled,
        "Creating" if enabled else "Disabled",
        state.functions.clock.now(),
        tags,
    )
    await state.keep(mapping)
    return mappings.describe(mapping)


async def get_event_source_mapping(state: Mappings, ctx: Context, params: Params) -> Params:
    return mappings.describe(_existing(state, ctx, params))


async def update_event_source_mapping(state: Mappings, ctx: Context, params: Params) -> Params:
    mapping = _existing(state, ctx, params)
    source = SOURCES[mapping.source]
    sources.check_members(source, {**params, "EventSourceArn": mapping.source_arn})
    chosen = mappings.merged(mapping.settings, params)
    mappings.check_settings(source, chosen)
    function = _function(state, ctx, params["FunctionName"]) if "FunctionName" in params else mapping.function
    if function != mapping.function:
        _check_conflicts(state, ctx, mapping.source_arn, function)
    mappings.check_settled(mapping, "update")
    enabled = params.get("Enabled", mapping.enabled)
    changed = msgspec.structs.replace(
        mapping,
        function=function,
        settings=chosen,
        enabled=enabled,
        state="Updating" if enabled is mapping.enabled else "Enabling" if enabled else "Disabling",
        modified_at=state.functions.clock.now(),
    )
    await state.keep(changed)
    return mappings.describe(changed)


async def delete_event_source_mapping(state: Mappings, ctx: Context, params: Params) -> Params:
    mapping = _existing(state, ctx, params)
    mappings.check_settled(mapping, "delete")
    await state.remove(mapping)
    return mappings.describe(mapping, "Deleting")


async def list_event_source_mappings(state: Mappings, ctx: Context, params: Params) -> Params:
    found = [(key[2], mapping) for key, mapping in state.table.items((ctx.account, ctx.region))]
    if params.get("EventSourceArn"):
        found = [each for each in found if each[1].source_arn == params["EventSourceArn"]]
    if params.get("FunctionName"):
        wanted = _function_arn(ctx, params["FunctionName"])
        found = [each for each in found if each[1].function == wanted]
    page, more = pages.cut(found, params, PAGE_LIMIT)
    return {"EventSourceMappings": [mappings.describe(mapping) for mapping in page], **more}


def _existing(state: Mappings, ctx: Context, params: Params) -> Mapping:
    mapping = state.table.get((ctx.account, ctx.region, params["UUID"]))
    if mapping is None:
        raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.")
    return mapping


def _function(state: Mappings, ctx: Context, text: str) -> str:
    """The ARN of a function, version or alias that there is."""
    if not qualified.exists(state.functions, qualified.named(ctx, {"FunctionName": text})):
        raise invalid("Function does not exist")
    return _function_arn(ctx, text)


def _function_arn(ctx: Context, text: str) -> str:
    """With the qualifier as it was used, but for a full ARN with `$LATEST`, which loses it."""
    target = names.locate(ctx, text)
    latest_arn = text.startswith("arn:") and target.qualifier == LATEST
    return names.function_arn(ctx, target.name, "" if latest_arn else target.qualifier)


def _name(function: str) -> str:
    return function.split(":")[6]


def _check_conflicts(state: Mappings, ctx: Context, source_arn: str, function: str) -> None:
    for _, existing in state.table.items((ctx.account, ctx.region)):
        mappings.check_conflict(existing, source_arn, function)


def _check_role(state: Mappings, source: Source, source_arn: str, role: str) -> None:
    """Where permissions count, the function's role must read its source (facts/lambda-api.md §5)."""
    authority = state.functions.authority
    if source.name != "sqs" or authority is None:
        return
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        if not authority.permits(role, f"sqs:{action}", source_arn):
            raise invalid(f"The provided execution role does not have permissions to call {action} on SQS")


async def _check_source(ctx: Context, source: Source, source_arn: str, timeout_s: int) -> None:
    """Refuse a queue or stream that can't be found, and a queue that would give its messages out too early."""
    if source.name == "sqs":
        await _check_queue(ctx, source_arn, timeout_s)
    elif source.name == "dynamodb":
        await _check_stream(ctx, "dynamodbstreams", "DescribeStream", {"StreamArn": source_arn}, source_arn)
    elif source.name == "kinesis" and "/consumer/" in source_arn:
        await _check_stream(ctx, "kinesis", "DescribeStreamConsumer", {"ConsumerARN": source_arn}, source_arn)
    elif source.name == "kinesis":
        await _check_stream(ctx, "kinesis", "DescribeStreamSummary", {"StreamARN": source_arn}, source_arn)


async def _check_queue(ctx: Context, queue_arn: str, timeout_s: int) -> None:
    queue = arn.parse(queue_arn)
    assert queue is not None, "the source was found by this ARN"
    missing = invalid(
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )
    if queue.region != ctx.region:
        raise missing
    url = await queues.url(ctx, queue)
    if url is None:  # AWS answers in its own words for what it asked the other service
        raise missing
    asked = {"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]}
    try:
        attributes = (await ctx.call("sqs", "GetQueueAttributes", asked))["Attributes"]
    except AwsError as error:  # deleted meanwhile
        if error.code not in queues.NOT_THERE:
            raise
        raise missing from None
    hidden_s = int(attributes["VisibilityTimeout"])
    if hidden_s < timeout_s:
        raise invalid(
            f"Queue visibility timeout: {hidden_s} seconds is less than Function timeout: {timeout_s} seconds"
        )


async def _check_stream(ctx: Context, service: str, operation: str, params: Params, stream_arn: str) -> None:
    try:
        await ctx.call(service, operation, params)
    except AwsError as error:
        if error.code not in _NO_STREAM:
            raise
        raise invalid(f"Stream not found: {stream_arn}") from None
