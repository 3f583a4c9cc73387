"""PutMetricData and ListMetrics (facts/cloudwatch.md §6)."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.meter import MINUTE_S, Distribution, Metric, Point
from samovar.services.cloudwatch.state import CloudWatch, Listed, clash, dimensions, invalid

_MOST: Final = 1000
_MOST_VALUES: Final = 150
_LARGEST: Final = 2.0**360
_OLDEST_S: Final = 14 * 86_400
_NEWEST_S: Final = 2 * 3600
_PAGE: Final = 500
_ACTIVE_S: Final = 3 * 3600
_KEY: Final = msgspec.json.Decoder(tuple[str, str, str])


async def put_metric_data(state: CloudWatch, ctx: Context, params: Params) -> Params:
    namespace: str = params["Namespace"]
    if namespace.startswith("AWS/"):
        raise invalid(f"The value {namespace} for parameter Namespace is invalid.")
    given = list(_given(params))
    if not given:
        raise AwsError("MissingRequiredParameterException", "The parameter MetricData is required.")
    if len(given) > _MOST:
        raise invalid(f"The collection MetricData must not have a size greater than {_MOST}.")
    now = state.clock.now()
    points = [_point(ctx, namespace, path, datum, now) for path, datum in given]
    await state.write([point for point in points if point.distribution.count])
    return {}


def _given(params: Params) -> Iterator[tuple[str, Params]]:
    """(what errors call it, a datum)."""
    for number, datum in enumerate(params.get("MetricData") or (), 1):
        yield f"MetricData.member.{number}", datum
    for group, each in enumerate(params.get("EntityMetricData") or (), 1):
        for number, datum in enumerate(each.get("MetricData") or (), 1):
            yield f"EntityMetricData.member.{group}.MetricData.member.{number}", datum


def _point(ctx: Context, namespace: str, path: str, datum: Params, now: float) -> Point:
    resolution = datum.get("StorageResolution", MINUTE_S)
    if resolution not in (1, MINUTE_S):
        raise invalid(f"The parameter {path}.StorageResolution must be 1 or 60.")
    at = datum.get("Timestamp", now)
    if at < now - _OLDEST_S:
        raise invalid(f"The parameter {path}.Timestamp must specify a time no more than two weeks in the past.")
    if at > now + _NEWEST_S:
        raise invalid(f"The parameter {path}.Timestamp must specify a time no more than two hours in the future.")
    named = dimensions(datum.get("Dimensions"), f"{path}.Dimensions")
    metric = Metric(ctx.account, ctx.region, namespace, datum["MetricName"], named, datum.get("Unit") or "None")
    return Point(metric, int(at // resolution * resolution), resolution, _distribution(path, datum))


def _distribution(path: str, datum: Params) -> Distribution:
    value, sums, values = datum.get("Value"), datum.get("StatisticValues"), datum.get("Values")
    named = [name for name in ("Value", "StatisticValues", "Values") if datum.get(name) is not None]
    if len(named) > 1:
        one, other = (f"{path}.{name}" for name in named[:2])
        text = f"The parameters {one} and {other} are mutually exclusive and you have specified both."
        raise clash(text)
    made = Distribution(values={})
    if value is not None:
        made.add(_number(value, f"{path}.Value"))
    elif sums is not None:
        low, high, total, count = (
            _number(sums[name], f"{path}.StatisticValues.{name}")
            for name in ("Minimum", "Maximum", "Sum", "SampleCount")
        )
        if count <= 0 or low > high:
            raise invalid(f"The parameter {path}.StatisticValues is not a statistic set.")
        if low == high:
            made.add(low, count)
            made.total = total
        else:
            made = Distribution(count, total, low, high, None)
    elif values is not None:
        _add_all(made, path, values, datum.get("Counts"))
    else:
        text = f"At least one of the parameters {path}.Value, {path}.Values or {path}.StatisticValues is required."
        raise AwsError("MissingRequiredParameterException", text)
    return made


def _add_all(made: Distribution, path: str, values: Sequence[float], counts: Sequence[float] | None) -> None:
    if counts is not None and len(counts) != len(values):
        raise invalid(f"The parameters {path}.Values and {path}.Counts must be of the same size.")
    if not 0 < len(values) <= _MOST_VALUES:
        raise invalid(f"The collection {path}.Values must have a size between 1 and {_MOST_VALUES}.")
    for number, value in enumerate(values):
        times = _number(counts[number], f"{path}.Counts.member.{number + 1}") if counts is not None else 1.0
        if times < 0:
            raise invalid(f"The value {times:g} for parameter {path}.Counts.member.{number + 1} is invalid.")
        if times:
            made.add(_number(value, f"{path}.Values.member.{number + 1}"), times)


def _number(value: float, path: str) -> float:
    if not isfinite(value) or abs(value) > _LARGEST:
        raise invalid(f"The value {value} for parameter {path} is invalid.")
    return float(value)


async def list_metrics(state: CloudWatch, ctx: Context, params: Params) -> Params:
    await state.flush()
    recent = params.get("RecentlyActive")
    since = int(state.clock.now() - (_ACTIVE_S if recent else _OLDEST_S))
    after = _after(params.get("NextToken"))
    page: list[Listed] = []
    while True:
        found = await state.list(ctx, params.get("Namespace"), params.get("MetricName"), since, after, 2 * _PAGE)
        page += [each for each in found if _matches(each, params.get("Dimensions") or ())]
        if len(page) > _PAGE or len(found) < 2 * _PAGE:
            break
        after = found[-1].key
    answer: Params = {
        "Metrics": [
            {
                "Namespace": each.namespace,
                "MetricName": each.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in each.dimensions],
            }
            for each in page[:_PAGE]
        ]
    }
    if len(page) > _PAGE:
        answer["NextToken"] = base64.urlsafe_b64encode(msgspec.json.encode(page[_PAGE - 1].key)).decode()
    return answer


def _after(token: str | None) -> tuple[str, str, str]:
    if not token:
        return ("", "", "")
    try:
        return _KEY.decode(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        raise invalid("Invalid nextToken") from None


def _matches(metric: Listed, filters: Sequence[Params]) -> bool:
    own = dict(metric.dimensions)
    return all(each["Name"] in own and each.get("Value") in (None, "", own[each["Name"]]) for each in filters)
