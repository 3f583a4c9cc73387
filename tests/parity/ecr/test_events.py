"""What EventBridge hears of pushes and deletions."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Door, Image

DEADLINE_S = 60


@pytest.fixture
def heard(client: Callable[..., Any], account: str) -> Callable[[int], list[Any]]:
    """The next events that a rule for ECR hands to a queue."""
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{account}:heard"
    pattern = {"source": ["aws.ecr"], "detail-type": ["ECR Image Action"]}
    events.put_rule(Name="images", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="images", Targets=[{"Id": "1", "Arn": queue}])

    def heard(count: int) -> list[Any]:
        found: list[Any] = []
        deadline = time.monotonic() + DEADLINE_S
        while len(found) < count:
            assert time.monotonic() < deadline, found
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    return heard


def test_every_push_and_deletion_is_told(
    ecr: Any, door: Door, account: str, repository: str, heard: Callable[[int], list[Any]]
) -> None:
    image = Image()
    door.push(repository, image, "v1")
    [event] = heard(1)
    told = {"result": "SUCCESS", "repository-name": repository, "image-digest": image.digest}
    assert (event["account"], event["region"], event["resources"]) == (account, "us-east-1", [])
    assert event["detail"] == {**told, "action-type": "PUSH", "image-tag": "v1"}
    assert door.put(repository, image, "v1").status == 201  # nothing has changed
    assert door.put(repository, image, "v2").status == 201
    assert heard(1)[0]["detail"] == {**told, "action-type": "PUSH", "image-tag": "v2"}
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": image.digest}])
    gone = sorted((each["detail"] for each in heard(2)), key=lambda detail: str(detail["image-tag"]))
    assert gone == [{**told, "action-type": "DELETE", "image-tag": tag} for tag in ("v1", "v2")]
