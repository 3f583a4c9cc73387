"""ReceiveMessage, DeleteMessage, ChangeMessageVisibility, and their batches (facts/sqs.md §4, §6)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sqs import batches, journal, messages, receipts
from samovar.services.sqs.attributes import check_range
from samovar.services.sqs.errors import invalid, invalid_value
from samovar.services.sqs.messages import Received
from samovar.services.sqs.receipts import Receipt
from samovar.services.sqs.state import Queue, Sqs, sequence_number
from samovar.store.sqlite import Procedure

_ATTEMPT_S = 300
_LONGEST_HIDDEN_S = 43_200


async def receive_message(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    limit = params.get("MaxNumberOfMessages", 1)
    if not 1 <= limit <= 10:
        raise invalid_value(limit, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
    wait_s = params.get("WaitTimeSeconds", queue.number("ReceiveMessageWaitTimeSeconds"))
    check_range(wait_s, "WaitTimeSeconds", 0, 20)
    hidden_s = params.get("VisibilityTimeout", queue.number("VisibilityTimeout"))
    check_range(hidden_s, "VisibilityTimeout", 0, _LONGEST_HIDDEN_S)
    attempt = messages.check_id(params.get("ReceiveRequestAttemptId"), "ReceiveRequestAttemptId")
    if attempt and not queue.fifo:
        reason = "The request includes a parameter that is not valid for this queue type."
        raise invalid_value(attempt, "ReceiveRequestAttemptId", reason)
    found = await _attempted(state, queue, attempt, hidden_s) if attempt else []
    if not found:
        found = await state.receive(queue, limit, hidden_s, wait_s)
    if attempt and found:
        known = [(message.seq, message.receives) for message in found]
        state.attempts[queue.id, attempt] = (state.clock.now() + _ATTEMPT_S, known)
    return {"Messages": [_shown(queue, message, params) for message in found]} if found else {}


async def delete_message(state: Sqs, ctx: Context, params: Params) -> Params:
    await _delete(state, state.find(ctx, params["QueueUrl"]), params)
    return {}


async def delete_message_batch(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    entries = batches.check(params["Entries"], "DeleteMessageBatchRequestEntry")
    return await _each(entries, partial(_delete, state, queue))


async def change_message_visibility(state: Sqs, ctx: Context, params: Params) -> Params:
    await _hide(state, state.find(ctx, params["QueueUrl"]), params)
    return {}


async def change_message_visibility_batch(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    entries = batches.check(params["Entries"], "ChangeMessageVisibilityBatchRequestEntry")
    return await _each(entries, partial(_hide, state, queue))


async def _each(entries: Sequence[Params], do: Callable[[Params], Awaitable[None]]) -> Params:
    """Each entry by itself, so that one that fails fails alone; submitted together, they share a commit."""
    outcomes = await asyncio.gather(*(do(entry) for entry in entries), return_exceptions=True)
    successful: list[Params] = []
    failed: dict[str, AwsError] = {}
    for entry, outcome in zip(entries, outcomes, strict=True):
        if isinstance(outcome, AwsError):
            failed[entry["Id"]] = outcome
        elif outcome is not None:
            raise outcome
        else:
            successful.append({"Id": entry["Id"]})
    return batches.answer(successful, failed)


async def _attempted(state: Sqs, queue: Queue, attempt: str, hidden_s: int) -> list[Received]:
    """What an earlier receive with the same ReceiveRequestAttemptId got, if none of it changed."""
    until, known = state.attempts.get((queue.id, attempt), (0.0, []))
    if until <= state.clock.now():
        return []
    now = state.now_ms()
    [rows] = await state.store.transact(
        Procedure(partial(journal.receive_again, queue.box, known, now, now + hidden_s * 1000))
    )
    return await state.messages(queue.box, [row[1:] for row in rows])


async def _delete(state: Sqs, queue: Queue, params: Params) -> None:
    handle = params["ReceiptHandle"]
    receipt = receipts.read(handle, queue.id)
    if not queue.fifo:
        [rows] = await state.store.transact(journal.deleting(receipt.box, receipt.seq))
        blobs = [blob for (blob,) in rows]
    else:
        steps = partial(journal.delete_fifo, receipt.box, receipt.seq, receipt.receives, state.now_ms())
        [rows] = await state.store.transact(Procedure(steps))
        if rows == [(None, None)]:
            raise invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")
        blobs = [blob for blob, _ in rows]
        for _, due in rows:
            if due is not None:
                state.bell(queue).ring(due / 1000)
    state.count(receipt.box, -len(rows))
    state.metering.deleted(queue.key, len(rows))
    await state.bodies.drop(blobs)


async def _hide(state: Sqs, queue: Queue, params: Params) -> None:
    handle, hidden_s = params["ReceiptHandle"], params.get("VisibilityTimeout", queue.number("VisibilityTimeout"))
    if not 0 <= hidden_s <= _LONGEST_HIDDEN_S:
        reason = f"VisibilityTimeout must be an integer between 0 and {_LONGEST_HIDDEN_S}"
        raise invalid_value(hidden_s, "VisibilityTimeout", reason)
    receipt = receipts.read(handle, queue.id)
    now = state.now_ms()
    until = now + hidden_s * 1000
    steps = partial(journal.hide, receipt.box, receipt.seq, receipt.receives, now, until)
    [rows] = await state.store.transact(Procedure(steps))
    if not rows:
        reason = "Message does not exist or is not available for visibility timeout change."
        raise invalid_value(handle, "ReceiptHandle", reason)
    [(received, changed)] = rows
    if changed:
        state.bell(queue).ring(until / 1000)
    elif until > received + _LONGEST_HIDDEN_S * 1000:
        raise invalid(
            f"Value {hidden_s} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the "
            f"message is beyond the limit [{_LONGEST_HIDDEN_S} seconds]"
        )


def _shown(queue: Queue, message: Received, params: Params) -> Params:
    envelope = message.envelope
    receipt = Receipt(queue.id, message.box, message.seq, message.receives)
    shown: Params = {
        "MessageId": envelope.id,
        "ReceiptHandle": receipts.write(receipt),
        "MD5OfBody": envelope.md5,
        "Body": message.body,
    }
    wanted = {*params.get("AttributeNames", ()), *params.get("MessageSystemAttributeNames", ())}
    if wanted:
        system = messages.system_attributes(message, sequence_number(message.seq) if queue.fifo else "")
        chosen = system if "All" in wanted else {name: value for name, value in system.items() if name in wanted}
        if chosen:
            shown["Attributes"] = chosen
    returned = messages.selected(envelope.attributes, params.get("MessageAttributeNames", ()))
    if returned:
        shown["MessageAttributes"] = messages.as_params(returned)
        shown["MD5OfMessageAttributes"] = messages.md5_of(returned)
    return shown
