"""Queues: made, found, changed, emptied, deleted (facts/sqs.md §3)."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sqs import attributes, journal, redrive, tagging
from samovar.services.sqs.errors import invalid, invalid_value, no_such_queue, unknown_attribute
from samovar.services.sqs.state import Queue, Sqs, url_of
from samovar.store.sqlite import Procedure

PAGE = 1000

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_MINUTE_S = 60


async def create_queue(state: Sqs, ctx: Context, params: Params) -> Params:
    name: str = params["QueueName"]
    given: dict[str, str] = params.get("Attributes") or {}
    fifo = _check_name(name, given)
    changes = attributes.checked(given, fifo, new=True)
    key = (ctx.account, ctx.region, name)
    existing = state.queues.get(key)
    if existing is not None:
        different = attributes.differing(attributes.shown(existing.attributes, fifo), changes)
        if different:
            text = f"A queue already exists with the same name and a different value for attribute {different}"
            raise AwsError("QueueNameExists", text)
        return {"QueueUrl": url_of(ctx, existing)}
    deleted = state.deleted.get(key)
    if deleted is not None and state.clock.now() - deleted < _MINUTE_S:
        text = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
        raise AwsError("QueueDeletedRecently", text)
    now = int(state.clock.now())
    kept = attributes.merged({}, changes)
    scope = kept.get("DeduplicationScope", "queue")
    tags = tagging.checked({}, params.get("tags") or {})
    queue = Queue(*key, state.new_id(), state.new_id(), now, now, kept, tags, scope)
    _check_policies(state, queue, kept)
    state.deleted.pop(key, None)
    await state.queues.put(key, queue)
    return {"QueueUrl": url_of(ctx, queue)}


async def delete_queue(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    state.deleted[queue.key] = state.clock.now()
    await state.store.transact(state.queues.deleting(queue.key), journal.discarding(queue.box))
    state.forget(queue.box)
    state.bell(queue).ring()
    return {}


async def get_queue_url(state: Sqs, ctx: Context, params: Params) -> Params:
    account = params.get("QueueOwnerAWSAccountId") or ctx.account
    queue = state.queues.get((account, ctx.region, params["QueueName"]))
    if queue is None:
        raise no_such_queue()
    return {"QueueUrl": url_of(ctx, queue)}


async def list_queues(state: Sqs, ctx: Context, params: Params) -> Params:
    prefix = params.get("QueueNamePrefix") or ""
    found = [queue for _, queue in state.queues.items((ctx.account, ctx.region)) if queue.name.startswith(prefix)]
    page, more = _page(found, params)
    urls = [url_of(ctx, queue) for queue in page]
    return ({"QueueUrls": urls} if urls else {}) | more


async def list_dead_letter_source_queues(state: Sqs, ctx: Context, params: Params) -> Params:
    page, more = _page(state.sources(state.find(ctx, params["QueueUrl"])), params)
    return {"queueUrls": [url_of(ctx, queue) for queue in page], **more}


async def get_queue_attributes(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    names: Sequence[str] = params.get("AttributeNames") or ()
    for name in names:
        if name not in attributes.READABLE:
            raise unknown_attribute(name)
    if not names:
        return {}
    known = attributes.shown(queue.attributes, queue.fifo) | {
        "QueueArn": queue.arn,
        "CreatedTimestamp": str(queue.created_s),
        "LastModifiedTimestamp": str(queue.modified_s),
    }
    if "All" in names or any(name in attributes.COUNTS for name in names):
        counts = await state.counts(queue)
        numbers = (counts.visible, counts.in_flight, counts.delayed)
        known |= {name: str(number) for name, number in zip(attributes.COUNTS, numbers, strict=True)}
    shown = known if "All" in names else {name: known[name] for name in names if name in known}
    return {"Attributes": shown} if shown else {}


async def set_queue_attributes(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    changes = attributes.checked(params["Attributes"], queue.fifo, new=False)
    _check_policies(state, queue, changes)
    kept = attributes.merged(queue.attributes, changes)
    await state.change(queue, attributes=kept, modified_s=int(state.clock.now()))
    delay_s = attributes.number(kept, "DelaySeconds")
    if queue.fifo and delay_s != queue.number("DelaySeconds"):
        await state.store.transact(Procedure(partial(journal.delay_lanes, queue.box, delay_s * 1000)))
    state.bell(queue).ring()  # whoever waits looks with the new attributes
    return {}


async def purge_queue(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    now = state.now_ms()
    if now - queue.purged_ms < _MINUTE_S * 1000:
        text = f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
        raise AwsError("PurgeQueueInProgress", text)
    box = state.new_id()
    emptied = msgspec.structs.replace(queue, box=box, purged_ms=now)
    await state.store.transact(state.queues.putting(queue.key, emptied), journal.discarding(queue.box))
    state.forget(queue.box)
    return {}


def _check_name(name: str, given: Mapping[str, str]) -> bool:
    """Whether it is a FIFO queue's; AwsError when it is no name at all."""
    wants_fifo = given.get("FifoQueue", "").lower() == "true"
    if wants_fifo and not _FIFO_NAME.fullmatch(name):
        raise invalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with "
            ".fifo suffix and be 1 to 80 in length."
        )
    if not wants_fifo and not _NAME.fullmatch(name):
        raise invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
    return wants_fifo


def _check_policies(state: Sqs, queue: Queue, changes: Mapping[str, str]) -> None:
    if changes.get("RedriveAllowPolicy"):
        redrive.check_allow_policy(changes["RedriveAllowPolicy"])
    text = changes.get("RedrivePolicy")
    if not text:
        return
    wanted = redrive.policy(text)
    parts = arn.parse(wanted.target_arn)
    target = state.by_arn(wanted.target_arn)
    same_owner = parts is not None and (parts.account, parts.region) == (queue.account, queue.region)
    redrive.check_target(text, target is not None, same_owner, target is None or target.fifo is queue.fifo)
    if target is not None:
        redrive.check_allowed(text, target.attributes.get("RedriveAllowPolicy", "{}"), queue.arn)


def _page(found: Sequence[Queue], params: Params) -> tuple[Sequence[Queue], Params]:
    """A page of queues, and the token for the next; without MaxResults there is none (facts/sqs.md §3)."""
    limit = params.get("MaxResults")
    if limit is None:
        return found[:PAGE], {}
    if not 1 <= limit <= PAGE:
        raise invalid_value(limit, "MaxResults", f"Must be an integer from 1 to {PAGE}.")
    token = params.get("NextToken")
    rest = [queue for queue in found if queue.name > _read_token(token)] if token else found
    more = {"NextToken": base64.b64encode(rest[limit - 1].name.encode()).decode()} if len(rest) > limit else {}
    return rest[:limit], more


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_value(token, "NextToken", "Invalid or expired next token.") from None
