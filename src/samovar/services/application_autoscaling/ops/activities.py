"""Scaling activities of the last six weeks, the newest first."""

from samovar.core.context import Context, Params
from samovar.services.application_autoscaling import pages
from samovar.services.application_autoscaling.state import ACTIVITIES_S, Activity, State, is_lambda, shown


async def describe_scaling_activities(state: State, ctx: Context, params: Params) -> Params:
    resource, all_of_them = params.get("ResourceId"), params.get("IncludeNotScaledActivities", False)
    since = state.clock.now() - ACTIVITIES_S
    found = [
        (activity.started_at, key[3], key[2], activity)
        for key, activity in state.activities.items((ctx.account, ctx.region))
        if is_lambda(params) and resource in (None, key[2]) and activity.started_at >= since
        and (all_of_them or not activity.not_scaled)
    ]
    found.sort(reverse=True, key=lambda each: each[:2])
    # Pages go by keys that grow: here by how many come before.
    numbered = ((f"{number:08}", each) for number, each in enumerate(found))
    page, more = pages.cut(numbered, params)
    return {"ScalingActivities": [_describe(resource, activity) for *_, resource, activity in page], **more}


def _describe(resource: str, activity: Activity) -> Params:
    found: Params = {
        "ActivityId": activity.id,
        **shown(resource),
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started_at,
        "StatusCode": activity.status,
    }
    if activity.ended_at is not None:
        found["EndTime"] = activity.ended_at
    if activity.message:
        found["StatusMessage"] = activity.message
    if activity.not_scaled:
        reason = {"Code": activity.not_scaled, "MaxCapacity": activity.wanted, "CurrentCapacity": activity.wanted}
        found["NotScaledReasons"] = [reason]
    return found
