"""GetMetricData (facts/cloudwatch.md §6)."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Final

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.services.cloudwatch import measures, periods
from samovar.services.cloudwatch.measures import Measure
from samovar.services.cloudwatch.state import CloudWatch, dimensions

_MOST_QUERIES: Final = 500
_MOST: Final = 100_800
"""Datapoints of a page."""
_ID: Final = expression("[a-z][a-zA-Z0-9_]{0,254}")

Series = list[tuple[int, float]]


async def get_metric_data(state: CloudWatch, ctx: Context, params: Params) -> Params:
    """Lacks: Expression (metric math, SEARCH, Insights queries), AccountId of another account."""
    queries: Sequence[Params] = params["MetricDataQueries"]
    if params["StartTime"] >= params["EndTime"]:
        raise _wrong("The parameter EndTime must be greater than StartTime.")
    measured = _checked(ctx, queries)
    skipped = _skipped(params.get("NextToken"))
    most = params.get("MaxDatapoints") or _MOST
    if not 0 < most <= _MOST:
        raise _wrong(f"The value {most} for parameter MaxDatapoints must be between 1 and {_MOST}.")
    await state.flush()
    results: list[tuple[Params, Series]] = []
    for query, measure in zip(queries, measured, strict=True):
        series = await _series(state, ctx, query["MetricStat"], measure, params["StartTime"], params["EndTime"])
        if params.get("ScanBy") != "TimestampAscending":
            series.reverse()
        if query.get("ReturnData", True):
            results.append((query, series))
    answer: Params = {"MetricDataResults": list(_page(results, skipped, most)), "Messages": []}
    if sum(len(series) for _, series in results) > skipped + most:
        answer["NextToken"] = base64.urlsafe_b64encode(str(skipped + most).encode()).decode()
    return answer


def _checked(ctx: Context, queries: Sequence[Params]) -> list[Measure]:
    if not 0 < len(queries) <= _MOST_QUERIES:
        text = f"The collection MetricDataQueries must have a size between 1 and {_MOST_QUERIES}."
        raise _wrong(text)
    ids = [query["Id"] for query in queries]
    if len(set(ids)) < len(ids):
        raise _wrong("The values for parameter id in MetricDataQueries are not unique.")
    found: list[Measure] = []
    for number, query in enumerate(queries, 1):
        path = f"MetricDataQueries.member.{number}"
        if not _ID.fullmatch(query["Id"]):
            text = f"The value {query['Id']} for parameter {path}.Id is not matching the expected pattern."
            raise _wrong(text)
        stat = query.get("MetricStat")
        if (stat is None) == (query.get("Expression") is None):
            raise _wrong(f"Exactly one of {path}.MetricStat and {path}.Expression must be specified.")
        if stat is None:
            raise AwsError("NotImplementedException", "Expressions of metrics are not on this server yet.")
        if query.get("AccountId") not in (None, ctx.account):
            raise AwsError("NotImplementedException", "Metrics of other accounts are not on this server yet.")
        periods.check(stat["Period"])
        measure = measures.parse(stat["Stat"])
        if measure is None:
            raise _wrong(f"The value {stat['Stat']} for parameter {path}.MetricStat.Stat is not supported.")
        found.append(measure)
    return found


async def _series(
    state: CloudWatch, ctx: Context, stat: Params, measure: Measure, start: float, end: float
) -> Series:
    metric, period = stat["Metric"], stat["Period"]
    named = dimensions(metric.get("Dimensions"), "Dimensions")
    begin = periods.first(start, period, state.clock.now())
    name = (metric.get("Namespace") or "", metric.get("MetricName") or "")
    units = await state.read(ctx, *name, named, stat.get("Unit"), begin, int(-(-end // 1)))
    points = max(units.values(), key=len, default=[])  # of several units it is one: which, AWS doesn't say
    values = ((at, measure(distribution)) for at, distribution in periods.gather(points, period))
    return [(at, value) for at, value in values if value is not None]


def _page(results: Sequence[tuple[Params, Series]], skipped: int, most: int) -> Iterator[Params]:
    """Each result with those of its datapoints that are on this page; later pages have only what goes on."""
    first_page, begun = skipped == 0, 0
    for query, series in results:
        low, high = max(skipped - begun, 0), max(skipped + most - begun, 0)
        shown = series[low:high]
        begun += len(series)
        if not first_page and not shown:
            continue
        yield {
            "Id": query["Id"],
            "Label": query.get("Label") or query["MetricStat"]["Metric"].get("MetricName", ""),
            "Timestamps": [float(at) for at, _ in shown],
            "Values": [value for _, value in shown],
            "StatusCode": "PartialData" if len(series) > high else "Complete",
        }


def _skipped(token: str | None) -> int:
    if not token:
        return 0
    try:
        skipped = int(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        skipped = -1
    if not 0 <= skipped < 2**40:
        raise AwsError("InvalidNextToken", "The next token specified is invalid.")
    return skipped


def _wrong(text: str) -> AwsError:
    return AwsError("ValidationError", text)
