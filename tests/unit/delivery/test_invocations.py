"""What becomes of an event, by its function's configuration (facts/lambda-events.md §2, §3, §6)."""

import json
import re

import msgspec
import pytest

from samovar.core.context import Acting
from samovar.core.errors import AwsError
from samovar.core.meter import Meter
from samovar.delivery.invocations import Event, Invocations, Policy
from samovar.delivery.journal import Journal
from samovar.delivery.outbox import Outbox
from samovar.delivery.targets import Targets
from samovar.engine import lineage
from samovar.engine.model import Outcome, Result, Version

ACCOUNT, REGION = "123456789012", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/b"
POLICY = Policy(role=f"arn:aws:iam::{ACCOUNT}:role/path/r")
OK = Result(Outcome.OK, b'{"done": true}')
FAILURE = Result(Outcome.FUNCTION_ERROR, b'{"errorMessage": "boom", "errorType": "E"}', "E")
VERSION = Version("k", ACCOUNT, REGION, "f", ARN, "7", "python3.12", "h.h", 128, 3, 512, "", {}, "", "")


class Platform:
    """Plays the engine, the Lambda service and the services that are called."""

    def __init__(self) -> None:
        self.policy_: Policy | None = POLICY
        self.results: list[Result | AwsError] = []
        self.ran: list[tuple[str, bytes]] = []
        self.calls: list[tuple[str, str, dict]] = []
        self.principals: list[str] = []
        self.refusals: list[AwsError] = []

    def policy(self, event):
        return self.policy_

    def version(self, event):
        return VERSION

    def start(self, version, invocation, done):
        result = self.results.pop(0)
        if isinstance(result, AwsError):
            raise result
        self.ran.append((invocation.request_id, invocation.payload))
        done(result)

    async def call(self, ctx, service, operation, params):
        if self.refusals:
            raise self.refusals.pop(0)
        self.calls.append((service, operation, params))
        self.principals.append(ctx.principal)
        return {"Entries": [{"EventId": "1"}]}


class Lab:
    def __init__(self, house, platform: Platform, journal: Journal) -> None:
        self.house = house
        self.platform = platform
        self.journal = journal
        acting = Acting()
        acting.attach(platform, "http://here")
        self.outbox = Outbox(house.queues, Targets(acting), journal, house.clock)
        self.invocations = Invocations(house.queues, platform, self.outbox, journal, house.clock)
        house.closing += [self.invocations.queue.close, self.outbox.queue.close]

    async def send(self, **changes) -> Event:
        event = Event(ACCOUNT, REGION, "f", "", "id-1", '{"n": 1}', self.house.clock.now())
        event = msgspec.structs.replace(event, **changes)
        await self.invocations.accept(event)
        return event

    async def outcomes(self, source: str = "lambda") -> list[str]:
        return [entry["outcome"] for entry in await self.journal.find({"source": source})]

    async def come_to(self, *outcomes: str, source: str = "lambda") -> None:
        while await self.outcomes(source) != list(outcomes):
            assert len(await self.outcomes(source)) <= len(outcomes), await self.journal.find({})
            await self.house.settle()

    def counted(self) -> list[str]:
        """What the metrics of the function were told, by name; taken away with that."""
        return [point.metric.name for point in self.journal.meter.take() if point.metric.dimensions]


@pytest.fixture
def lab(run):
    """Runs a test with a lab and its platform."""

    def run_with(test):
        async def body(house):
            platform = Platform()
            lab = Lab(house, platform, await Journal.open(house.store, house.clock, Meter(house.clock)))
            await lab.outbox.queue.start()
            await lab.invocations.start(platform)
            await test(lab, platform)

        run(body)

    return run_with


def change(platform: Platform, **changes) -> None:
    platform.policy_ = msgspec.structs.replace(POLICY, **changes)


def record(platform: Platform) -> dict:
    """The one that a queue got."""
    [(_, _, params)] = [call for call in platform.calls if call[1] == "SendMessage"]
    return json.loads(params["MessageBody"])


@pytest.mark.parametrize(("retries", "pauses"), [(0, []), (1, [61]), (2, [61, 121])])
def test_a_function_that_fails_is_tried_again_as_often_as_configured(lab, retries, pauses):
    async def test(lab, platform):
        change(platform, retries=retries)
        platform.results = [FAILURE] * 3
        await lab.send()
        for done, pause_s in enumerate(pauses, 1):
            await lab.come_to(*["retry"] * done)
            lab.house.clock.advance(pause_s)
        await lab.come_to(*["retry"] * retries, "failed")
        assert platform.ran == [("id-1", b'{"n": 1}')] * (retries + 1)
        counted = lab.counted()
        assert (counted[0], counted[-1]) == ("AsyncEventsReceived", "AsyncEventsDropped")
        assert not platform.calls

    lab(test)


