"""The runtime identifiers of the API and until when each may be used. Data, from facts/lambda-limits.md §3.

Owns: the table and its two refusals. Refuses: knowing which interpreters this machine has (the engine does).
"""

import hashlib
import time
from enum import IntEnum

import msgspec

from samovar.core.errors import AwsError
from samovar.services.lambda_.names import invalid

_NEVER = "9999-12-31"
_PAST = "1970-01-01"
_POSTPONED = ("2027-02-01", "2027-03-03")
"""The dates that AWS gave to most deprecated runtimes: create blocked, update blocked."""


class Change(IntEnum):
    """What a caller does with a runtime: the place of its date in the table."""

    CREATE = 0
    UPDATE = 1


class Runtimes(msgspec.Struct, frozen=True):
    """Identifier -> (first day on which creating is blocked, the same for updating)."""

    blocked_from: dict[str, tuple[str, str]]

    def current(self, now: float) -> list[str]:
        """What functions may be created with."""
        today = _day(now)
        return [name for name, (create, _) in self.blocked_from.items() if today < create]

    def unblocked(self) -> "Runtimes":
        """The same identifiers without any dates."""
        return Runtimes(dict.fromkeys(self.blocked_from, (_NEVER, _NEVER)))

    def check(self, runtime: str, change: Change, now: float) -> None:
        """Refuse an identifier that AWS doesn't know, or no longer takes, in AWS's words."""
        dates = self.blocked_from.get(runtime)
        today = _day(now)
        if dates is None:
            raise _unknown(runtime, ", ".join(self.current(now)))
        if today >= dates[change]:
            raise invalid(
                f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
                "functions. We recommend you use a supported runtime while creating or updating functions."
            )


TABLE = Runtimes(
    {
        "nodejs26.x": (_NEVER, _NEVER),
        "nodejs24.x": ("2028-06-01", "2028-07-01"),
        "nodejs22.x": ("2027-06-01", "2027-07-01"),
        "nodejs20.x": _POSTPONED,
        "nodejs18.x": _POSTPONED,
        "nodejs16.x": _POSTPONED,
        "python3.15": (_NEVER, _NEVER),
        "python3.14": ("2029-07-31", "2029-08-31"),
        "python3.13": ("2029-07-31", "2029-08-31"),
        "python3.12": ("2028-11-30", "2029-01-10"),
        "python3.11": ("2027-07-31", "2027-08-31"),
        "python3.10": _POSTPONED,
        "python3.9": _POSTPONED,
        "python3.8": _POSTPONED,
        "java25": (_NEVER, _NEVER),
        "java21": (_NEVER, _NEVER),
        "java17.al2023": (_NEVER, _NEVER),
        "java11.al2023": (_NEVER, _NEVER),
        "java8.al2023": (_NEVER, _NEVER),
        "java17": ("2027-07-31", "2027-08-31"),
        "java11": ("2027-07-31", "2027-08-31"),
        "java8.al2": ("2027-07-31", "2027-08-31"),
        "dotnet10": ("2028-12-14", "2029-01-15"),
        "dotnet8": _POSTPONED,
        "dotnet6": _POSTPONED,
        "ruby4.0": ("2029-04-30", "2029-05-31"),
        "ruby3.4": ("2028-04-30", "2028-05-31"),
        "ruby3.3": ("2027-04-30", "2027-05-31"),
        "ruby3.2": _POSTPONED,
        "provided.al2023": (_NEVER, _NEVER),
        "provided.al2": _POSTPONED,
        "custom": (_NEVER, _NEVER),
        "java8": ("2024-02-08", "2027-03-03"),
        "go1.x": ("2024-02-08", "2027-03-03"),
        "provided": ("2024-02-08", "2027-03-03"),
        "ruby2.7": ("2024-01-09", "2027-03-03"),
        "nodejs14.x": ("2024-01-09", "2027-03-03"),
        "python3.7": ("2024-01-09", "2027-03-03"),
        "dotnetcore3.1": (_PAST, _PAST),
        "dotnetcore2.1": (_PAST, _PAST),
        "dotnetcore2.0": (_PAST, _PAST),
        "dotnetcore1.0": (_PAST, _PAST),
        "nodejs12.x": (_PAST, _PAST),
        "nodejs10.x": (_PAST, _PAST),
        "nodejs8.10": (_PAST, _PAST),
        "nodejs6.10": (_PAST, _PAST),
        "nodejs4.3": (_PAST, _PAST),
        "nodejs4.3-edge": (_PAST, _PAST),
        "nodejs": (_PAST, _PAST),
        "python3.6": (_PAST, _PAST),
        "python2.7": (_PAST, _PAST),
        "ruby2.5": (_PAST, _PAST),
    }
)


def _day(now: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(now))


def version_arn(region: str, runtime: str) -> str:
    """A stable RuntimeVersionArn: AWS's own digests say nothing that a caller could check."""
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"


def _unknown(runtime: str, current: str) -> AwsError:
    return invalid(
        f"Value {runtime} at 'runtime' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{current}] or be a valid ARN"
    )
