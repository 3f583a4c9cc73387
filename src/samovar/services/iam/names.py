"""Names, unique ids, paths and tags in IAM (facts/iam.md §1)."""

import base64
import re
import secrets
from collections.abc import Iterable, Mapping

from samovar.core.context import Params
from samovar.core.errors import AwsError

TAGS_LIMIT = 50
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def unique_id(prefix: str) -> str:
    """`AROA...`: four letters that say what it is, and 17 that say which."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(17))


def access_key_id(prefix: str, account: str) -> str:
    """20 characters in which the account stands, as in AWS's: GetAccessKeyInfo reads it from there."""
    number = int(account) << 7 | secrets.randbits(7)
    return prefix + base64.b32encode(number.to_bytes(6, "big") + secrets.token_bytes(4)).decode()


def account_of(access_key_id: str) -> str | None:
    """The account that an access key id carries; None when it isn't of that form."""
    if not re.fullmatch(r"A[A-Z]{3}[A-Z2-7]{16}", access_key_id):
        return None
    number = int.from_bytes(base64.b32decode(access_key_id[4:])[:6], "big") >> 7
    return f"{number:012d}" if number < 10**12 else None


def secret() -> str:
    return base64.b64encode(secrets.token_bytes(30)).decode()


def tags(given: Iterable[Mapping[str, str]] | None, present: Mapping[str, str] | None = None) -> dict[str, str]:
    """`present` with those of a request; keys that differ in case only are the same (the new spelling stays)."""
    listed = list(given or ())
    if len({tag["Key"].lower() for tag in listed}) < len(listed):
        raise AwsError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    new = {tag["Key"]: tag["Value"] for tag in listed}
    folded = {key.lower() for key in new}
    merged = {key: value for key, value in (present or {}).items() if key.lower() not in folded} | new
    if len(merged) > TAGS_LIMIT:
        raise AwsError("LimitExceeded", f"The number of tags has reached the maximum limit of {TAGS_LIMIT}.")
    return merged


def without(present: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    gone = {key.lower() for key in keys}
    return {key: value for key, value in present.items() if key.lower() not in gone}


def shown_tags(tags: Mapping[str, str]) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
