"""Carries published messages to subscribers: kept until they have arrived, tried again, or given up.

Owns: the queues `sns` (a line for each subscription) and `sns-fifo` (a line for each subscription and group, in order).
Facts: sns.md §4, §5, §9. Refuses: which subscribers a message has (`ops/publish.py`), where retries end (`retries.py`).

1. What a subscriber can't take for a reason of its own (gone, denied, a 4xx) goes to the subscription's dead-letter
   queue at once; a server that fails or doesn't answer within 15 s is tried again as the delivery policy says.
2. A FIFO line that fails rests as a whole, so that its order is kept.
3. Addresses of the platform's own doors are no endpoints.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.delivery import journal as outcomes
from samovar.delivery.journal import Entry, Journal
from samovar.delivery.queue import Again, Done, Hold, Job, Putting, Queue, Step, Verdict
from samovar.delivery.targets import Parcel, Targets, Undeliverable
from samovar.net import client
from samovar.services.sns import retries
from samovar.services.sns.mail import Mail
from samovar.services.sns.message import (
    CONFIRM,
    NOTIFICATION,
    Message,
    Places,
    envelope,
    lambda_event,
    sqs_attributes,
    to_sign,
)
from samovar.services.sns.signing import Signer
from samovar.services.sns.state import Sns, Subscription, Topic
from samovar.store.queue import Queues

PRINCIPAL = "sns.amazonaws.com"
_AT_ONCE = 32
_TIMEOUT_S = 15
_MOST_RAW_ATTRIBUTES = 10
_AGENT = "Amazon Simple Notification Service Agent"


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message on its way to one subscription. Goes to disk: members may only be added, with defaults."""

    subscription: str
    """ARN."""
    message: Message
    attempts: int = 0
    dead: bool = False
    """On its way to the dead-letter queue."""


Handover = tuple[Step, ...]
"""What ends a delivery, for the transaction of who takes it over."""

_decode = msgspec.json.Decoder(Delivery).decode


def _encode(delivery: Delivery) -> str:
    return msgspec.json.encode(delivery).decode()


