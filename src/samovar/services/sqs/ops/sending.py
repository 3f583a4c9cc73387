"""SendMessage and SendMessageBatch (facts/sqs.md §2, §3, §6)."""

import hashlib
from collections.abc import Callable

from samovar.core import ids
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sqs import batches, messages, principals
from samovar.services.sqs.attributes import check_range
from samovar.services.sqs.errors import invalid, invalid_value, missing
from samovar.services.sqs.journal import Sending
from samovar.services.sqs.messages import Attribute, Envelope
from samovar.services.sqs.state import Queue, Sqs, sequence_number

_LONGEST_BATCH = 1_048_576


async def send_message(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    body = messages.check_body(params)
    draft = _Draft(queue, ctx, params, body)
    limit = queue.number("MaximumMessageSize")
    if draft.size > limit:
        raise invalid(f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")
    _check_routing(queue, params, missing)
    [(id, seq)] = await state.send(queue, [await draft.sending(state)], *ctx.handover)
    state.metering.sent(queue.key, [draft.size])
    return draft.answer(id, seq)


async def send_message_batch(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    entries = batches.check(params["Entries"], "SendMessageBatchRequestEntry")
    for entry in entries:
        if not entry.get("MessageBody"):
            raise missing("MessageBody")
        _check_routing(queue, entry, _missing_in_batch)
    drafts: dict[str, _Draft] = {}
    failed: dict[str, AwsError] = {}
    limit, total = queue.number("MaximumMessageSize"), 0
    for entry in entries:
        try:
            draft = _Draft(queue, ctx, entry, messages.check_body(entry))
        except AwsError as error:  # an entry that is wrong fails alone
            failed[entry["Id"]] = error
            continue
        total += draft.size
        if draft.size > limit:
            text = f"One or more parameters cannot be validated. Reason: Message must be shorter than {limit} bytes."
            failed[entry["Id"]] = invalid(text)
        else:
            drafts[entry["Id"]] = draft
    if total > _LONGEST_BATCH:
        text = f"Batch requests cannot be longer than {_LONGEST_BATCH} bytes. You have sent {total} bytes."
        raise AwsError("BatchRequestTooLong", text)
    sent = await state.send(queue, [await draft.sending(state) for draft in drafts.values()]) if drafts else []
    state.metering.sent(queue.key, [draft.size for draft in drafts.values()])
    successful = [
        {"Id": entry, **draft.answer(id, seq)} for (entry, draft), (id, seq) in zip(drafts.items(), sent, strict=True)
    ]
    return batches.answer(successful, failed)


class _Draft:
    """A message that was checked, and isn't kept yet."""

    def __init__(self, queue: Queue, ctx: Context, params: Params, body: str) -> None:
        self._queue = queue
        self._ctx = ctx
        self._params = params
        self._body = body
        self._attributes = messages.attributes(params.get("MessageAttributes"))
        given = messages.trace_header(params.get("MessageSystemAttributes"))
        self._system = {"AWSTraceHeader": given} if given else {}
        self._md5 = messages.md5(body)
        self.size = messages.size(body, self._attributes)

    async def sending(self, state: Sqs) -> Sending:
        queue, params = self._queue, self._params
        text, blob = await state.bodies.keep(self._body)
        delay_s = params.get("DelaySeconds") if not queue.fifo else None
        now = state.now_ms()
        due = now + 1000 * (queue.number("DelaySeconds") if delay_s is None else delay_s)
        group = params.get("MessageGroupId") or ""
        trace = self._system.get("AWSTraceHeader", Attribute("String", self._ctx.trace_id)).text
        dedup = params.get("MessageDeduplicationId") or (
            hashlib.sha256(self._body.encode()).hexdigest() if queue.fifo else ""
        )
        sender = principals.unique_id(self._ctx.principal)
        envelope = Envelope(ids.uuid4(), self._md5, sender, group, dedup, trace, self._attributes)
        lane = group if queue.fifo else ""
        scope = lane if queue.scope == "messageGroup" else ""
        return Sending(queue.box, state.new_id(), due, now, envelope, text, blob, lane, queue.id, scope)

    def answer(self, id: str, seq: int) -> Params:
        answer: Params = {"MessageId": id, "MD5OfMessageBody": self._md5}
        if self._attributes:
            answer["MD5OfMessageAttributes"] = messages.md5_of(self._attributes)
        if self._system:
            answer["MD5OfMessageSystemAttributes"] = messages.md5_of(self._system)
        if self._queue.fifo:
            answer["SequenceNumber"] = sequence_number(seq)
        return answer


def _check_routing(queue: Queue, params: Params, absent: Callable[[str], AwsError]) -> None:
    """Delay, group and deduplication, as the type of the queue has them. In a batch they fail all of it."""
    group, dedup, delay_s = (
        params.get("MessageGroupId"),
        params.get("MessageDeduplicationId"),
        params.get("DelaySeconds"),
    )
    if not queue.fifo:
        messages.check_id(group, "MessageGroupId")
        if dedup is not None:
            reason = "The request includes a parameter that is not valid for this queue type."
            raise invalid_value(dedup, "MessageDeduplicationId", reason)
        if delay_s is not None:
            check_range(delay_s, "DelaySeconds", 0, 900)
        return
    if group is None:
        raise absent("MessageGroupId")
    messages.check_id(group, "MessageGroupId")
    messages.check_id(dedup, "MessageDeduplicationId")
    if dedup is None and queue.attributes.get("ContentBasedDeduplication") != "true":
        raise invalid(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )
    if delay_s:
        reason = "The request include parameter that is not valid for this queue type."
        raise invalid_value(delay_s, "DelaySeconds", reason)


def _missing_in_batch(parameter: str) -> AwsError:
    return invalid(f"The request must contain the parameter {parameter}.")
