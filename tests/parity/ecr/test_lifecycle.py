"""Lifecycle policies and the garbage, with the clock moved."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import Door, Image, digest, index_of

DAY_S = 86_400
HOUR_S = 3600
DEADLINE_S = 60


@pytest.fixture(scope="module")
def platform(platforms: Any) -> Iterator[Any]:
    """A server of its own: these tests take months."""
    running = platforms("--ephemeral", "--allow-clock")
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture(scope="module")
def endpoint(platform: Any) -> str:
    return str(platform.endpoint)


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.05)


def policy(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": [{"rulePriority": number, **rule} for number, rule in enumerate(rules, 1)]}, indent=4)


def rule(status: str, kind: str, number: int, **selection: Any) -> dict[str, Any]:
    unit = {"countUnit": "days"} if kind == "sinceImagePushed" else {}
    chosen = {"tagStatus": status, "countType": kind, "countNumber": number, **unit, **selection}
    return {"selection": chosen, "action": {"type": "expire"}}


@pytest.fixture
def digests(ecr: Any, repository: str) -> Callable[[], set[str]]:
    def digests() -> set[str]:
        return {each["imageDigest"] for each in ecr.list_images(repositoryName=repository)["imageIds"]}

    return digests


def test_images_expire_by_age_and_count_within_a_day(
    ecr: Any, door: Door, platform: Any, repository: str, digests: Callable[[], set[str]]
) -> None:
    loose = door.push(repository, Image())
    old = [door.push(repository, Image(), f"v{number}") for number in range(2)]
    platform.advance(3 * DAY_S)
    new = [door.push(repository, Image(), f"w{number}") for number in range(2)]
    text = policy(rule("untagged", "sinceImagePushed", 2), rule("any", "imageCountMoreThan", 3))
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)
    assert ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"] == text
    preview = _preview(ecr, repository)
    assert preview["summary"]["expiringImageTotalCount"] == 2
    assert {each["imageDigest"]: each["appliedRulePriority"] for each in preview["previewResults"]}[loose] == 1
    assert digests() == {*old, loose, *new}
    platform.advance(HOUR_S)
    until(lambda: len(digests()) == 3)
    assert digests() == {old[1], *new}
    until(lambda: "lastEvaluatedAt" in ecr.get_lifecycle_policy(repositoryName=repository))


def _preview(ecr: Any, repository: str) -> Any:
    ecr.start_lifecycle_policy_preview(repositoryName=repository)
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=repository, WaiterConfig={"Delay": 1})
    return ecr.get_lifecycle_policy_preview(repositoryName=repository)


def test_what_a_list_names_stays_with_the_list(
    ecr: Any, door: Door, platform: Any, repository: str, digests: Callable[[], set[str]]
) -> None:
    part, alone = Image(), Image()
    for image in (part, alone):
        door.push(repository, image)
    index = index_of(part)
    assert door.put(repository, index, "multi").status == 201
    text = policy(rule("untagged", "sinceImagePushed", 1))
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)
    platform.advance(2 * DAY_S)
    until(lambda: alone.digest not in digests())
    assert digests() == {part.digest, index.digest}


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([], "a policy must have 1 to 50 rules"),
        ([rule("tagged", "imageCountMoreThan", 1)], "matched 0 out of 2"),
        ([rule("untagged", "imageCountMoreThan", 1, tagPrefixList=["v"])], "matched 0 out of 2"),
        ([rule("any", "imageCountMoreThan", 0)], "matched 0 out of 2"),
        ([rule("any", "imageCountMoreThan", 1, countUnit=None)], "matched 0 out of 2"),
        ([rule("any", "imageCountMoreThan", 1), rule("untagged", "imageCountMoreThan", 1)], "highest rulePriority"),
        ([rule("untagged", "imageCountMoreThan", 1)] * 2, "only one rule with tagStatus=untagged"),
        ([rule("tagged", "imageCountMoreThan", 1, tagPatternList=["*****"])], "at most 4 wildcards"),
        ([rule("any", "imageCountMoreThan", 1) | {"rulePriority": 3}] * 2, "unique"),
    ],
)
def test_policies_that_mean_nothing_are_refused(
    ecr: Any, repository: str, refused: Any, rules: list[dict[str, Any]], reason: str
) -> None:
    text = policy(*rules)
    put = {"repositoryName": repository, "lifecyclePolicyText": text + " " * max(0, 100 - len(text))}
    code, message = refused(ecr.put_lifecycle_policy, **put)
    assert code == "InvalidParameterException"
    told = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
    assert message.startswith(f"{told}'Lifecycle policy validation failure: ")
    assert reason in message


def test_policies_that_are_not_there_are_told(ecr: Any, repository: str, account: str, refused: Any) -> None:
    place = f"the repository with name '{repository}' in the registry with id '{account}'"
    told = "LifecyclePolicyNotFoundException", f"Lifecycle policy does not exist for {place}"
    assert refused(ecr.get_lifecycle_policy, repositoryName=repository) == told
    assert refused(ecr.delete_lifecycle_policy, repositoryName=repository) == told
    assert refused(ecr.start_lifecycle_policy_preview, repositoryName=repository) == told
    code, _ = refused(ecr.get_lifecycle_policy_preview, repositoryName=repository)
    assert code == "LifecyclePolicyPreviewNotFoundException"
    text = policy(rule("any", "imageCountMoreThan", 1))
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)
    ecr.delete_lifecycle_policy(repositoryName=repository)
    assert refused(ecr.get_lifecycle_policy, repositoryName=repository) == told


def test_layers_that_no_image_names_go_after_an_hour(ecr: Any, door: Door, platform: Any, repository: str) -> None:
    shared = b"shared" * 100
    kept, deleted = Image(shared, b"kept"), Image(shared, b"deleted")
    for image in (kept, deleted):
        door.push(repository, image)
    door.upload(repository, b"of no image")
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": deleted.digest}])
    gone = [digest(b"deleted"), digest(b"of no image"), digest(deleted.config)]
    assert [layer["layerAvailability"] for layer in _layers(ecr, repository, gone)] == ["AVAILABLE"] * 3
    platform.advance(2 * HOUR_S)
    # Asking keeps a layer for another hour, so what is asked for until it has gone is the room that it takes.
    assert door.blob(repository, digest(shared)).body == shared
    until(lambda: _missing(ecr, platform, repository, gone))
    assert door.blob(repository, digest(b"kept")).body == b"kept"


def _layers(ecr: Any, repository: str, digests: list[str]) -> Any:
    return ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=digests)["layers"]


def _missing(ecr: Any, platform: Any, repository: str, digests: list[str]) -> bool:
    if all(each["layerAvailability"] == "UNAVAILABLE" for each in _layers(ecr, repository, digests)):
        return True
    platform.advance(2 * HOUR_S)
    return False


def test_an_upload_that_nobody_goes_on_with_is_forgotten(door: Door, platform: Any, repository: str) -> None:
    place = door.begin(repository).headers["Location"]
    door("PATCH", place, b"half")
    platform.advance(23 * HOUR_S)
    assert door("PATCH", place, b"half").status == 202
    platform.advance(23 * HOUR_S)
    assert door("GET", place).status == 204
    platform.advance(2 * HOUR_S)
    until(lambda: door("GET", place).status == 404)
