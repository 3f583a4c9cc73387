"""ReceiveMessage, DeleteMessage, ChangeMessageVisibility, and their batches (facts/sqs.md §4, §6)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.delivery.queue import Step
from samovar.services.sqs import batches, journal, messages, receipts
from samovar.services.sqs.attributes import check_range
from samovar.services.sqs.errors import invalid, invalid_value
from samovar.services.sqs.messages import Received
from samovar.services.sqs.receipts import Receipt
from samovar.services.sqs.state import Queue, Sqs, sequence_number
from samovar.store.sqlite import Procedure, Statement

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
    queue = state.find(ctx, params["QueueUrl"])
    [expired] = await _delete(state, queue, [receipts.read(params["ReceiptHandle"], queue.id)])
    if expired:
        raise _expired(params)
    return {}


async def delete_message_batch(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    failed: dict[str, AwsError] = {}
    named: list[tuple[Params, Receipt]] = []
    for entry in batches.check(params["Entries"], "DeleteMessageBatchRequestEntry"):
        try:
            named.append((entry, receipts.read(entry["ReceiptHandle"], queue.id)))
        except AwsError as error:  # an entry that is wrong fails alone
            failed[entry["Id"]] = error
    expired = await _delete(state, queue, [receipt for _, receipt in named], *ctx.handover) if named else []
    successful: list[Params] = []
    for (entry, _), gone in zip(named, expired, strict=True):
        if gone:
            failed[entry["Id"]] = _expired(entry)
        else:
            successful.append({"Id": entry["Id"]})
    return batches.answer(successful, failed)


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


async def _delete(state: Sqs, queue: Queue, known: Sequence[Receipt], *also: Step) -> list[bool]:
    """Delete messages, in one transaction with `also`; of each, whether its handle has expired."""
    now = state.now_ms()
    found = (await state.store.transact(*(_deleting(queue, receipt, now) for receipt in known), *also))[: len(known)]
    blobs: list[str] = []
    for receipt, rows in zip(known, found, strict=True):
        if rows and rows[0][0] is not None:
            blobs.append(rows[0][0])
            state.count(receipt.box, -1)
            if queue.fifo and rows[0][1] is not None:
                state.bell(queue).ring(rows[0][1] / 1000)
    state.metering.deleted(queue.key, len(blobs))
    await state.bodies.drop(blobs)
    return [bool(rows) and rows[0][0] is None for rows in found]


def _deleting(queue: Queue, receipt: Receipt, now: int) -> Statement | Procedure:
    if not queue.fifo:
        return journal.deleting(receipt.box, receipt.seq)
    return Procedure(partial(journal.delete_fifo, receipt.box, receipt.seq, receipt.receives, now))


def _expired(params: Params) -> AwsError:
    return invalid_value(params["ReceiptHandle"], "ReceiptHandle", "The receipt handle has expired.")


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
