"""Asynchronous invocations: accepted after the commit, run in the background, tried again, and told of.

Owns: the queue `invocations`, one line per function. Facts: lambda-events.md §2, §3, §6. Refuses: what a function is
and how it is configured (`Functions`, which the Lambda service brings along).

1. A function that fails is tried again 1 and 2 minutes later, as often as its configuration says, with the same request
   id; `$LATEST` or an alias may be another version by then.
2. What can't be run now (no concurrency, no memory, not active yet) holds the function's line, in order, and takes none
   of these attempts. How long anything may wait is the event's age.
3. An event that comes to nothing goes to the dead-letter queue and to the failure destination, both if there are both;
   `Done` commits that together with the end of the event.
4. A chain of events that has led to a function 16 times ends there.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from samovar.core import arn
from samovar.core.clock import Clock
from samovar.core.errors import AwsError
from samovar.delivery import journal as outcomes
from samovar.delivery import record
from samovar.delivery.journal import Entry, Journal
from samovar.delivery.outbox import LAMBDA_RETRIES, Outbox, Shipment
from samovar.delivery.queue import Again, Done, Hold, Job, Queue, Step, Verdict
from samovar.delivery.record import Ending
from samovar.delivery.targets import Parcel
from samovar.engine import lineage
from samovar.engine.model import Invocation, Outcome, Result, Version
from samovar.store.queue import Queues

RETRY_AFTER_S = (60.0, 120.0)
_NAMESPACE = "AWS/Lambda"
_AT_ONCE = 1000
"""Invocations of one function; its concurrency decides."""
_NOT_RUN = frozenset({"TooManyRequestsException", "ServiceException"})
"""Refusals that are not the function's doing."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One invocation to come. Goes to disk: members may only be added, with defaults."""

    account: str
    region: str
    function: str
    qualifier: str
    """Empty when none was given."""
    request_id: str
    payload: str
    """JSON."""
    accepted_at: float
    trace_id: str = ""
    invoked: int = 0
    """How often the function has run, and failed."""

    @property
    def arn(self) -> str:
        """Of the function, unqualified."""
        return arn.make("lambda", self.region, self.account, f"function:{self.function}")

    @property
    def invoked_arn(self) -> str:
        return f"{self.arn}:{self.qualifier}" if self.qualifier else self.arn

    @property
    def qualified_arn(self) -> str:
        return f"{self.arn}:{self.qualifier or '$LATEST'}"


class Policy(msgspec.Struct, frozen=True):
    """What a function's owner wants done with its events."""

    role: str
    """ARN of the execution role, in whose name destinations and dead letters are sent."""
    retries: int = 2
    age_s: float = 21_600
    on_success: str = ""
    """ARN, as the next two; empty for none."""
    on_failure: str = ""
    dead_letter: str = ""
    disabled: bool = False
    """Zero reserved concurrency."""
    may_recur: bool = False


class Functions(Protocol):
    """Who knows the functions."""

    def policy(self, event: Event) -> Policy | None:
        """None when there is no such function any more."""
        ...

    def version(self, event: Event) -> Version | None:
        """What the event runs now; None when its qualifier has gone, AwsError while it can't run."""
        ...


class Runner(Protocol):
    """Who runs them: the engine."""

    def start(self, version: Version, invocation: Invocation, done: Callable[[Result], None]) -> None: ...


_decode = msgspec.json.Decoder(Event).decode


def _encode(event: Event) -> str:
    return msgspec.json.encode(event).decode()


