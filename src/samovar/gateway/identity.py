"""Who calls: account, region and principal from the credential scope. Signatures aren't verified yet.

Rules: an access key of 12 digits is that account (so tests have as many as they like), any other key belongs to
000000000000; the region comes from the scope, or from the settings where a request has none.
"""

import re

from samovar.core.errors import AwsError
from samovar.wire.sigv4 import Scope

DEFAULT_ACCOUNT = "000000000000"

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")


def account_of(scope: Scope | None) -> str:
    if scope is not None and _ACCOUNT.fullmatch(scope.access_key):
        return scope.access_key
    return DEFAULT_ACCOUNT


def region_of(scope: Scope | None, default: str) -> str:
    """The region to act in; AwsError for one that can't be a region, since it becomes part of names and ARNs."""
    if scope is None or not scope.region:
        return default
    if not _REGION.fullmatch(scope.region):
        raise AwsError("InvalidSignatureException", "Credential should be scoped to a valid region.")
    return scope.region


def principal_of(account: str) -> str:
    return f"arn:aws:iam::{account}:root"
