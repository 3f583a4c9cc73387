"""The sources of event source mappings, and which parameters each takes (facts/lambda-events.md §4.1).

Owns: the table of sources, finding a request's source, what AWS refuses in a request before it looks anything up. Pure.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.context import Params
from samovar.services.lambda_.names import invalid

_STREAM = frozenset(
    {
        "StartingPosition",
        "StartingPositionTimestamp",
        "ParallelizationFactor",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "BisectBatchOnFunctionError",
        "TumblingWindowInSeconds",
        "DestinationConfig",
        "FunctionResponseTypes",
    }
)
_KAFKA = (_STREAM - {"ParallelizationFactor", "TumblingWindowInSeconds"}) | {
    "LoggingConfig",
    "ProvisionedPollerConfig",
    "SourceAccessConfigurations",
    "Topics",
}
_EVERY = frozenset(
    {
        "UUID",
        "FunctionName",
        "EventSourceArn",
        "Enabled",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "KMSKeyArn",
        "MetricsConfig",
        "Tags",
    }
)
_STREAM_DEFAULTS: Mapping[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
}


class Source(msgspec.Struct, frozen=True):
    name: str
    title: str
    members: frozenset[str]
    """The parameters that it takes beside those that every source takes."""
    positions: frozenset[str] = frozenset()
    """What StartingPosition may be; it is required where there is any."""
    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = {}
    fewest_pollers: int = 1


_POSITIONS = frozenset({"LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"})

SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source(
            "sqs",
            "Amazon SQS",
            frozenset({"FilterCriteria", "FunctionResponseTypes", "ScalingConfig", "ProvisionedPollerConfig"}),
            defaults={"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []},
            fewest_pollers=2,
        ),
        Source("kinesis", "Amazon Kinesis", _STREAM | {"FilterCriteria"}, _POSITIONS, defaults=_STREAM_DEFAULTS),
        Source(
            "dynamodb",
            "Amazon DynamoDB Streams",
            _STREAM | {"FilterCriteria"},
            _POSITIONS - {"AT_TIMESTAMP"},
            defaults=_STREAM_DEFAULTS,
        ),
        Source(
            "msk",
            "Amazon MSK",
            _KAFKA | {"FilterCriteria", "AmazonManagedKafkaEventSourceConfig"},
            _POSITIONS,
            ("Topics",),
        ),
        Source(
            "kafka",
            "self-managed Apache Kafka",
            _KAFKA | {"FilterCriteria", "SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig"},
            _POSITIONS,
            ("SourceAccessConfigurations", "Topics"),
        ),
        Source(
            "mq",
            "Amazon MQ",
            frozenset({"FilterCriteria", "Queues", "SourceAccessConfigurations"}),
            required=("SourceAccessConfigurations", "Queues"),
        ),
        Source(
            "docdb",
            "Amazon DocumentDB",
            frozenset(
                {
                    "DocumentDBEventSourceConfig",
                    "SourceAccessConfigurations",
                    "StartingPosition",
                    "StartingPositionTimestamp",
                }
            ),
            _POSITIONS,
            ("SourceAccessConfigurations", "DocumentDBEventSourceConfig"),
        ),
    )
}

_BY_SERVICE = {"sqs": "sqs", "kinesis": "kinesis", "dynamodb": "dynamodb", "kafka": "msk", "mq": "mq", "rds": "docdb"}


def of(params: Params) -> Source:
    """The source that a CreateEventSourceMapping names."""
    if params.get("SelfManagedEventSource"):
        return SOURCES["kafka"]
    parsed = arn.parse(params.get("EventSourceArn") or "")
    name = _BY_SERVICE.get(parsed.service) if parsed else None
    if parsed is None or name is None or (name == "dynamodb" and "/stream/" not in parsed.resource):
        raise invalid("Unrecognized event source.")
    return SOURCES[name]


def check_members(source: Source, params: Params) -> None:
    """Refuse parameters that the source doesn't take; one that asks for nothing passes."""
    if (params.get("DestinationConfig") or {}).get("OnSuccess"):
        raise _unsupported("DestinationConfig")
    for name, value in params.items():
        if name not in source.members and name not in _EVERY and not (value is False or value in ([], {}, "")):
            raise _unsupported(name)
    if params.get("EventSourceArn", "").endswith(".fifo"):
        if params.get("BatchSize", 0) > 10:
            raise invalid("The BatchSize of a FIFO queue can't be greater than 10.")
        if params.get("MaximumBatchingWindowInSeconds"):
            raise _unsupported("MaximumBatchingWindowInSeconds")


def check_new(source: Source, params: Params) -> None:
    """Refuse a new mapping that lacks what its source needs, or starts where that can't be started."""
    for name in source.required:
        if not params.get(name):
            raise invalid(f"Required '{_lower(name)}' parameter is missing.")
    position = params.get("StartingPosition")
    if source.positions and not position:
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if position and position not in source.positions:
        raise invalid(f"Unsupported starting position for arn type: {params.get('EventSourceArn')}")
    if (position == "AT_TIMESTAMP") is not (params.get("StartingPositionTimestamp") is not None):
        raise invalid("StartingPositionTimestamp is needed with the StartingPosition AT_TIMESTAMP, and with no other.")


def _unsupported(name: str) -> Exception:
    shown = name if name == "DestinationConfig" else f"'{_lower(name)}'"  # the one recorded without quotes
    return invalid(f"Unsupported {shown} parameter for given event source mapping type.")


def _lower(name: str) -> str:
    return "kmsKeyArn" if name == "KMSKeyArn" else name[0].lower() + name[1:]
