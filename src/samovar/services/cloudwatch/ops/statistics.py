"""GetMetricStatistics (facts/cloudwatch.md §6)."""

from typing import Final

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.cloudwatch import measures, periods
from samovar.services.cloudwatch.state import CloudWatch, clash, dimensions, invalid

_MOST: Final = 1440


async def get_metric_statistics(state: CloudWatch, ctx: Context, params: Params) -> Params:
    start, end, period = params["StartTime"], params["EndTime"], params["Period"]
    basic, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
    if not basic and not extended:
        raise AwsError("MissingRequiredParameterException", "Must specify either Statistics or ExtendedStatistics.")
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    periods.check(period)
    begin = periods.first(start, period, state.clock.now())
    asked = int((end - start) // period)
    if asked > _MOST:
        raise clash(
            f"You have requested up to {asked} datapoints, which exceeds the limit of {_MOST}. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range."
        )
    wanted = {name: measures.parse(name) for name in [*basic, *extended]}
    for name, measure in wanted.items():
        if measure is None or (name in extended and name in measures.BASIC):
            raise invalid(f"The value {name} for parameter ExtendedStatistics is not supported.")
    await state.flush()
    named = dimensions(params.get("Dimensions"), "Dimensions")
    name = params["MetricName"]
    found = await state.read(ctx, params["Namespace"], name, named, params.get("Unit"), begin, int(-(-end // 1)))
    datapoints: list[Params] = []
    for unit, points in found.items():
        for at, distribution in periods.gather(points, period):
            values = {name: measure(distribution) for name, measure in wanted.items() if measure is not None}
            shown: Params = {"Timestamp": float(at), "Unit": unit}
            shown |= {name: values[name] for name in basic}
            own = {name: value for name in extended if (value := values[name]) is not None}
            datapoints.append(shown | ({"ExtendedStatistics": own} if own else {}))
    return {"Label": name, "Datapoints": datapoints}
