"""Metrics that are put, listed and summed up (facts/cloudwatch.md §0, §5, §6)."""

import gzip
import http.client
import random
import urllib.parse

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from botocore.awsrequest import HeadersDict
from botocore.exceptions import ClientError

PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")


def refusal(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_what_is_put_is_summed_up_by_period(desk):
    hour = desk.hour()
    desk.put(*({"Value": float(value), "Timestamp": hour + 60 * value, "Unit": "Count"} for value in range(1, 5)))
    desk.put({"Value": 100.0, "Timestamp": hour + 3600, "Unit": "Count"})
    first, second = desk.statistics("SampleCount", "Sum", "Average", "Minimum", "Maximum", start=hour)
    moment = first.pop("Timestamp")
    assert (moment.timestamp(), second["Sum"]) == (hour, 100.0)
    assert first == {
        "SampleCount": 4.0, "Sum": 10.0, "Average": 2.5, "Minimum": 1.0, "Maximum": 4.0, "Unit": "Count",
    }  # fmt: skip
    minutes = desk.statistics("Sum", period=60, start=hour)
    assert [point["Timestamp"].timestamp() - hour for point in minutes] == [60, 120, 180, 240, 3600]


def test_values_with_counts_and_statistic_sets(desk):
    hour = desk.hour()
    desk.put({"Values": [1.0, 2.0, 3.0], "Counts": [97.0, 2.0, 1.0], "Timestamp": hour})
    [point] = desk.statistics("SampleCount", "Sum", "p50", "p98", "p99.5", "tm97", "tc97", "PR(1:2)", start=hour)
    assert (point["SampleCount"], point["Sum"]) == (100.0, 104.0)
    assert point["ExtendedStatistics"] == {
        "p50": 1.0, "p98": 2.0, "p99.5": 3.0, "tm97": 1.0, "tc97": 97.0, "PR(1:2)": 2.0,
    }  # fmt: skip
    sums = {"SampleCount": 10.0, "Sum": 20.0, "Minimum": 0.5, "Maximum": 9.0}
    desk.put({"StatisticValues": sums, "Timestamp": hour})
    [point] = desk.statistics("SampleCount", "Sum", "Minimum", "Maximum", "p50", start=hour)
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (110.0, 124.0, 0.5, 9.0)
    assert "ExtendedStatistics" not in point  # nobody knows the values any more


def test_a_metric_is_its_exact_set_of_dimensions_in_any_order_and_its_unit(desk):
    hour = desk.hour()
    a, b = {"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}
    desk.put({"Dimensions": [a, b], "Value": 1.0, "Timestamp": hour})
    desk.put({"Dimensions": [b, a], "Value": 2.0, "Timestamp": hour})
    desk.put({"Dimensions": [a], "Value": 4.0, "Timestamp": hour}, {"Value": 8.0, "Timestamp": hour, "Unit": "Bytes"})
    assert [each["Sum"] for each in desk.statistics("Sum", Dimensions=[b, a], start=hour)] == [3.0]
    assert [each["Sum"] for each in desk.statistics("Sum", Dimensions=[a], start=hour)] == [4.0]
    desk.put({"Value": 16.0, "Timestamp": hour})
    assert [(e["Unit"], e["Sum"]) for e in desk.statistics("Sum", start=hour)] == [("Bytes", 8.0), ("None", 16.0)]
    assert [each["Sum"] for each in desk.statistics("Sum", Unit="Bytes", start=hour)] == [8.0]


def test_data_of_seconds_are_told_apart_in_short_periods(desk):
    now = int(desk.now()) // 60 * 60
    desk.put(*({"Value": 1.0, "Timestamp": now + n, "StorageResolution": 1} for n in (0, 1, 31)))
    start = now - 3600
    assert len(desk.statistics("Sum", period=1, start=now, EndTime=now + 60)) == 3
    assert [e["Sum"] for e in desk.statistics("Sum", period=30, start=start, EndTime=now + 60)] == [2.0, 1.0]
    assert [e["Sum"] for e in desk.statistics("Sum", period=60, start=start, EndTime=now + 60)] == [3.0]


def test_many_queries_in_one_request_in_pages(desk):
    hour = desk.hour()
    desk.put(*({"Value": float(n), "Timestamp": hour + 60 * n} for n in range(10)))
    metric = {"Namespace": "app", "MetricName": "m"}
    queries = [
        {"Id": "sums", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "hidden", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "p", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "p90"}, "Label": "mine"},
        {"Id": "none", "MetricStat": {"Metric": metric | {"MetricName": "other"}, "Period": 60, "Stat": "Sum"}},
    ]
    asked = {"MetricDataQueries": queries, "StartTime": hour, "EndTime": hour + 3600}
    sums, p, none = desk.cloudwatch.get_metric_data(**asked)["MetricDataResults"]
    assert (sums["Id"], sums["Label"], sums["StatusCode"]) == ("sums", "m", "Complete")
    assert sums["Values"] == [float(n) for n in range(9, -1, -1)]
    assert sums["Timestamps"][-1].timestamp() == hour
    assert (p["Label"], p["Values"]) == ("mine", [8.0])
    assert (none["Values"], none["StatusCode"]) == ([], "Complete")
    asked |= {"MaxDatapoints": 4, "ScanBy": "TimestampAscending"}
    pages = desk.cloudwatch.get_paginator("get_metric_data").paginate(**asked)
    found = [(each["Id"], value) for page in pages for each in page["MetricDataResults"] for value in each["Values"]]
    assert found == [("sums", float(n)) for n in range(10)] + [("p", 8.0)]


def test_metrics_are_listed_in_pages_and_by_what_they_are(desk):
    for start in range(0, 1200, 400):
        named = [[{"Name": "n", "Value": f"{n:05}"}] for n in range(start, start + 400)]
        desk.put(*({"Dimensions": dimensions, "Value": 1.0} for dimensions in named))
    desk.put({"Value": 1.0}, namespace="other")
    pages = [page["Metrics"] for page in desk.cloudwatch.get_paginator("list_metrics").paginate(Namespace="app")]
    assert [len(page) for page in pages] == [500, 500, 200]
    found = [each["Dimensions"][0]["Value"] for page in pages for each in page]
    assert found == [f"{n:05}" for n in range(1200)]
    one = desk.cloudwatch.list_metrics(Dimensions=[{"Name": "n", "Value": "01100"}], RecentlyActive="PT3H")["Metrics"]
    assert one == [{"Namespace": "app", "MetricName": "m", "Dimensions": [{"Name": "n", "Value": "01100"}]}]
    assert len(desk.cloudwatch.list_metrics()["Metrics"]) == 500
    assert desk.cloudwatch.list_metrics(Namespace="other", MetricName="x")["Metrics"] == []


def test_what_cloudwatch_refuses(desk):
    put, now = desk.cloudwatch.put_metric_data, desk.now()

    def refused(namespace="app", **datum):
        return refusal(put, Namespace=namespace, MetricData=[{"MetricName": "m", **datum}])

    datum = "MetricData.member.1"
    assert refused(Value=1.0, Values=[1.0]) == (
        "InvalidParameterCombination",
        f"The parameters {datum}.Value and {datum}.Values are mutually exclusive and you have specified both.",
    )
    assert refused(Values=[1.0], Counts=[1.0, 2.0]) == (
        "InvalidParameterValue",
        f"The parameters {datum}.Values and {datum}.Counts must be of the same size.",
    )
    assert refused()[0] == "MissingParameter"
    assert refused("AWS/Lambda", Value=1.0)[0] == "InvalidParameterValue"
    assert refused(Value=float("nan"))[0] == "InvalidParameterValue"
    assert refused(Value=2.0**361)[0] == "InvalidParameterValue"
    assert refused(Value=1.0, Timestamp=now - 15 * 86_400)[0] == "InvalidParameterValue"
    assert refused(Value=1.0, Timestamp=now + 3 * 3600)[0] == "InvalidParameterValue"
    assert refused(Value=1.0, Unit="Parsec")[0] == "ValidationError"
    get = desk.cloudwatch.get_metric_statistics
    asked = {"Namespace": "app", "MetricName": "m", "StartTime": now - 86_400, "EndTime": now, "Statistics": ["Sum"]}
    assert refusal(get, **asked, Period=1) == (
        "InvalidParameterCombination",
        "You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints "
        "requested by increasing Period, or decreasing the time range.",
    )
    assert refusal(get, **asked | {"EndTime": now - 86_400}, Period=60) == (
        "InvalidParameterValue",
        "The parameter StartTime must be less than the parameter EndTime.",
    )
    assert refusal(get, **asked, Period=61)[0] == "InvalidParameterValue"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_spoken_and_requests_may_be_compressed(desk, account, protocol):
    model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("cloudwatch", "service-2"))
    name = f"by-{random.random()}"

    def send(operation, params, zipped=False):
        shape = model.operation_model(operation)
        request = botocore.serialize.create_serializer(protocol).serialize_to_request(params, shape)
        body, headers = request["body"], dict(request["headers"])
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
        body = body.encode() if isinstance(body, str) else body
        if zipped:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        scope = f"{account}/20260101/us-east-1/monitoring/aws4_request"
        headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        connection = http.client.HTTPConnection(desk.endpoint.removeprefix("http://"), timeout=30)
        connection.request("POST", request["url_path"], body, headers)
        answer = connection.getresponse()
        told = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.read()}
        connection.close()
        return botocore.parsers.create_parser(protocol).parse(told, shape.output_shape)

    for zipped in (False, True):
        data = [{"MetricName": name, "Value": 2.5, "Timestamp": desk.now()}]
        assert "Error" not in send("PutMetricData", {"Namespace": "app", "MetricData": data}, zipped)
    now = desk.now()
    asked = {"Namespace": "app", "MetricName": name, "StartTime": now - 3600, "EndTime": now + 3600, "Period": 86_400}
    [point] = send("GetMetricStatistics", asked | {"Statistics": ["Sum"]})["Datapoints"]
    assert point["Sum"] == 5.0
    error = send("GetMetricStatistics", asked | {"Statistics": ["Sum"], "EndTime": now - 7200})["Error"]
    assert error["Code"] == "InvalidParameterValue"