class Invocations:
    """Works from `start` on."""

    def __init__(self, queues: Queues, runner: Runner, outbox: Outbox, journal: Journal, clock: Clock) -> None:
        self._runner = runner
        self._outbox = outbox
        self._journal = journal
        self._clock = clock
        self._functions: Functions
        self.queue = Queue(queues, "invocations", clock, self._work, _AT_ONCE)

    async def start(self, functions: Functions) -> None:
        self._functions = functions
        await self.queue.start()

    async def accept(self, event: Event, *also: Step) -> None:
        """Returns when it is safe; `also` is committed with that."""
        self._journal.count(event.account, event.region, _NAMESPACE, "AsyncEventsReceived", event.arn)
        await self.queue.put(event.arn, _encode(event), *also)

    async def _work(self, job: Job) -> Verdict:
        event = _decode(job.body)
        policy = self._functions.policy(event)
        if policy is None:
            return Done(tuple(self._note(event, 0, outcomes.DROPPED, "the function is gone")))
        refusal = self._refusal(event, policy)
        if refusal is not None:
            return await self._dropped(event, policy, *refusal)
        try:
            version = self._functions.version(event)
            if version is None:
                return Done(tuple(self._note(event, 0, outcomes.DROPPED, f"no {event.qualifier} of it is there")))
            result = await self._run(version, event)
        except AwsError as error:
            reason = f"{error}; the function's events wait"
            return Hold(tuple(self._note(event, event.invoked + 1, outcomes.HELD, reason)))
        return await self._ended(event, policy, version, result)

    def _refusal(self, event: Event, policy: Policy) -> tuple[str, str] | None:
        """Why it isn't run at all: the condition that destinations are told, and the journal's reason."""
        if policy.disabled:
            return record.NO_CONCURRENCY, "the function has a reserved concurrency of zero"
        age_s = self._clock.now() - event.accepted_at
        if age_s > policy.age_s:
            return record.TOO_OLD, f"the event is {age_s:.0f} s old, allowed are {policy.age_s:.0f}"
        runs = lineage.runs(event.trace_id, event.arn)
        if runs >= lineage.LIMIT and not policy.may_recur:
            self._count(event, "RecursiveInvocationsDropped")
            return record.EXHAUSTED, f"a loop: the chain of events has run this function {runs} times already"
        return None

    async def _run(self, version: Version, event: Event) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        invocation = Invocation(event.request_id, event.invoked_arn, event.payload.encode(), trace_id=event.trace_id)

        def done(result: Result) -> None:
            if not future.done():  # the server may be stopping
                future.set_result(result)

        self._runner.start(version, invocation, done)
        self._count(event, "AsyncEventAge", (self._clock.now() - event.accepted_at) * 1000)
        result = await future
        if result.refused in _NOT_RUN:  # after it had waited for its turn
            raise AwsError(result.refused, msgspec.json.decode(result.payload)["errorMessage"])
        return result

    async def _ended(self, event: Event, policy: Policy, version: Version, result: Result) -> Verdict:
        """The function has answered, one way or the other."""
        event = msgspec.structs.replace(event, invoked=event.invoked + 1)
        failed = result.outcome is Outcome.FUNCTION_ERROR
        ending = Ending(
            record.EXHAUSTED if failed else record.SUCCESS,
            event.request_id,
            event.qualified_arn,
            event.invoked,
            event.payload,
            version.version,
            failed,
            result.payload,
        )
        if not failed:
            steps = self._note(event, event.invoked, outcomes.DELIVERED)
            if policy.on_success:
                steps.append(await self._telling(event, policy, ending, policy.on_success))
            return Done(tuple(steps))
        reason = f"the function failed: {result.error_type or 'an error without a type'}"
        if event.invoked > policy.retries:
            steps = self._note(event, event.invoked, outcomes.FAILED, f"{reason}; no attempt is left")
            return Done((*steps, *await self._given_up(event, policy, ending)))
        delay_s = RETRY_AFTER_S[min(event.invoked, len(RETRY_AFTER_S)) - 1]
        due = self._clock.now() + delay_s
        if due > event.accepted_at + policy.age_s:
            steps = self._note(event, event.invoked, outcomes.FAILED, f"{reason}; too old for another attempt")
            ending = msgspec.structs.replace(ending, condition=record.TOO_OLD)
            return Done((*steps, *await self._given_up(event, policy, ending)))
        steps = self._note(event, event.invoked, outcomes.RETRY, f"{reason}; again in {delay_s:.0f} s")
        return Again(due, _encode(event), tuple(steps))

    async def _dropped(self, event: Event, policy: Policy, condition: str, reason: str) -> Done:
        ending = Ending(condition, event.request_id, event.qualified_arn, event.invoked, event.payload)
        return Done((*self._note(event, 0, outcomes.DROPPED, reason), *await self._given_up(event, policy, ending)))

    async def _given_up(self, event: Event, policy: Policy, ending: Ending) -> list[Step]:
        """Both a dead-letter queue and a failure destination get what came to nothing."""
        steps: list[Step] = []
        if policy.on_failure:
            steps.append(await self._telling(event, policy, ending, policy.on_failure))
        if policy.dead_letter:
            options = {"MessageAttributes": record.dead_letter_attributes(ending)}
            parcel = self._parcel(event, policy, "dead-letter", policy.dead_letter, event.payload, options)
            steps.append(await self._sending(parcel, "DeadLetterErrors"))
        if not steps:
            self._count(event, "AsyncEventsDropped")
        return steps

    async def _telling(self, event: Event, policy: Policy, ending: Ending, destination: str) -> Step:
        """The change that sends the invocation record to a destination."""
        now = self._clock.now()
        success = ending.condition == record.SUCCESS
        options = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {'Success' if success else 'Failure'}",
            "Resources": [destination, event.qualified_arn],
            "Key": record.object_key(event.function, now),
        }
        told = record.record(ending, now)
        parcel = self._parcel(event, policy, "destination", destination, told, options)
        return await self._sending(parcel, "DestinationDeliveryFailures")

    def _parcel(
        self, event: Event, policy: Policy, source: str, target: str, payload: str, options: Mapping[str, Any]
    ) -> Parcel:
        return Parcel(
            target=target,
            payload=payload,
            principal=_session(policy.role, event),
            source=source,
            origin=event.arn,
            account=event.account,
            region=event.region,
            event_id=event.request_id,
            trace_id=lineage.counted(event.trace_id, lineage.digest(event.arn)) if event.trace_id else "",
            options=dict(options),
        )

    async def _sending(self, parcel: Parcel, failure_count: str) -> Step:
        now = self._clock.now()
        return await self._outbox.putting(
            Shipment(parcel, now, retries=LAMBDA_RETRIES, failure_count=(_NAMESPACE, failure_count))
        )

    def _count(self, event: Event, name: str, value: float = 1) -> None:
        self._journal.count(event.account, event.region, _NAMESPACE, name, event.arn, value)

    def _note(self, event: Event, attempt: int, outcome: str, reason: str = "") -> list[Step]:
        entry = Entry(
            event.account,
            event.region,
            "lambda",
            event.arn,
            event.invoked_arn,
            event.request_id,
            attempt,
            outcome,
            reason,
        )
        return list(self._journal.writing(entry))


def _session(role: str, event: Event) -> str:
    """The principal that a function's role gives: a session that has the function's name."""
    parsed = arn.parse(role)
    if parsed is None:
        return role
    name = parsed.resource.rpartition("/")[2]
    return f"arn:aws:sts::{parsed.account}:assumed-role/{name}/{event.function}"
