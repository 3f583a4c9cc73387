"""Who a Principal element means (facts/iam.md §4, §6).

Owns: Named (an element, read) and Who (somebody who calls), and how closely the one fits the other.
Rules: `"*"` and `{"AWS": "*"}` are the same and mean no service; an account's number, its root's ARN, and a role's ARN
each fit all that act under them, less closely than the ARN of the session or user itself.
"""

import re
from enum import IntEnum

import msgspec

from samovar.core.expressions import expression

_ACCOUNT = expression(r"\d{12}", re.ASCII)
_ARN = expression(
    r"arn:aws[a-z-]*:(?:iam|sts)::\d{12}:(?:root|(?:user|role|assumed-role|federated-user)/[^*?]+)", re.ASCII
)
_UNIQUE = expression(r"(?:AROA|AIDA)[A-Z0-9]{12,28}", re.ASCII)
_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")


class Fit(IntEnum):
    """How closely a caller was named; what that opens is `decision`'s matter."""

    NOT = 0
    ACCOUNT = 1
    ROLE = 2
    SELF = 3


class Named(msgspec.Struct, frozen=True):
    """The principals of one statement."""

    everybody: bool
    aws: frozenset[str]
    """ARNs, unique ids; accounts as their root's ARN."""
    services: frozenset[str]
    federated: frozenset[str]


class Who(msgspec.Struct, frozen=True):
    """Somebody who calls, as principals name them. The ARN of the session or user is `arn`."""

    arn: str
    account: str = ""
    """Empty for services and for callers without a name."""
    role: str = ""
    """ARN of the role, path and all, when a session calls."""
    id: str = ""
    """The unique id of the user or the role: what AWS puts in a policy for one that was deleted."""
    service: str = ""
    """`lambda.amazonaws.com`, when a service calls on its own behalf."""
    federated: str = ""
    """The provider, when a web identity asks for a role."""

    @property
    def root(self) -> str:
        return f"arn:aws:iam::{self.account}:root"


def read(given: object) -> Named | str:
    """The principals of an element, or what AWS says is wrong with it."""
    if given == "*":
        return Named(True, frozenset(), frozenset(), frozenset())
    if not isinstance(given, dict) or not given:
        return "Syntax errors in policy."
    lists: dict[str, list[str]] = {}
    for kind, value in given.items():
        values = value if isinstance(value, list) else [value]
        if kind not in _KINDS or not all(isinstance(each, str) for each in values):
            return f'Invalid principal in policy: "{kind}"' if kind not in _KINDS else "Syntax errors in policy."
        lists[kind] = values
    aws = set()
    for name in lists.get("AWS", []):
        if _ACCOUNT.fullmatch(name):
            aws.add(f"arn:aws:iam::{name}:root")
        elif name == "*" or _ARN.fullmatch(name) or _UNIQUE.fullmatch(name):
            aws.add(name)
        else:
            return f'Invalid principal in policy: "AWS":"{name}"'
    for name in lists.get("Service", []):
        if "." not in name:
            return f'Invalid principal in policy: "SERVICE":"{name}"'
    return Named(
        "*" in aws,
        frozenset(aws - {"*"}),
        frozenset(lists.get("Service", [])),
        frozenset(lists.get("Federated", [])),
    )


def fit(named: Named, who: Who) -> Fit:
    """How closely `named` means this caller."""
    if who.service:
        return Fit.SELF if who.service in named.services else Fit.NOT
    if who.federated:
        return Fit.SELF if who.federated in named.federated else Fit.NOT
    if named.everybody or who.arn in named.aws:
        return Fit.SELF
    if who.role:
        if who.role in named.aws or (who.id and who.id in named.aws):
            return Fit.ROLE
    elif who.id and who.id in named.aws:
        return Fit.SELF
    return Fit.ACCOUNT if who.account and who.root in named.aws else Fit.NOT


def spared(named: Named, who: Who) -> bool:
    """Whether NotPrincipal leaves this caller out altogether: everything that the caller is must be listed."""
    if who.service:
        return who.service in named.services
    if who.federated:
        return who.federated in named.federated
    if named.everybody:
        return True
    return {name for name in (who.arn, who.role, who.root if who.account else "") if name} <= named.aws
