"""What SNS says when a caller is wrong, where more than one place says it (facts/sns.md §2)."""

from samovar.core import arn
from samovar.core.arn import Arn
from samovar.core.errors import AwsError


def invalid(what: str, reason: str = "") -> AwsError:
    told = f" Reason: {reason}" if reason else ""
    return AwsError("InvalidParameterException", f"Invalid parameter: {what}{told}")


def no_such_topic() -> AwsError:
    return AwsError("NotFoundException", "Topic does not exist")


def no_such_subscription() -> AwsError:
    return AwsError("NotFoundException", "Subscription does not exist")


def parse_arn(text: str, parameter: str, region: str) -> Arn:
    """An ARN of this service and region; AwsError for anything else."""
    parts = text.split(":")
    if len(parts) < 6:
        raise invalid(parameter, f"An ARN must have at least 6 elements, not {len(parts)}")
    parsed = arn.parse(text)
    if parsed is None or parsed.service != "sns" or parsed.region != region:
        raise invalid(parameter)
    return parsed
