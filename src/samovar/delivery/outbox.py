"""Everything that has to arrive somewhere: kept, tried again, and given up into a dead-letter queue.

Owns: the queue `outbox`, one line per target; retry policies; the dead letters of EventBridge and Scheduler. Facts:
eventbridge.md §D4, §F3.
Rules: what a service puts here in its own transaction arrives at least once, or is dead-lettered, or the journal says
why not. Missing permissions and resources aren't tried again. The wait doubles from 1 s up to 10 minutes, shortened by
chance so that what failed together isn't tried together.
"""

import random
from collections.abc import Mapping

import msgspec

from samovar.core.clock import Clock
from samovar.delivery import journal as outcomes
from samovar.delivery.journal import Entry, Journal
from samovar.delivery.queue import Again, Done, Job, Queue, Step, Verdict
from samovar.delivery.targets import Parcel, Targets, Undeliverable
from samovar.store.queue import Queues
from samovar.store.sqlite import Change

RETRIES = 185
AGE_S = 86_400
"""EventBridge's and Scheduler's."""
LAMBDA_RETRIES = 3
"""Of a dead letter or a destination of Lambda's: AWS says only that there are some."""

_ATTEMPTS: Mapping[str, str] = {"AWS/Scheduler": "InvocationAttemptCount"}
_ENDINGS: Mapping[str, str] = {"AWS/Events": "Invocations"}
"""Namespace -> the metric that counts each attempt, each delivery that has come to its end."""
_FIRST_S = 1.0
_LONGEST_S = 600.0
_AT_ONCE = 64
"""Calls of one target."""
_TEXT_LIMIT = 1000
_LETTER_LIMIT = 1_048_576


class Shipment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A parcel and how hard to try. Goes to disk: members may only be added, with defaults."""

    parcel: Parcel
    first_at: float
    """Epoch seconds: the age counts from here."""
    retries: int = RETRIES
    age_s: float = AGE_S
    dead_letter: str = ""
    """ARN of the queue, empty for none."""
    letter: dict[str, str] = {}
    """String attributes of a dead letter, beside those that say what went wrong."""
    failure_count: tuple[str, str] | None = None
    """Namespace and name of the metric that counts its failure."""
    attempts: int = 0


_decode = msgspec.json.Decoder(Shipment).decode


def _encode(shipment: Shipment) -> str:
    return msgspec.json.encode(shipment).decode()


class Outbox:
    """Works from `queue.start` on."""

    def __init__(self, queues: Queues, targets: Targets, journal: Journal, clock: Clock) -> None:
        self._targets = targets
        self._journal = journal
        self._clock = clock
        self.queue = Queue(queues, "outbox", clock, self._work, _AT_ONCE)

    async def putting(self, shipment: Shipment, due: float | None = None) -> Change:
        """The change that sends it on its way, for `Store.transact`; `due`: not before."""
        return await self.queue.putting(shipment.parcel.target, _encode(shipment), due)

    def now(self) -> float:
        """By the clock that ages are measured with."""
        return self._clock.now()

    async def _work(self, job: Job) -> Verdict:
        shipment = _decode(job.body)
        attempt = shipment.attempts + 1
        parcel = shipment.parcel
        mark = parcel.options.get("AttemptMark")
        if mark and mark in parcel.payload:
            parcel = msgspec.structs.replace(parcel, payload=parcel.payload.replace(mark, str(attempt)))
        self._count(shipment, _ATTEMPTS)
        delivered = self._note(shipment.parcel, attempt, outcomes.DELIVERED)
        try:
            await self._targets.deliver(parcel, (job.ack, *delivered))
        except Undeliverable as error:
            return await self._failed(msgspec.structs.replace(shipment, attempts=attempt), error)
        self._count(shipment, _ENDINGS)
        return Done(tuple(delivered))

    async def _failed(self, shipment: Shipment, error: Undeliverable) -> Verdict:
        delay_s = min(_FIRST_S * 2 ** (shipment.attempts - 1), _LONGEST_S) * (1 - random.random() / 2)
        due = self._clock.now() + delay_s
        exhausted = ""
        if shipment.attempts > shipment.retries:
            exhausted = "MaximumRetryAttempts"
        elif due > shipment.first_at + shipment.age_s:
            exhausted = "MaximumEventAgeInSeconds"
        if not error.final and not exhausted:
            reason = f"{error}; again in {delay_s:.1f} s"
            steps = self._note(shipment.parcel, shipment.attempts, outcomes.RETRY, reason)
            return Again(due, _encode(shipment), tuple(steps))
        steps = self._note(shipment.parcel, shipment.attempts, outcomes.FAILED, f"{error}; given up")
        self._count(shipment, _ENDINGS)
        if shipment.failure_count is not None:
            parcel = shipment.parcel
            self._journal.count(parcel.account, parcel.region, *shipment.failure_count, parcel.origin)
        if shipment.dead_letter:
            steps.append(await self.putting(self._dead_letter(shipment, error, exhausted)))
        return Done(tuple(steps))

    def _count(self, shipment: Shipment, names: Mapping[str, str]) -> None:
        namespace = shipment.failure_count[0] if shipment.failure_count is not None else ""
        if namespace in names:
            parcel = shipment.parcel
            self._journal.count(parcel.account, parcel.region, namespace, names[namespace], parcel.origin)

    def _dead_letter(self, shipment: Shipment, error: Undeliverable, exhausted: str) -> Shipment:
        attributes = {
            **shipment.letter,
            "ERROR_CODE": error_code(error.code),
            "ERROR_MESSAGE": str(error.message)[:_TEXT_LIMIT] or "Unknown",
            "RETRY_ATTEMPTS": str(shipment.attempts - 1),
            "EXHAUSTED_RETRY_CONDITION": exhausted,
        }
        options = {
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
            }
        }
        parcel = msgspec.structs.replace(
            shipment.parcel,
            target=shipment.dead_letter,
            payload=shipment.parcel.payload[:_LETTER_LIMIT],
            source="dead-letter",
            options=options,
        )
        return Shipment(parcel, self._clock.now(), retries=LAMBDA_RETRIES)

    def _note(self, parcel: Parcel, attempt: int, outcome: str, reason: str = "") -> list[Step]:
        entry = Entry(
            parcel.account,
            parcel.region,
            parcel.source,
            parcel.origin,
            parcel.target,
            parcel.event_id,
            attempt,
            outcome,
            reason,
        )
        return list(self._journal.writing(entry))


_CODES = (
    ("FAILED_TO_ASSUME_ROLE", ("unrecognizedclient",)),
    ("NO_PERMISSIONS", ("accessdenied", "authorization", "kms")),
    ("NO_RESOURCE", ("notfound", "nonexistent", "doesnotexist", "nosuch", "queuedeleted")),
    ("THROTTLING", ("throttl", "toomanyrequests", "overlimit")),
    ("INVALID_PARAMETER", ("invalid", "validation", "malformed", "toolarge", "requesttoolong", "missing")),
    ("INTERNAL_ERROR", ("internal", "unavailable", "serviceexception")),
    ("SDK_CLIENT_ERROR", ("notimplemented", "unsupported", "unknownoperation")),
)


def error_code(code: str) -> str:
    """EventBridge's word for the error of a target (facts/eventbridge.md §D4)."""
    if code.isupper():
        return code
    folded = code.lower()
    return next((ours for ours, words in _CODES if any(word in folded for word in words)), "ERROR_FROM_TARGET")
