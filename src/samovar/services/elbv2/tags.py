"""Tags of all that Elastic Load Balancing keeps. Pure."""

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.elbv2.errors import invalid
from samovar.services.elbv2.records import Settings

MOST = 50


def given(params: Params) -> Settings:
    """Those of a request that makes something."""
    return merged({}, params.get("Tags") or [])


def merged(before: Settings, tags: list[Params]) -> Settings:
    keys = [each["Key"] for each in tags]
    if len(set(keys)) < len(keys):
        raise AwsError("DuplicateTagKeysException", "A tag key was specified more than once")
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("Tag keys can't begin with 'aws:'")
    after = before | {each["Key"]: each.get("Value") or "" for each in tags}
    if len(after) > MOST:
        raise AwsError("TooManyTagsException", "You have reached the maximum number of tags per resource")
    return after


def shown(tags: Settings) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
