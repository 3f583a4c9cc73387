"""What Scheduler's operations need to be allowed (service authorization reference, Amazon EventBridge Scheduler)."""

from collections.abc import Sequence

from samovar.core import arn
from samovar.core.access import Access, Given, Need, on, pass_role, request_tags
from samovar.core.context import Context, Params
from samovar.services.scheduler.firing import Scheduler
from samovar.services.scheduler.state import DEFAULT_GROUP

_ON_SCHEDULE = "CreateSchedule UpdateSchedule GetSchedule DeleteSchedule"
_ON_GROUP = "CreateScheduleGroup GetScheduleGroup DeleteScheduleGroup"


def access(state: Scheduler) -> Access:
    def tags(text: str) -> dict[str, str] | None:
        found = arn.parse(text)
        kind, _, name = found.resource.partition("/") if found else ("", "", "")
        group = state.groups.get((found.account, found.region, name)) if found and kind == "schedule-group" else None
        return group.tags if group else None

    return Access(
        "scheduler",
        on(
            (_schedule, _ON_SCHEDULE),
            (_group, _ON_GROUP),
            (lambda ctx, params: str(params["ResourceArn"]), "TagResource UntagResource ListTagsForResource"),
        ),
        also={"CreateSchedule": _role, "UpdateSchedule": _role},
        facts=_facts,
        tags=tags,
    )


def _schedule(ctx: Context, params: Params) -> str:
    group = params.get("GroupName") or DEFAULT_GROUP
    return arn.make("scheduler", ctx.region, ctx.account, f"schedule/{group}/{params['Name']}")


def _group(ctx: Context, params: Params) -> str:
    return arn.make("scheduler", ctx.region, ctx.account, f"schedule-group/{params['Name']}")


def _role(ctx: Context, params: Params) -> Sequence[Need]:
    return [pass_role(params["Target"]["RoleArn"], "scheduler.amazonaws.com")]


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    return request_tags({tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()})
