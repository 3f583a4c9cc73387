"""Publish and PublishBatch (facts/sns.md §2, §5, §7, §8)."""

import re
from collections.abc import Sequence
from functools import partial

import msgspec

from samovar.core import ids
from samovar.core.clock import iso_z
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.delivery.queue import Step
from samovar.services.sns import message as messages
from samovar.services.sns import topics
from samovar.services.sns.errors import invalid
from samovar.services.sns.house import House
from samovar.services.sns.message import Message
from samovar.services.sns.state import Subscription, Topic, publish_once
from samovar.store.sqlite import Procedure

_MOST = 10
_ID = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = re.compile(r"\+[0-9]{6,15}")
_GROUP = re.compile(r"[!-~]{1,128}")


async def publish(house: House, ctx: Context, params: Params) -> Params:
    if params.get("PhoneNumber"):
        return await _text_message(house, ctx, params)
    target = params.get("TopicArn") or params.get("TargetArn")
    if not target:
        raise invalid("TopicArn or TargetArn", "no value for required parameter")
    if ":endpoint/" in target:
        raise invalid("TargetArn", "No endpoint found for the target arn specified")
    topic = house.state.topic(ctx, target, "TopicArn" if params.get("TopicArn") else "TargetArn")
    message = _message(house, ctx, topic, params, "messageAttributes")
    if messages.size(params) > _limit(topic):
        raise invalid("Message too long")
    [(id, sequence)] = await _send(house, topic, [message], *ctx.handover)
    return {"MessageId": id} | ({"SequenceNumber": sequence} if sequence else {})


async def publish_batch(house: House, ctx: Context, params: Params) -> Params:
    topic = house.state.topic(ctx, params["TopicArn"])
    entries: Sequence[Params] = params["PublishBatchRequestEntries"]
    _check_batch(entries)
    if sum(messages.size(entry) for entry in entries) > _limit(topic):
        text = "The length of all the messages put together is more than the limit."
        raise AwsError("BatchRequestTooLongException", text)
    paths = [f"publishBatchRequestEntries.{number}.member.messageAttributes" for number in range(1, len(entries) + 1)]
    made = [_message(house, ctx, topic, entry, path) for entry, path in zip(entries, paths, strict=True)]
    sent = await _send(house, topic, made)
    successful = [
        {"Id": entry["Id"], "MessageId": id} | ({"SequenceNumber": sequence} if sequence else {})
        for entry, (id, sequence) in zip(entries, sent, strict=True)
    ]
    return {"Successful": successful, "Failed": []}


def _message(house: House, ctx: Context, topic: Topic, params: Params, path: str) -> Message:
    text, structure = messages.check_text(params)
    attributes = messages.check_attributes(params.get("MessageAttributes"), path)
    group, dedup = params.get("MessageGroupId"), params.get("MessageDeduplicationId")
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", dedup)):
        if value is not None and not _GROUP.fullmatch(value):
            raise invalid(name, f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length")
    if topic.fifo:
        if group is None:
            raise invalid("The MessageGroupId parameter is required for FIFO topics")
        if dedup is None and topic.attributes.get("ContentBasedDeduplication") != "true":
            raise invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                "explicitly"
            )
    elif dedup is not None:
        text = "The request includes MessageDeduplicationId parameter that is not valid for this topic type"
        raise invalid("MessageDeduplicationId", text)
    return Message(
        ids.uuid4(),
        topic.arn,
        text,
        iso_z(house.state.clock.now()),
        subject=params.get("Subject"),
        attributes=attributes,
        structure=structure,
        group=group or "",
        dedup=(dedup or messages.content_dedup(params["Message"])) if topic.fifo else "",
        signature_version=topic.attributes.get("SignatureVersion", "1"),
        trace=ctx.trace_id,
    )


async def _send(house: House, topic: Topic, made: Sequence[Message], *also: Step) -> list[tuple[str, str]]:
    """Commit messages for every subscription that wants them, and `also`; (id, sequence number) of each."""
    if topic.fifo:
        async with house.order(topic):
            return [await _send_once(house, topic, message, *also) for message in made]
    changes: list[Step] = [*also]
    taken: list[tuple[Message, list[Subscription]]] = []
    for message in made:
        wanting = _wanting(house, topic, message)
        taken.append((message, wanting))
        signed = await house.deliveries.signed(message, {each.protocol for each in wanting if not each.raw})
        changes += [await house.deliveries.putting(each, signed) for each in wanting]
    if changes:
        await house.state.store.transact(*changes)
    for message, wanting in taken:
        house.deliveries.published(topic, message, wanting)
    return [(message.id, "") for message in made]


async def _send_once(house: House, topic: Topic, message: Message, *also: Step) -> tuple[str, str]:
    """To a FIFO topic: unless it was published within five minutes."""
    state = house.state
    message = msgspec.structs.replace(message, sequence=state.new_sequence())
    wanting = _wanting(house, topic, message)
    changes = [await house.deliveries.putting(each, message) for each in wanting]
    scope = message.group if topic.attributes.get("FifoThroughputScope") == "MessageGroup" else ""
    steps = partial(
        publish_once,
        (topic.arn, scope, message.dedup),
        int(state.clock.now() * 1000),
        message.id,
        message.sequence,
        [change.statement for change in changes],
    )
    [(id, sequence, new)], *_ = await state.store.transact(Procedure(steps), *also)
    for change in changes:
        change.settle(new)
    if new:
        house.deliveries.published(topic, message, wanting)
    return id, sequence


def _wanting(house: House, topic: Topic, message: Message) -> list[Subscription]:
    return [
        each
        for each in house.state.of(topic)
        if each.confirmed and house.state.wants(each, message.for_protocol(each.protocol), message.attributes)
    ]


def _limit(topic: Topic) -> int:
    return int(topic.attributes.get("MaximumMessageSize", topics.DEFAULT_SIZE))


def _check_batch(entries: Sequence[Params]) -> None:
    if not entries:
        raise AwsError("EmptyBatchRequestException", "The batch request doesn't contain any entries.")
    if len(entries) > _MOST:
        text = "The batch request contains more entries than permissible."
        raise AwsError("TooManyEntriesInBatchRequestException", text)
    named = [entry["Id"] for entry in entries]
    if len(set(named)) < len(named):
        text = "Two or more batch entries in the request have the same Id."
        raise AwsError("BatchEntryIdsNotDistinctException", text)
    for id in named:
        if len(id) > 80:
            text = f"The Id of a batch entry in the batch request is too long: {id}"
            raise AwsError("InvalidBatchEntryIdException", text)
        if not _ID.fullmatch(id):
            text = f"The Id of a batch entry in the batch request contains an impermissible character: {id}"
            raise AwsError("InvalidBatchEntryIdException", text)


async def _text_message(house: House, ctx: Context, params: Params) -> Params:
    number = params["PhoneNumber"]
    if not _NUMBER.fullmatch(number):
        raise invalid("PhoneNumber", f"{number} is not valid to publish to")
    text, structure = messages.check_text(params)
    messages.check_attributes(params.get("MessageAttributes"))
    said = structure.get("sms", text) if structure else text
    await house.mail.send(ctx.account, ctx.region, "sms", number, params.get("Subject") or "", said)
    return {"MessageId": ids.uuid4()}