class Deliveries:
    """Works from `start` on."""

    def __init__(
        self,
        state: Sns,
        queues: Queues,
        acting: Acting,
        targets: Targets,
        journal: Journal,
        signer: Signer,
        mail: Mail,
        clock: Clock,
    ) -> None:
        self._state = state
        self._acting = acting
        self._targets = targets
        self._journal = journal
        self._signer = signer
        self._mail = mail
        self._clock = clock
        self._queue = Queue(queues, "sns", clock, self._work, _AT_ONCE)
        self._fifo = Queue(queues, "sns-fifo", clock, self._work_in_order, 1)
        self._ways: dict[str, Callable[[Subscription, Message, Handover], Awaitable[None]]] = {
            "sqs": self._to_queue,
            "lambda": self._to_function,
            "http": self._to_address,
            "https": self._to_address,
            "email": self._to_mail,
            "email-json": self._to_mail,
            "sms": self._to_mail,
        }

    async def start(self) -> None:
        await self._queue.start()
        await self._fifo.start()

    async def close(self) -> None:
        await self._queue.close()
        await self._fifo.close()

    async def reset(self) -> None:
        await self._queue.reset()
        await self._fifo.reset()

    async def putting(self, subscription: Subscription, message: Message) -> Putting:
        """The change that sends a message on its way, for `Store.transact`."""
        delivery = _encode(Delivery(subscription.arn, message))
        if message.sequence:
            return await self._fifo.putting(f"{subscription.arn}/{message.group}", delivery)
        return await self._queue.putting(subscription.arn, delivery)

    async def places(self) -> Places:
        endpoint = await self._acting.endpoint()
        return Places(endpoint, endpoint + await self._signer.certificate_path())

    async def signed(self, message: Message, protocols: set[str]) -> Message:
        """With a signature for each text that these protocols' subscribers get."""
        if message.sequence:
            return message
        url = (await self.places()).confirm(message) if message.kind != NOTIFICATION else ""
        texts = {message.for_protocol(protocol) for protocol in protocols}
        signatures = {
            text: await self._signer.sign(to_sign(message, text, url), message.signature_version) for text in texts
        }
        return msgspec.structs.replace(message, signatures=signatures)

    def published(self, topic: Topic, message: Message, wanting: Sequence[Subscription]) -> None:
        """Count a message that was taken, and the subscriptions that don't want it."""
        filtered = sum(each.confirmed for each in self._state.of(topic)) - len(wanting)
        counted = {"NumberOfMessagesPublished": 1, "PublishSize": len(message.text.encode())}
        for name, value in (counted | {"NumberOfNotificationsFilteredOut": filtered}).items():
            if value > 0:
                self._journal.count(topic.account, topic.region, "AWS/SNS", name, topic.arn, value)

    # --- attempts ---------------------------------------------------------------------------------------------------

    async def _work(self, job: Job) -> Verdict:
        delivery = _decode(job.body)
        delivery = msgspec.structs.replace(delivery, attempts=delivery.attempts + 1)
        subscription = self._state.by_arn(delivery.subscription)
        if subscription is None:
            return Done(tuple(self._note(delivery, "", outcomes.DROPPED, "the subscription is gone")))
        delivered = self._note(delivery, self._target(subscription, delivery), outcomes.DELIVERED)
        error = await self._attempt(subscription, delivery, (job.ack, *delivered))
        if error is None:
            self._count(subscription, "NumberOfNotificationsDelivered")
            return Done(tuple(delivered))
        return self._failed(subscription, delivery, error)

    async def _work_in_order(self, job: Job) -> Verdict:
        verdict = await self._work(job)
        if isinstance(verdict, Again) and _decode(verdict.body).dead is _decode(job.body).dead:
            return Hold(verdict.steps)
        return verdict

    async def _attempt(self, subscription: Subscription, delivery: Delivery, end: Handover) -> Undeliverable | None:
        try:
            if delivery.dead:
                await self._send(subscription, delivery.message, _dead_letter_arn(subscription), end)
            else:
                await self._ways[subscription.protocol](subscription, delivery.message, end)
        except Undeliverable as error:
            return error
        return None

    def _failed(self, subscription: Subscription, delivery: Delivery, error: Undeliverable) -> Verdict:
        protocol = "sqs" if delivery.dead else subscription.protocol
        delay_s = None if error.final else retries.delay_s(protocol, self._policy(subscription), delivery.attempts)
        target = self._target(subscription, delivery)
        if delay_s is not None:
            steps = self._note(delivery, target, outcomes.RETRY, f"{error}; again in {delay_s:g} s")
            return Again(self._clock.now() + delay_s, _encode(delivery), tuple(steps))
        steps = self._note(delivery, target, outcomes.FAILED, f"{error}; given up")
        self._count(subscription, "NumberOfNotificationsFailed")
        redrivable = delivery.message.kind == NOTIFICATION and not delivery.dead
        if not redrivable or not subscription.attributes.get("RedrivePolicy"):
            return Done(tuple(steps))
        letter = msgspec.structs.replace(delivery, dead=True, attempts=0)
        return Again(self._clock.now(), _encode(letter), tuple(steps))

    def _policy(self, subscription: Subscription) -> dict[str, Any]:
        """The healthy retry policy of an HTTP subscription: its own, else its topic's."""
        topic = self._state.topics.get((subscription.account, subscription.region, subscription.topic))
        shared = retries.effective_topic_policy(topic.attributes.get("DeliveryPolicy", "") if topic else "")["http"]
        own = subscription.attributes.get("DeliveryPolicy")
        if own and not shared["disableSubscriptionOverrides"]:
            healthy: dict[str, Any] = retries.expanded_subscription_policy(own)["healthyRetryPolicy"]
            return healthy
        default: dict[str, Any] = shared["defaultHealthyRetryPolicy"]
        return default

    def _target(self, subscription: Subscription, delivery: Delivery) -> str:
        return _dead_letter_arn(subscription) if delivery.dead else subscription.endpoint

    # --- ways -------------------------------------------------------------------------------------------------------

    async def _to_queue(self, subscription: Subscription, message: Message, end: Handover) -> None:
        if subscription.raw and len(message.attributes) > _MOST_RAW_ATTRIBUTES:
            text = f"raw messages may have at most {_MOST_RAW_ATTRIBUTES} attributes"
            raise Undeliverable("InvalidParameterValue", text, final=True)
        await self._send(subscription, message, subscription.endpoint, end)

    async def _send(self, subscription: Subscription, message: Message, queue_arn: str, end: Handover) -> None:
        protocol = subscription.protocol
        options: dict[str, Any] = {}
        if subscription.raw:
            payload = message.for_protocol(protocol)
            options["MessageAttributes"] = sqs_attributes(message)
        else:
            payload = _json(envelope(message, protocol, subscription.arn, await self.places())).decode()
        into_fifo = queue_arn.endswith(".fifo")
        if into_fifo:
            options |= {"MessageGroupId": message.group, "MessageDeduplicationId": message.dedup}
        elif message.group and not message.sequence:
            options["MessageGroupId"] = message.group
        await self._targets.deliver(_parcel(subscription, message, queue_arn, payload, options), end)

    async def _to_function(self, subscription: Subscription, message: Message, end: Handover) -> None:
        event = _json(lambda_event(message, subscription.arn, await self.places())).decode()
        await self._targets.deliver(_parcel(subscription, message, subscription.endpoint, event, {}), end)

    async def _to_address(self, subscription: Subscription, message: Message, end: Handover) -> None:
        raw = subscription.raw and message.kind == NOTIFICATION
        headers = {
            "x-amz-sns-message-type": message.kind,
            "x-amz-sns-message-id": message.id,
            "x-amz-sns-topic-arn": message.topic_arn,
            "Content-Type": self._content_type(subscription, message),
            "User-Agent": _AGENT,
            "Accept-Encoding": "gzip,deflate",
        }
        if message.kind != CONFIRM:
            headers["x-amz-sns-subscription-arn"] = subscription.arn
        if raw:
            headers["x-amz-sns-rawdelivery"] = "true"
            body = message.for_protocol(subscription.protocol).encode()
        else:
            body = _json(envelope(message, subscription.protocol, subscription.arn, await self.places()))
        if urlsplit(subscription.endpoint).path.startswith(("/_samovar/", "/_localstack/")):
            raise Undeliverable("InvalidParameter", "the platform's own doors are no endpoints", final=True)
        try:
            status = await client.post(subscription.endpoint, headers, body, _TIMEOUT_S)
        except client.Unreachable as error:
            raise Undeliverable("Unreachable", str(error), final=False) from error
        if not 200 <= status < 300:
            raise Undeliverable("HttpError", f"the endpoint answered {status}", final=status < 500 and status != 429)

    def _content_type(self, subscription: Subscription, message: Message) -> str:
        if message.kind == NOTIFICATION:
            own = subscription.attributes.get("DeliveryPolicy")
            request = retries.expanded_subscription_policy(own)["requestPolicy"] if own else None
            if request and request.get("headerContentType"):
                return str(request["headerContentType"])
        return "text/plain; charset=UTF-8"

    async def _to_mail(self, subscription: Subscription, message: Message, end: Handover) -> None:
        places = await self.places()
        text = message.for_protocol(subscription.protocol)
        if message.kind == CONFIRM:
            text = f"{text}\n\n{places.confirm(message)}\n"
        elif subscription.protocol == "email-json":
            text = _json(envelope(message, "email-json", subscription.arn, places)).decode()
        elif subscription.protocol == "email":
            text = f"{text}\n\n--\nTo stop receiving these notifications: {places.unsubscribe(subscription.arn)}\n"
        subject = message.subject or "AWS Notification Message"
        where = (subscription.account, subscription.region)
        try:
            await self._mail.send(*where, subscription.protocol, subscription.endpoint, subject, text)
        except OSError as error:
            raise Undeliverable("Unreachable", str(error), final=False) from error

    # --- what became of it ------------------------------------------------------------------------------------------

    def _count(self, subscription: Subscription, name: str) -> None:
        self._journal.count(subscription.account, subscription.region, "AWS/SNS", name, subscription.topic_arn)

    def _note(self, delivery: Delivery, target: str, outcome: str, reason: str = "") -> list[Any]:
        subscription, message = delivery.subscription.split(":"), delivery.message
        source = "dead-letter" if delivery.dead else "sns"
        account, region = subscription[4], subscription[3]
        entry = Entry(
            account, region, source, message.topic_arn, target, message.id, delivery.attempts, outcome, reason
        )
        return list(self._journal.writing(entry))


def _parcel(subscription: Subscription, message: Message, target: str, payload: str, options: dict[str, Any]) -> Parcel:
    return Parcel(
        target=target,
        payload=payload,
        principal=PRINCIPAL,
        source="sns",
        origin=subscription.topic_arn,
        account=subscription.account,
        region=subscription.region,
        event_id=message.id,
        trace_id=message.trace,
        options=options,
    )


def _dead_letter_arn(subscription: Subscription) -> str:
    text = subscription.attributes.get("RedrivePolicy")
    return str(msgspec.json.decode(text)["deadLetterTargetArn"]) if text else ""


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)
