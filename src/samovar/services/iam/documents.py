"""Policy documents in requests: checked, measured, and written into answers (facts/iam.md §0.10, §1, §2)."""

import re
from collections.abc import Callable
from urllib.parse import quote

from samovar.core.errors import AwsError
from samovar.policy import grammar
from samovar.policy.grammar import Document, Kind

MANAGED_LIMIT = 6144
TRUST_LIMIT = 2048
INLINE_LIMITS = {"user": 2048, "role": 10240, "group": 5120}
"""Characters without white space, all inline policies of one holder together."""


def checked(text: str, kind: Kind = Kind.IDENTITY) -> Document:
    """The policy in a request; AwsError MalformedPolicyDocument where it isn't one."""
    try:
        return grammar.parse(text, kind)
    except grammar.Malformed as wrong:
        raise AwsError("MalformedPolicyDocument", str(wrong)) from None


def length(text: str) -> int:
    return len(re.sub(r"\s", "", text))


def check_length(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for {what}: {limit}")


def encoded(text: str) -> str:
    return quote(text, safe="")


def bindings(document: Document, account: str, id_of: Callable[[str], str | None]) -> dict[str, str]:
    """The unique ids of the users and roles that a trust policy names; one of the own account must exist."""
    found = {}
    for statement in document.statements:
        for arn in sorted(statement.principals.aws if statement.principals else ()):
            if not re.fullmatch(r"arn:aws:iam::\d{12}:(?:user|role)/.+", arn):
                continue
            id = id_of(arn)
            if id is not None:
                found[arn] = id
            elif arn.split(":")[4] == account:
                raise AwsError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"')
    return found
