"""Schedules and groups as they are kept, and what AWS refuses of them (facts/eventbridge.md §F). Pure."""

import json
import math
from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.core.schedule import At, Rate, ScheduleError, parse
from samovar.core.schedule import Schedule as When

DEFAULT_GROUP = "default"
UNIVERSAL = "aws-sdk:"
INPUT_LIMIT = 262_144
_JSON_KINDS = frozenset({"lambda", "states", "events"})
_KINDS = frozenset({"lambda", "sqs", "sns", "events", "states", "kinesis", "firehose"})
_READS = ("get", "list", "describe", "search", "batchGet", "lookup", "head", "select", "scan", "query", "check")


class Group(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    created_at: float = 0.0
    modified_at: float = 0.0
    tags: dict[str, str] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return arn.make("scheduler", self.region, self.account, f"schedule-group/{self.name}")


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    group: str
    name: str
    expression: str
    zone: str
    target: dict[str, Any]
    """As it was given."""
    window_minutes: int
    """0 for none."""
    state: str
    after_completion: str
    description: str
    start_at: float | None
    end_at: float | None
    kms_key: str
    token: str
    created_at: float
    modified_at: float

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.account, self.region, self.group, self.name)

    @property
    def arn(self) -> str:
        return arn.make("scheduler", self.region, self.account, f"schedule/{self.group}/{self.name}")

    @property
    def when(self) -> When:
        return parse(self.expression, self.zone, plural=False)

    @property
    def since(self) -> float:
        """Its times are those after this moment: a rate begins at once, or at its start."""
        when = self.when
        begin = self.modified_at if self.start_at is None or isinstance(when, At) else self.start_at
        if isinstance(when, Rate):
            return begin - when.period_s
        return self.modified_at if self.start_at is None else max(self.modified_at, begin - 1)

    @property
    def until(self) -> float:
        return math.inf if self.end_at is None or isinstance(self.when, At) else self.end_at


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def no_schedule(name: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.")


def no_group(name: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.")


def wanted(account: str, region: str, params: Params, created_at: float, now: float) -> Schedule:
    """The schedule that a request describes; what it leaves out has its default again."""
    expression, zone = params["ScheduleExpression"], params.get("ScheduleExpressionTimezone") or "UTC"
    try:
        parse("rate(1 minute)", zone)
    except ScheduleError:
        raise invalid(f"Invalid Schedule Expression Timezone {zone}.") from None
    try:
        parse(expression, zone, plural=False)
    except ScheduleError:
        raise invalid(f"Invalid Schedule Expression {expression}.") from None
    start, end = params.get("StartDate"), params.get("EndDate")
    if start is not None and end is not None and end <= start:
        raise invalid("The StartDate you specify must come before the EndDate.")
    _check_target(params["Target"])
    return Schedule(
        account=account,
        region=region,
        group=params.get("GroupName") or DEFAULT_GROUP,
        name=params["Name"],
        expression=expression,
        zone=zone,
        target=params["Target"],
        window_minutes=_window(params["FlexibleTimeWindow"]),
        state=params.get("State", "ENABLED"),
        after_completion=params.get("ActionAfterCompletion", "NONE"),
        description=params.get("Description", ""),
        start_at=start,
        end_at=end,
        kms_key=params.get("KmsKeyArn", ""),
        token=params.get("ClientToken", ""),
        created_at=created_at,
        modified_at=now,
    )


def _window(given: Params) -> int:
    minutes: int = given.get("MaximumWindowInMinutes", 0)
    if given["Mode"] == "OFF" and minutes:
        raise invalid("MaximumWindowInMinutes must not be set when the flexible time window is OFF.")
    if given["Mode"] == "FLEXIBLE" and not minutes:
        raise invalid("MaximumWindowInMinutes must be set when the flexible time window is FLEXIBLE.")
    return minutes


def universal(target: str) -> tuple[str, str] | None:
    """(service, action) of a universal target: `arn:aws:scheduler:::aws-sdk:sqs:sendMessage`."""
    parsed = arn.parse(target)
    if parsed is None or parsed.service != "scheduler" or not parsed.resource.startswith(UNIVERSAL):
        return None
    service, _, action = parsed.resource.removeprefix(UNIVERSAL).partition(":")
    return service, action


def _check_target(target: Params) -> None:
    parsed, sdk = arn.parse(target["Arn"]), universal(target["Arn"])
    if parsed is None:
        raise invalid(f"Provided Arn {target['Arn']} is not in correct format.")
    given = target.get("Input", "")
    if len(given.encode()) > INPUT_LIMIT:
        raise invalid("The target's Input is longer than 256 KB.")
    if sdk is not None:
        service, action = sdk
        if not service or not action or action.startswith(_READS):
            raise invalid(f"{target['Arn']} is not a supported target: read-only operations are not.")
    elif parsed.service not in _KINDS:
        raise AwsError("ValidationException", f"Targets of the service {parsed.service} are not on this server.")
    if parsed.service == "events" and "EventBridgeParameters" not in target:
        raise invalid("EventBridgeParameters must be set for a target that is an event bus.")
    if parsed.service == "kinesis" and "KinesisParameters" not in target:
        raise invalid("KinesisParameters must be set for a target that is a stream.")
    if (given and parsed.service in _JSON_KINDS) or sdk is not None:
        try:
            said = json.loads(given or "{}")
        except (ValueError, RecursionError):
            said = None
        if said is None or (sdk is not None and not isinstance(said, dict)):
            raise invalid("The target's Input must be JSON.")