def test_a_retry_that_succeeds_ends_it(lab):
    async def test(lab, platform):
        platform.results = [FAILURE, OK]
        await lab.send()
        await lab.come_to("retry")
        lab.house.clock.advance(61)
        await lab.come_to("retry", "delivered")
        assert "AsyncEventsDropped" not in lab.counted()

    lab(test)


def test_throttles_take_no_attempt_and_last_until_the_event_is_too_old(lab):
    async def test(lab, platform):
        change(platform, retries=0, age_s=60, on_failure=QUEUE)
        throttle = AwsError("TooManyRequestsException", "Rate Exceeded.")
        platform.results = [throttle] * 6 + [FAILURE]
        await lab.send()
        for held, pause_s in enumerate((1, 2, 4, 8, 16), 1):
            await lab.come_to(*["held"] * held)
            lab.house.clock.advance(pause_s * 1.01)
        await lab.come_to(*["held"] * 6)
        lab.house.clock.advance(33)
        await lab.come_to(*["held"] * 6, "dropped")
        await lab.come_to("delivered", source="destination")
        told = record(platform)
        assert told["requestContext"] == {
            "requestId": "id-1",
            "functionArn": f"{ARN}:$LATEST",
            "condition": "EventAgeExceeded",
            "approximateInvokeCount": 0,
        }
        assert "responseContext" not in told and "responsePayload" not in told
        assert platform.ran == []

    lab(test)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ServiceException"])
def test_what_is_refused_when_its_turn_has_come_takes_no_attempt_either(lab, code):
    """A debugged function's invocations wait for each other, and the server may stop meanwhile."""

    async def test(lab, platform):
        change(platform, retries=0)
        payload = b'{"errorType": "T", "errorMessage": "not now"}'
        platform.results = [Result(Outcome.FUNCTION_ERROR, payload, code, refused=code), OK]
        await lab.send()
        await lab.come_to("held")
        lab.house.clock.advance(1.01)
        await lab.come_to("held", "delivered")

    lab(test)


def test_an_attempt_that_would_come_too_late_isnt_waited_for(lab):
    async def test(lab, platform):
        change(platform, age_s=60, on_failure=QUEUE)
        platform.results = [FAILURE]
        lab.house.clock.advance(5)
        await lab.send(accepted_at=lab.house.clock.now() - 5)
        await lab.come_to("failed")
        await lab.come_to("delivered", source="destination")
        assert record(platform)["requestContext"]["condition"] == "EventAgeExceeded"
        assert record(platform)["requestContext"]["approximateInvokeCount"] == 1

    lab(test)


def test_zero_reserved_concurrency_is_told_at_once_without_an_invocation(lab):
    async def test(lab, platform):
        change(platform, disabled=True, on_failure=QUEUE)
        await lab.send()
        await lab.come_to("dropped")
        await lab.come_to("delivered", source="destination")
        context = record(platform)["requestContext"]
        assert (context["condition"], context["approximateInvokeCount"]) == ("ZeroReservedConcurrency", 0)
        assert platform.ran == []

    lab(test)


