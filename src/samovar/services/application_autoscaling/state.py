"""What Application Auto Scaling keeps: targets, their policies, scheduled actions and activities.

Rule: everything hangs on a target, named by its key, and goes with it in one transaction.
"""

from typing import Protocol

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.store.sqlite import Statement, Store
from samovar.store.table import Table

NAMESPACE = "lambda"
DIMENSION = "lambda:function:ProvisionedConcurrency"
SERVICE = "lambda.application-autoscaling.amazonaws.com"
"""As IAM knows it: its service-linked role is whom it acts as."""
ACTIVITIES_S = 42 * 86_400
"""How long AWS shows an activity."""
MOST_ACTIVITIES = 200
"""Of a target; the oldest go."""

TargetKey = tuple[str, str, str]
"""Account, region, ResourceId (`function:name:qualifier`)."""
PartKey = tuple[str, str, str, str]
"""The same, and the name of a policy, an action or an activity."""


class Suspended(msgspec.Struct, frozen=True):
    scale_in: bool = False
    scale_out: bool = False
    scheduled: bool = False


class Target(msgspec.Struct, frozen=True, kw_only=True):
    arn: str
    resource: str
    least: int
    most: int
    created_at: float
    suspended: Suspended = Suspended()
    tags: dict[str, str] = {}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Target tracking of ProvisionedConcurrencyUtilization."""

    arn: str
    name: str
    target: float
    """The use to keep."""
    maximum: bool
    """Of the metric's values in a minute the largest counts, not their average."""
    shown: Params
    """The configuration as it was given."""
    out_cooldown_s: int
    in_cooldown_s: int
    scales_in: bool
    alarms: tuple[str, str]
    """Names: high, low."""
    created_at: float


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduled action."""

    arn: str
    name: str
    schedule: str
    zone: str
    """Empty: none was given, which is UTC."""
    starts_at: float | None
    ends_at: float | None
    least: int | None
    most: int | None
    created_at: float
    armed_at: float
    """When it was put last: its moments are those after this."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    description: str
    cause: str
    started_at: float
    ended_at: float | None
    status: str
    message: str
    wanted: int
    not_scaled: str = ""
    """Why nothing was done, as a code of AWS's."""


class Scaling(Protocol):
    """What scales (`scaler.Scaler`)."""

    async def fit(self, key: TargetKey, cause: str) -> None:
        """Bring the capacity between the target's bounds."""
        ...


class Scheduling(Protocol):
    """When actions are due (`jobs.Schedules`)."""

    def arm(self, key: PartKey, action: Action) -> None: ...

    def forgetting(self, key: PartKey) -> Statement:
        """For the transaction that removes or changes it."""
        ...


class State:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.scaler: Scaling
        self.schedules: Scheduling
        self.targets: Table[Target]
        self.policies: Table[Policy]
        self.actions: Table[Action]
        self.activities: Table[Activity]
        self.store: Store

    @classmethod
    async def open(cls, store: Store, clock: Clock) -> "State":
        state = cls(clock)
        state.store = store
        state.targets = await Table.open(store, "autoscaling.targets", Target)
        state.policies = await Table.open(store, "autoscaling.policies", Policy)
        state.actions = await Table.open(store, "autoscaling.actions", Action)
        state.activities = await Table.open(store, "autoscaling.activities", Activity)
        return state

    async def clear(self) -> None:
        for key, _ in self.targets.items():
            await self.forget((key[0], key[1], key[2]))

    def target(self, ctx: Context, params: Params) -> tuple[TargetKey, Target]:
        """The target that a request names; raises ObjectNotFoundException."""
        key = (ctx.account, ctx.region, params["ResourceId"])
        found = self.targets.get(key) if is_lambda(params) else None
        if found is None:
            raise AwsError("ObjectNotFoundException", f"No scalable target registered for {_named(params)}")
        return key, found

    async def forget(self, key: TargetKey) -> None:
        """A target with everything that hangs on it."""
        parts = [
            table.deleting(part)
            for table in (self.policies, self.actions, self.activities)
            for part, _ in table.items(key)
        ]
        ticks = [self.schedules.forgetting((*key, part[3])) for part, _ in self.actions.items(key)]
        await self.store.transact(self.targets.deleting(key), *parts, *ticks)


def role_arn(account: str) -> str:
    name = "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"
    return f"arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/{name}"


def is_lambda(params: Params) -> bool:
    asked = (params["ServiceNamespace"], params.get("ScalableDimension", DIMENSION))
    return asked == (NAMESPACE, DIMENSION)


def no_such(what: str, params: Params, name: str) -> AwsError:
    """`what`: `scaling policy`, whose name is a `policy name`, or `scheduled action`."""
    kind = what.removeprefix("scaling ")
    return AwsError("ObjectNotFoundException", f"No {what} found for {_named(params)}, {kind} name: {name}")


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def shown(target_resource: str) -> Params:
    """The members that everything shows of its target."""
    return {"ServiceNamespace": NAMESPACE, "ResourceId": target_resource, "ScalableDimension": DIMENSION}


def _named(params: Params) -> str:
    return (
        f"service namespace: {params['ServiceNamespace']}, resource ID: {params['ResourceId']}, "
        f"scalable dimension: {params['ScalableDimension']}"
    )
