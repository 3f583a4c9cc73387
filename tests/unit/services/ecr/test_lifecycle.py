"""Which images a lifecycle policy expires: the examples of ECR's user guide, and its rules one by one."""

import json
from typing import Any

import pytest

from samovar.core.errors import AwsError
from samovar.services.ecr.lifecycle import expired, read
from samovar.services.ecr.records import Image

DAY_S = 86_400.0
NOW = 100 * DAY_S


def image(name: str, days: float, *tags: str, subject: str = "") -> Image:
    return Image(name, NOW - days * DAY_S, 0.0, 1, "", "", subject, tags)


def selection(status: str, count: int = 0, days: int = 0, **more: Any) -> dict[str, Any]:
    kind = {"countType": "imageCountMoreThan", "countNumber": count}
    if days:
        kind = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    return {"tagStatus": status, **kind, **more}


def result(images: list[Image], *selections: dict[str, Any], listed: set[str] = frozenset()) -> dict[str, int]:
    """Digest -> the priority of the rule that expires it."""
    rules = [
        {"rulePriority": number, "selection": each, "action": {"type": "expire"}}
        for number, each in enumerate(selections, 1)
    ]
    found = expired(read(json.dumps({"rules": rules})), images, listed, NOW)
    return {each.image.digest: each.priority for each in found}


PROD, BETA = {"tagPrefixList": ["prod"]}, {"tagPrefixList": ["beta"]}


def test_an_image_of_an_earlier_rule_is_left_alone_by_a_later_one() -> None:
    images = [image("A", 10, "beta-1", "prod-1"), image("B", 9, "beta-2", "prod-2"), image("C", 8, "beta-3")]
    rules = selection("tagged", 1, **PROD), selection("tagged", 1, **BETA)
    assert result(images, *rules) == {"A": 1}
    assert result(images, *reversed(rules)) == {"A": 1, "B": 1}


def test_a_rule_looks_at_images_as_if_none_had_expired() -> None:
    images = [image("A", 10, "alpha-1", "beta-1", "prod-1"), image("B", 9, "alpha-2", "beta-2")]
    images += [image("C", 8, "alpha-3")]
    rules = [selection("tagged", 1, tagPrefixList=[each]) for each in ("prod", "beta", "alpha")]
    # Prefix prod: one image, which stays. Prefix beta: A and B, of which A is taken. Prefix alpha: all, A and B taken.
    assert result(images, *rules) == {}


def test_all_prefixes_and_patterns_of_a_rule_must_be_met_by_some_tag() -> None:
    images = [image("A", 5, "prod-1"), image("B", 4, "prod-2", "eu-1"), image("C", 3)]
    assert result(images, selection("tagged", days=1, tagPrefixList=["prod", "eu"])) == {"B": 1}
    assert result(images, selection("tagged", days=1, tagPatternList=["*od*", "*1"])) == {"A": 1, "B": 1}
    assert result(images, selection("tagged", days=1, tagPatternList=["prod"])) == {}
    assert result(images, selection("untagged", days=1)) == {"C": 1}


def test_the_oldest_go_first_and_age_is_counted_from_the_push() -> None:
    images = [image("A", 3), image("B", 2), image("C", 1)]
    assert result(images, selection("any", 2)) == {"A": 1}
    assert result(images, selection("any", 3)) == {}
    assert result(images, selection("any", days=2)) == {"A": 1}  # two days are not more than two days


def test_parts_of_lists_stay_and_what_is_about_others_goes_with_them() -> None:
    images = [image("A", 9), image("S", 9, subject="A"), image("O", 9, subject="gone")]
    assert result(images, selection("any", days=1), listed={"A"}) == {"O": 0}
    assert result(images, selection("any", days=1)) == {"A": 1, "O": 0}


@pytest.mark.parametrize(
    "text",
    ["", "7", "[]", "{}", '{"rules": {}}', '{"rules": [1]}', '{"rules": [{"rulePriority": true}]}', "[" * 100_000],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(AwsError) as caught:
        read(text)
    assert caught.value.code == "InvalidParameterException"


def test_archives_are_refused_by_name() -> None:
    rule = {"rulePriority": 1, "selection": selection("any", 1), "action": {"type": "transition"}}
    with pytest.raises(AwsError) as caught:
        read(json.dumps({"rules": [rule]}))
    assert caught.value.code == "NotImplementedException"
