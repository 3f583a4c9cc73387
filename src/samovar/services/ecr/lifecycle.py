"""Lifecycle policies: read, and which images they expire. Pure.

Source: ECR user guide, «How lifecycle policies work», «Lifecycle policy properties». Rules:

1. Every rule looks at all images as if none had expired; an image that meets the tags of a rule is expired by that rule
   or not at all: later ones leave it alone.
2. `tagged` rules want all of their prefixes or patterns, each met by some tag of the image.
3. Older images go before newer ones.
4. What a list names stays as long as the list does. What is about another image goes when that has gone, and isn't
   looked at otherwise.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from samovar.core.errors import AwsError
from samovar.services.ecr import errors
from samovar.services.ecr.records import Image

_DAY_S: Final = 86_400
_MOST_RULES: Final = 50
_MOST_WILDCARDS: Final = 4
_SCHEMA: Final = "instance failed to match exactly one schema (matched 0 out of 2)"
_TIMES: Final = frozenset({"sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"})


class Rule(msgspec.Struct, frozen=True):
    priority: int
    status: str
    """`tagged`, `untagged`, `any`."""
    prefixes: tuple[str, ...]
    patterns: tuple[str, ...]
    count: int = 0
    """How many stay; 0: it is about age."""
    days: int = 0

    def concerns(self, image: Image) -> bool:
        """Whether an image meets the tags of the rule."""
        if self.status == "any":
            return True
        if self.status == "untagged":
            return not image.tags
        return bool(image.tags) and all(
            [any(tag.startswith(prefix) for tag in image.tags) for prefix in self.prefixes]
            + [any(fnmatchcase(tag, pattern) for tag in image.tags) for pattern in self.patterns]
        )

    def expires(self, images: list[Image], now: float) -> list[Image]:
        """Of the images that it concerns, newest first, those that have to go."""
        if self.count:
            return images[self.count :]
        return [image for image in images if image.pushed < now - self.days * _DAY_S]


class Expiry(msgspec.Struct, frozen=True):
    image: Image
    priority: int
    """Of the rule; 0: what it was about has gone."""


def read(text: str) -> list[Rule]:
    """The rules of a policy, first things first. Raises InvalidParameterException, NotImplementedException."""
    try:
        content = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise _wrong("the policy is not valid JSON") from None
    if not isinstance(content, dict) or content.keys() != {"rules"} or not isinstance(content["rules"], list):
        raise _wrong(_SCHEMA)
    if not 1 <= len(content["rules"]) <= _MOST_RULES:
        raise _wrong(f"a policy must have 1 to {_MOST_RULES} rules")
    rules = sorted((_rule(each) for each in content["rules"]), key=lambda rule: rule.priority)
    if len({rule.priority for rule in rules}) < len(rules):
        raise _wrong("rulePriority must be unique within the policy")
    if any(rule.status == "any" for rule in rules[:-1]):
        raise _wrong("a rule with tagStatus=any must have the highest rulePriority")
    if sum(rule.status == "untagged" for rule in rules) > 1:
        raise _wrong("only one rule with tagStatus=untagged is allowed")
    return rules


def expired(rules: Iterable[Rule], images: Iterable[Image], listed: set[str], now: float) -> list[Expiry]:
    """What has to go. `listed`: the images that lists name."""
    images = list(images)
    there = {image.digest for image in images}
    orphans = [Expiry(image, 0) for image in images if image.subject and image.subject not in there]
    eligible = [image for image in images if not image.subject and image.digest not in listed]
    eligible.sort(key=lambda image: (-image.pushed, image.digest))
    found: list[Expiry] = []
    taken: set[str] = set()
    for rule in rules:
        concerned = [image for image in eligible if rule.concerns(image)]
        gone = rule.expires(concerned, now)
        found += [Expiry(image, rule.priority) for image in gone if image.digest not in taken]
        taken.update(image.digest for image in concerned)
    return [*sorted(found, key=lambda each: each.image.pushed), *orphans]


def _rule(given: Any) -> Rule:
    if not isinstance(given, dict) or given.keys() - {"rulePriority", "description", "selection", "action"}:
        raise _wrong(_SCHEMA)
    priority, selection, action = _number(given.get("rulePriority")), given.get("selection"), given.get("action")
    if not isinstance(selection, dict) or not isinstance(action, dict):
        raise _wrong(_SCHEMA)
    if not isinstance(given.get("description", ""), str):
        raise _wrong(_SCHEMA)
    if action.get("type") == "transition" or selection.get("storageClass") == "archive":
        raise AwsError("NotImplementedException", "Archiving images isn't implemented by this server yet.")
    if action != {"type": "expire"}:
        raise _wrong(_SCHEMA)
    return _selection(priority, selection)


def _selection(priority: int, given: dict[str, Any]) -> Rule:
    known = {"tagStatus", "tagPrefixList", "tagPatternList", "countType", "countUnit", "countNumber", "storageClass"}
    status, kind, number = given.get("tagStatus"), given.get("countType"), _number(given.get("countNumber"))
    prefixes, patterns = _texts(given.get("tagPrefixList", [])), _texts(given.get("tagPatternList", []))
    if given.keys() - known or status not in ("tagged", "untagged", "any"):
        raise _wrong(_SCHEMA)
    if (status == "tagged") is not bool(prefixes or patterns) or (prefixes and patterns):
        raise _wrong(_SCHEMA)
    if any(pattern.count("*") > _MOST_WILDCARDS for pattern in patterns):
        raise _wrong(f"a tagPatternList entry can have at most {_MOST_WILDCARDS} wildcards")
    if kind == "imageCountMoreThan" and "countUnit" not in given:
        return Rule(priority, status, prefixes, patterns, count=number)
    if kind in _TIMES - {"sinceImagePushed"}:
        raise AwsError("NotImplementedException", f"Rules of countType {kind} aren't implemented by this server yet.")
    if kind != "sinceImagePushed" or given.get("countUnit") != "days":
        raise _wrong(_SCHEMA)
    return Rule(priority, status, prefixes, patterns, days=number)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _wrong(_SCHEMA)
    return value


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(each, str) and each for each in given):
        raise _wrong(_SCHEMA)
    return tuple(given)


def _wrong(reason: str) -> AwsError:
    return errors.invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {reason}")
