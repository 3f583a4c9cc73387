"""Tags of queues. Pure."""

from collections.abc import Mapping

from samovar.services.sqs.errors import invalid

MOST = 50


def checked(current: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """`current` with more tags; AwsError for those that can't be."""
    for key, value in added.items():
        if not 1 <= len(key) <= 128 or key.lower().startswith("aws:"):
            raise invalid(
                f"Tag keys must be from 1 to 128 characters long, and may not begin with aws:, but was: {key}"
            )
        if len(value or "") > 256:
            raise invalid("Tag values may have at most 256 characters.")
    both = {**current, **{key: value or "" for key, value in added.items()}}
    if len(both) > MOST:
        raise invalid(f"Too many tags added for queue. Maximum number of tags is {MOST}.")
    return both
