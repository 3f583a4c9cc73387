"""Tags of queues (facts/sqs.md §3)."""

from samovar.core.context import Context, Params
from samovar.services.sqs import tagging
from samovar.services.sqs.state import Sqs


async def tag_queue(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    await state.change(queue, tags=tagging.checked(queue.tags, params["Tags"]))
    return {}


async def untag_queue(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    gone = set(params["TagKeys"])
    await state.change(queue, tags={key: value for key, value in queue.tags.items() if key not in gone})
    return {}


async def list_queue_tags(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    return {"Tags": queue.tags} if queue.tags else {}
