"""Event source mappings from sources that are there and polled: defaults, states, conflicts.

Facts: lambda-events.md §4, lambda-api.md §5.
"""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.wire.model import Models

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
KINESIS = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
SCALING = {"MaximumConcurrency": 2}
BROKER = "arn:aws:mq:us-east-1:123456789012:broker:b:1"
DYNAMODB = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2025-11-25T00:00:00.000"


class Neighbours:
    """The other services: everything exists, but for what is called `missing`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.hidden_s = 30

    async def call(self, ctx: Context, service: str, operation: str, params: Params) -> Params:
        self.asked.append((service, operation))
        if "missing" in str(params):
            code = "AWS.SimpleQueueService.NonExistentQueue" if service == "sqs" else "ResourceNotFoundException"
            raise AwsError(code, "It isn't there.")
        return {
            "GetQueueUrl": {"QueueUrl": "http://q"},
            "GetQueueAttributes": {"Attributes": {"VisibilityTimeout": str(self.hidden_s)}},
        }.get(operation, {})


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours()


@pytest.fixture
def mapped(lab: Any, neighbours: Neighbours) -> Callable[..., Params]:
    """Calls an operation beside services that are there; f is created."""
    lab.polled = ("sqs", "kinesis", "dynamodb")
    lab.restart()
    lab.ctx = msgspec.structs.replace(lab.ctx, caller=neighbours)
    lab.create()
    return lab.call  # type: ignore[no-any-return]


def own(shown: Params) -> Params:
    return {name: value for name, value in shown.items() if name not in ("UUID", "EventSourceMappingArn")}


def test_a_queues_mapping_has_awss_members_and_defaults(lab: Any, mapped: Any) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE)
    assert made["EventSourceMappingArn"].endswith(f":event-source-mapping:{made['UUID']}")
    assert own(made) == {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": QUEUE,
        "FunctionArn": ARN,
        "LastModified": lab.clock.now(),
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
    }


@pytest.mark.parametrize("source", [KINESIS, DYNAMODB])
def test_a_streams_mapping_has_awss_members_and_defaults(lab: Any, mapped: Any, source: str) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=source, StartingPosition="LATEST")
    assert own(made) == {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "StartingPosition": "LATEST",
        "ParallelizationFactor": 1,
        "BisectBatchOnFunctionError": False,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "TumblingWindowInSeconds": 0,
        "DestinationConfig": {"OnFailure": {}},
        "FunctionResponseTypes": [],
        "EventSourceArn": source,
        "FunctionArn": ARN,
        "LastModified": lab.clock.now(),
        "LastProcessingResult": "No records processed",
        "State": "Creating",
        "StateTransitionReason": "User action",
    }


def test_creating_becomes_enabled_and_a_disabled_one_is_disabled_at_once(lab: Any, mapped: Any) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE)
    assert settled(lab, made)["State"] == "Enabled"
    off = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=f"{QUEUE}2", Enabled=False)
    assert off["State"] == "Disabled"


def settled(lab: Any, mapping: Params) -> Params:
    """As it is shown once nothing is in transition."""
    while (shown := lab.call("GetEventSourceMapping", UUID=mapping["UUID"]))["State"] not in ("Enabled", "Disabled"):
        pass
    return shown  # type: ignore[no-any-return]


def test_an_update_keeps_what_isnt_given_and_settles(lab: Any, mapped: Any) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE, BatchSize=5)
    settled(lab, made)
    filters = {"Filters": [{"Pattern": '{"body":["x"]}'}]}
    updated = mapped("UpdateEventSourceMapping", UUID=made["UUID"], FilterCriteria=filters)
    assert (updated["State"], updated["BatchSize"], updated["FilterCriteria"]) == ("Updating", 5, filters)
    assert settled(lab, made)["State"] == "Enabled"
    assert mapped("UpdateEventSourceMapping", UUID=made["UUID"], Enabled=False)["State"] == "Disabling"
    assert settled(lab, made)["State"] == "Disabled"
    removed = mapped("UpdateEventSourceMapping", UUID=made["UUID"], FilterCriteria={}, Enabled=True)
    assert removed["State"] == "Enabling" and "FilterCriteria" not in removed


def test_a_mapping_in_transition_cant_be_changed(lab: Any, mapped: Any) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE)
    settled(lab, made)

    async def at_once() -> None:
        await lab.acall("UpdateEventSourceMapping", UUID=made["UUID"], BatchSize=1)
        for operation in ("UpdateEventSourceMapping", "DeleteEventSourceMapping"):
            with pytest.raises(AwsError, match="ResourceInUseException"):
                await lab.acall(operation, UUID=made["UUID"])

    lab.runner.run(at_once())


def test_a_deleted_mapping_says_so_once_and_is_gone(lab: Any, mapped: Any) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE)
    settled(lab, made)
    assert mapped("DeleteEventSourceMapping", UUID=made["UUID"])["State"] == "Deleting"
    assert lab.error("GetEventSourceMapping", UUID=made["UUID"]).code == "ResourceNotFoundException"
    assert mapped("ListEventSourceMappings")["EventSourceMappings"] == []


def test_a_mapping_has_tags_of_its_own(lab: Any, mapped: Any) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE, Tags={"a": "1"})
    resource = made["EventSourceMappingArn"]
    mapped("TagResource", Resource=resource, Tags={"b": "2"})
    mapped("UntagResource", Resource=resource, TagKeys=["a"])
    assert mapped("ListTags", Resource=resource) == {"Tags": {"b": "2"}}
    assert settled(lab, made)["State"] == "Enabled"
    elsewhere = resource.replace("us-east-1", "eu-west-1")
    assert lab.error("ListTags", Resource=elsewhere).message == f"Event source mapping not found: {elsewhere}"
    assert mapped("ListTags", Resource=ARN) == {"Tags": {}}


def test_nothing_is_in_transition_after_a_restart(lab: Any, mapped: Any) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE)
    settled(lab, made)
    in_transition = """UPDATE records SET value = replace(value, '"Enabled"', '"Creating"')"""
    lab.runner.run(lab.store.transact((in_transition, ())))
    lab.restart()
    assert lab.call("GetEventSourceMapping", UUID=made["UUID"])["State"] == "Enabled"


def test_a_mapping_outlives_its_function(lab: Any, mapped: Any) -> None:
    made = mapped("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE)
    mapped("DeleteFunction", FunctionName="f")
    assert settled(lab, made)["State"] == "Enabled"


def test_the_same_source_and_function_twice_is_a_conflict_and_another_qualifier_is_another_function(
    lab: Any, mapped: Any
) -> None:
    stream = {"FunctionName": "f", "EventSourceArn": KINESIS, "StartingPosition": "LATEST"}
    queue = {"FunctionName": "f", "EventSourceArn": QUEUE}
    first, second = mapped("CreateEventSourceMapping", **queue), mapped("CreateEventSourceMapping", **stream)
    assert lab.error("CreateEventSourceMapping", **queue).message == (
        f'An event source mapping with SQS arn (" {QUEUE} ") and function (" f ") already exists. '
        f"Please update or delete the existing mapping with UUID {first['UUID']}"
    )
    assert lab.error("CreateEventSourceMapping", **stream).message == (
        f'The event source arn (" {KINESIS} ") and function (" f ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {second['UUID']}"
    )
    mapped("PublishVersion", FunctionName="f")
    assert mapped("CreateEventSourceMapping", **queue | {"FunctionName": "f:1"})["FunctionArn"] == f"{ARN}:1"


def test_a_full_arn_loses_latest_and_a_name_keeps_it(lab: Any, mapped: Any) -> None:
    by_arn = mapped("CreateEventSourceMapping", FunctionName=f"{ARN}:$LATEST", EventSourceArn=QUEUE)
    by_name = mapped("CreateEventSourceMapping", FunctionName="f:$LATEST", EventSourceArn=QUEUE)
    assert (by_arn["FunctionArn"], by_name["FunctionArn"]) == (ARN, f"{ARN}:$LATEST")


def test_a_source_that_isnt_there_is_refused(lab: Any, mapped: Any, neighbours: Neighbours) -> None:
    missing = lab.error("CreateEventSourceMapping", FunctionName="f", EventSourceArn=f"{QUEUE}-missing")
    assert "The specified queue does not exist." in missing.message
    elsewhere = QUEUE.replace("us-east-1", "eu-west-1")
    assert "does not exist" in lab.error("CreateEventSourceMapping", FunctionName="f", EventSourceArn=elsewhere).message
    gone = lab.error(
        "CreateEventSourceMapping", FunctionName="f", EventSourceArn=f"{KINESIS}-missing", StartingPosition="LATEST"
    )
    assert gone.message == f"Stream not found: {KINESIS}-missing"
    neighbours.hidden_s = 2
    assert lab.error("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE).message == (
        "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds"
    )


def test_a_queue_that_nothing_polls_is_refused_by_name(lab: Any, mapped: Any) -> None:
    lab.polled = ()
    lab.restart()
    error = lab.error("CreateEventSourceMapping", FunctionName="f", EventSourceArn=QUEUE)
    assert (error.code, error.message) == (
        "NotImplementedException",
        "Event source mappings from Amazon SQS is not implemented by this server yet.",
    )


def test_the_list_is_filtered_by_source_and_function_and_paged(lab: Any, mapped: Any) -> None:
    lab.create("g")
    for function in "fg":
        for number in range(2):
            mapped("CreateEventSourceMapping", FunctionName=function, EventSourceArn=f"{QUEUE}{number}")
    listed = mapped("ListEventSourceMappings", FunctionName="f")["EventSourceMappings"]
    assert {each["EventSourceArn"] for each in listed} == {f"{QUEUE}0", f"{QUEUE}1"}
    [one] = mapped("ListEventSourceMappings", FunctionName=ARN, EventSourceArn=f"{QUEUE}1")["EventSourceMappings"]
    assert one["FunctionArn"] == ARN
    first = mapped("ListEventSourceMappings", MaxItems=3)
    rest = mapped("ListEventSourceMappings", Marker=first["NextMarker"])
    assert (len(first["EventSourceMappings"]), len(rest["EventSourceMappings"])) == (3, 1)


@pytest.mark.parametrize(
    "given",
    [
        {"EventSourceArn": f"{QUEUE}.fifo", "BatchSize": 11, "MaximumBatchingWindowInSeconds": 1},
        {"EventSourceArn": f"{QUEUE}.fifo", "MaximumBatchingWindowInSeconds": 1},
        {"EventSourceArn": KINESIS, "StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": 59},
        {"EventSourceArn": KINESIS, "StartingPosition": "LATEST", "MaximumRecordAgeInSeconds": 0},
        {"EventSourceArn": KINESIS, "StartingPosition": "AT_TIMESTAMP"},
        {"EventSourceArn": KINESIS, "StartingPosition": "LATEST", "StartingPositionTimestamp": 1.0},
        {"EventSourceArn": QUEUE, "ProvisionedPollerConfig": {"MinimumPollers": 1}},
        {"EventSourceArn": QUEUE, "ProvisionedPollerConfig": {"MinimumPollers": 9, "MaximumPollers": 8}},
        {"EventSourceArn": QUEUE, "ProvisionedPollerConfig": {"MaximumPollers": 9}, "ScalingConfig": SCALING},
        {"EventSourceArn": KINESIS, "StartingPosition": "LATEST", "ScalingConfig": SCALING},
        {"EventSourceArn": KINESIS, "StartingPosition": "LATEST", "Queues": ["q"]},
    ],
)  # fmt: skip
def test_what_the_source_doesnt_take_is_refused(lab: Any, mapped: Any, given: Params) -> None:
    assert lab.error("CreateEventSourceMapping", FunctionName="f", **given).code == "InvalidParameterValueException"


VALUES: dict[str, list[Any]] = {
    "EventSourceArn": [QUEUE, f"{QUEUE}.fifo", KINESIS, DYNAMODB, BROKER, "arn:aws:x:::"],
    "FunctionName": ["f", ARN, "f:1", "nobody"],
    "Enabled": [True, False],
    "BatchSize": [1, 10, 10000],
    "FilterCriteria": [{}, {"Filters": []}, {"Filters": [{}]}, {"Filters": [{"Pattern": '{"a":["b"]}'}]}],
    "KMSKeyArn": ["", "arn:aws:kms:us-east-1:123456789012:key/k"],
    "MetricsConfig": [{}, {"Metrics": ["EventCount"]}],
    "ScalingConfig": [{}, {"MaximumConcurrency": 2}],
    "MaximumBatchingWindowInSeconds": [0, 300],
    "ParallelizationFactor": [1, 10],
    "StartingPosition": ["LATEST", "AT_TIMESTAMP"],
    "StartingPositionTimestamp": [0.0, 1.5e9],
    "DestinationConfig": [{}, {"OnFailure": {}}, {"OnFailure": {"Destination": QUEUE}}, {"OnSuccess": {}}],
    "MaximumRecordAgeInSeconds": [-1, 0, 60],
    "BisectBatchOnFunctionError": [True, False],
    "MaximumRetryAttempts": [-1, 10000],
    "Tags": [{}, {"a": "b"}],
    "TumblingWindowInSeconds": [0, 900],
    "Topics": [["to"]],
    "Queues": [["q"]],
    "SourceAccessConfigurations": [[], [{"Type": "BASIC_AUTH", "URI": "u"}]],
    "SelfManagedEventSource": [{}, {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["h:1"]}}],
    "FunctionResponseTypes": [[], ["ReportBatchItemFailures"]],
    "ProvisionedPollerConfig": [{}, {"MinimumPollers": 2}, {"PollerGroupName": "g"}],
    "DocumentDBEventSourceConfig": [{}, {"DatabaseName": "d"}],
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_any_valid_request_is_answered_or_refused(lab: Any, mapped: Any, seed: int) -> None:
    """Answers hold against the model; what is refused is refused by an error that the model knows."""
    draw = random.Random(seed)
    model = Models()["lambda"]
    answered = 0

    def ask(operation: str, **always: Any) -> Params | None:
        members = draw.sample(sorted(VALUES.keys() - always.keys() - {"EventSourceArn", "StartingPosition"}), 3)
        params = always | {name: draw.choice(VALUES[name]) for name in members}
        if operation == "CreateEventSourceMapping":
            params = {name: draw.choice(VALUES[name]) for name in ("EventSourceArn", "StartingPosition")} | params
        else:
            params = {name: params[name] for name in params if name not in ("Tags", "Topics", "Queues")}
        model.operation(operation).validate(params)
        try:
            answer = lab.call(operation, **params)
        except AwsError as error:
            assert error.code in (
                "InvalidParameterValueException",
                "ResourceConflictException",
                "NotImplementedException",
                "ResourceInUseException",
            ), error
            return None
        assert model.operation(operation).serialize(answer, "id").status == 202
        return answer

    for _ in range(150):
        made = ask("CreateEventSourceMapping", FunctionName="f")
        if made:
            answered += 1
            ask("UpdateEventSourceMapping", UUID=made["UUID"])
            settled(lab, made)
            lab.call("DeleteEventSourceMapping", UUID=made["UUID"])
    assert answered > 3
