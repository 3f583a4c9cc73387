"""Event source mappings as long as nothing delivers; every test is a sentence of facts/lambda-api.md §5."""

import pytest
from botocore.exceptions import ClientError

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
KINESIS = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
DYNAMODB = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2025-11-25T00:00:00.000"
MSK = "arn:aws:kafka:us-east-1:123456789012:cluster/c/11111111-1111-1111-1111-111111111111-1"
UNKNOWN = "00000000-0000-4000-a000-000000000000"
ACCESS = [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"}]
ENDPOINTS = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}}


def refused(call, **params):
    """(code, message) of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def message(client, create):
    """What a mapping for f is refused with, by InvalidParameterValueException."""
    create()

    def message(**params):
        code, text = refused(client.create_event_source_mapping, **({"FunctionName": "f"} | params))
        assert code == "InvalidParameterValueException", (code, text)
        return text

    return message


def test_a_queue_that_isnt_there_is_refused_as_aws_does(message):
    assert message(EventSourceArn=f"{QUEUE}-missing") == (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )


@pytest.mark.parametrize("arn", [KINESIS, f"{KINESIS}/consumer/c:1", DYNAMODB])
def test_a_stream_that_isnt_there_is_refused_as_aws_does(message, arn):
    assert message(EventSourceArn=arn, StartingPosition="LATEST") == f"Stream not found: {arn}"


def test_a_source_that_can_never_be_here_yet_says_so(client, create):
    create()
    kafka = {"FunctionName": "f", "StartingPosition": "LATEST", "Topics": ["to"]}
    msk = refused(client.create_event_source_mapping, EventSourceArn=MSK, **kafka)
    own = refused(
        client.create_event_source_mapping,
        SelfManagedEventSource=ENDPOINTS,
        SourceAccessConfigurations=ACCESS,
        **kafka,
    )
    assert msk == (
        "NotImplementedException",
        "Event source mappings from Amazon MSK is not implemented by this server yet.",
    )
    assert own[0] == "NotImplementedException" and "self-managed Apache Kafka" in own[1]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "Unrecognized event source."),
        ({"EventSourceArn": "arn:aws:sns:us-east-1:123456789012:t"}, "Unrecognized event source."),
        ({"EventSourceArn": QUEUE, "FunctionName": "nobody"}, "Function does not exist"),
        ({"EventSourceArn": QUEUE, "FunctionName": "f:nobody"}, "Function does not exist"),
        (
            {"EventSourceArn": KINESIS},
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null.",
        ),
        (
            {"EventSourceArn": DYNAMODB, "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1},
            f"Unsupported starting position for arn type: {DYNAMODB}",
        ),
        (
            {"EventSourceArn": QUEUE, "BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ),
        (
            {"EventSourceArn": QUEUE, "DestinationConfig": {"OnSuccess": {"Destination": QUEUE}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            {"EventSourceArn": QUEUE, "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            {"EventSourceArn": QUEUE, "ParallelizationFactor": 2},
            "Unsupported 'parallelizationFactor' parameter for given event source mapping type.",
        ),
        (
            {"SelfManagedEventSource": ENDPOINTS, "StartingPosition": "LATEST", "Topics": ["to"]},
            "Required 'sourceAccessConfigurations' parameter is missing.",
        ),
        (
            {"EventSourceArn": QUEUE, "FilterCriteria": {"Filters": [{"Pattern": '"text"'}]}},
            "Invalid filter pattern definition.",
        ),
        (
            {"EventSourceArn": QUEUE, "FilterCriteria": {"Filters": [{"Pattern": '[{"eventName":["INSERT"=123}]'}]}},
            "Invalid filter pattern definition.",
        ),
    ],
)
def test_what_is_wrong_is_said_before_the_source_is_looked_for(message, given, text):
    assert message(**given) == text


def test_an_unknown_starting_position_is_refused_by_the_model(client, create):
    create()
    given = {"FunctionName": "f", "EventSourceArn": KINESIS, "StartingPosition": "MIDDLE"}
    code, text = refused(client.create_event_source_mapping, **given)
    assert code == "ValidationException" and "'startingPosition'" in text


def test_a_mapping_that_isnt_there(client):
    gone = ("ResourceNotFoundException", "The resource you requested does not exist.")
    for call in (
        client.get_event_source_mapping,
        client.update_event_source_mapping,
        client.delete_event_source_mapping,
    ):
        assert refused(call, UUID=UNKNOWN) == gone


def test_no_mappings_are_an_empty_list(client, create):
    create()
    assert client.list_event_source_mappings()["EventSourceMappings"] == []
    assert client.list_event_source_mappings(FunctionName="f", EventSourceArn=QUEUE)["EventSourceMappings"] == []
