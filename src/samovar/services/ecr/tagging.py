"""Tags of repositories, checked. Pure. Source: ECR user guide, «Tagging a private repository»."""

from collections.abc import Mapping, Sequence
from typing import Final

from samovar.core.errors import AwsError

MOST: Final = 50


def checked(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Key -> value. Raises InvalidTagParameterException, TooManyTagsException."""
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag["Key"], tag["Value"]
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            text = "A tag key must have 1 to 128 characters and not begin with aws:, a tag value at most 256"
            raise AwsError("InvalidTagParameterException", text)
        if key in found:
            raise AwsError("InvalidTagParameterException", f"The tag key {key} is given more than once")
        found[key] = value
    count(found)
    return found


def count(tags: Mapping[str, str]) -> None:
    if len(tags) > MOST:
        raise AwsError("TooManyTagsException", f"A repository can have at most {MOST} tags")