def test_a_destination_gets_the_whole_record(lab):
    async def test(lab, platform):
        change(platform, on_failure=QUEUE, retries=0)
        platform.results = [FAILURE]
        await lab.send(qualifier="live", trace_id="Root=1-2-3;Parent=4;Sampled=1")
        await lab.come_to("failed")
        await lab.come_to("delivered", source="destination")
        told = record(platform)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("timestamp"))
        assert told == {
            "version": "1.0",
            "requestContext": {
                "requestId": "id-1",
                "functionArn": f"{ARN}:live",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 1,
            },
            "requestPayload": {"n": 1},
            "responseContext": {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": "boom", "errorType": "E"},
        }
        [(_, _, params)] = platform.calls
        assert params["QueueUrl"] == f"http://here/{ACCOUNT}/q"
        header = params["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"]
        assert lineage.runs(header, ARN) == 1
        assert platform.principals == [f"arn:aws:sts::{ACCOUNT}:assumed-role/r/f"]

    lab(test)


def test_success_is_told_to_a_bus_in_its_words(lab):
    async def test(lab, platform):
        change(platform, on_success=BUS, on_failure=QUEUE)
        platform.results = [OK]
        await lab.send()
        await lab.come_to("delivered", source="destination")
        [(service, operation, params)] = platform.calls
        assert (service, operation) == ("events", "PutEvents")
        [entry] = params["Entries"]
        detail = json.loads(entry.pop("Detail"))
        assert entry == {
            "EventBusName": BUS,
            "Source": "lambda",
            "DetailType": "Lambda Function Invocation Result - Success",
            "Resources": [BUS, f"{ARN}:$LATEST"],
        }
        assert detail["responseContext"] == {"statusCode": 200, "executedVersion": "7"}
        assert detail["responsePayload"] == {"done": True}

    lab(test)


def test_a_failure_destination_in_s3_has_the_date_in_its_key(lab):
    async def test(lab, platform):
        change(platform, on_failure="arn:aws:s3:::bucket", retries=0)
        platform.results = [FAILURE]
        await lab.send()
        await lab.come_to("delivered", source="destination")
        [(service, operation, params)] = platform.calls
        assert (service, operation, params["Bucket"]) == ("s3", "PutObject", "bucket")
        pattern = r"aws/lambda/async/f/\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}"
        assert re.fullmatch(pattern, params["Key"])
        assert json.loads(params["Body"])["requestPayload"] == {"n": 1}

    lab(test)


@pytest.mark.parametrize("target", [QUEUE, f"arn:aws:sns:{REGION}:{ACCOUNT}:t"])
def test_a_dead_letter_is_the_event_with_three_attributes_beside_the_failure_destination(lab, target):
    async def test(lab, platform):
        change(platform, dead_letter=target, on_failure=BUS, retries=0)
        platform.results = [Result(Outcome.FUNCTION_ERROR, json.dumps({"errorMessage": "ü" * 900}).encode(), "E")]
        await lab.send()
        await lab.come_to("delivered", source="dead-letter")
        await lab.come_to("delivered", source="destination")
        [params] = [call[2] for call in platform.calls if call[0] != "events"]
        assert params.get("MessageBody", params.get("Message")) == '{"n": 1}'
        assert params["MessageAttributes"] == {
            "RequestID": {"DataType": "String", "StringValue": "id-1"},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": "ü" * 512},
        }

    lab(test)


def test_a_target_that_fails_is_tried_again_and_one_that_isnt_there_is_not(lab):
    async def test(lab, platform):
        change(platform, on_success=QUEUE)
        platform.results = [OK, OK]
        platform.refusals = [AwsError("ServiceUnavailable", "soon"), AwsError("ThrottlingException", "soon")]
        await lab.send()
        await lab.come_to("retry", source="destination")
        lab.house.clock.advance(1)
        await lab.come_to("retry", "retry", source="destination")
        lab.house.clock.advance(2)
        await lab.come_to("retry", "retry", "delivered", source="destination")
        platform.refusals = [AwsError("AWS.SimpleQueueService.NonExistentQueue", "no such queue")]
        await lab.send()
        await lab.come_to("retry", "retry", "delivered", "failed", source="destination")
        assert lab.counted().count("DestinationDeliveryFailures") == 1
        [entry] = await lab.journal.find({"source": "destination", "outcome": "failed"})
        assert "no such queue" in entry["reason"]
        assert (entry["origin"], entry["target"]) == (ARN, QUEUE)

    lab(test)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_loop_ends_after_sixteen_runs_unless_it_is_allowed(lab, allowed):
    async def test(lab, platform):
        change(platform, may_recur=allowed, dead_letter=QUEUE)
        platform.results = [OK, OK]
        trace = "Root=1-2-3"
        for _ in range(15):
            trace = lineage.counted(trace, lineage.digest(ARN))
        await lab.send(trace_id=trace)
        await lab.come_to("delivered")
        await lab.send(trace_id=lineage.counted(trace, lineage.digest(ARN)))
        await lab.come_to("delivered", "delivered" if allowed else "dropped")
        assert ("RecursiveInvocationsDropped" in lab.counted()) is not allowed
        await lab.house.settle()
        assert len(platform.calls) == (0 if allowed else 1)

    lab(test)


def test_an_event_of_a_function_that_is_gone_is_dropped(lab):
    async def test(lab, platform):
        platform.policy_ = None
        await lab.send()
        await lab.come_to("dropped")

    lab(test)
