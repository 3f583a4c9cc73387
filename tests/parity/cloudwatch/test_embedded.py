"""Metrics that come as log events (facts/cloudwatch.md §6, EMF)."""

import json
import time

import pytest

DEADLINE_S = 60


def document(at, **changes):
    directive = {
        "Namespace": "shop",
        "Dimensions": [["service"], ["service", "env"], []],
        "Metrics": [{"Name": "latency", "Unit": "Milliseconds"}, {"Name": "sold"}],
    }
    metadata = {"Timestamp": int(at * 1000), "CloudWatchMetrics": [directive | changes.pop("directive", {})]}
    return json.dumps({"_aws": metadata, "service": "a", "env": "prod", "latency": [1, 2, 9], "sold": 3} | changes)


@pytest.fixture
def written(client, desk):
    logs = client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")

    def written(*messages):
        events = [{"timestamp": int(desk.now() * 1000), "message": message} for message in messages]
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)

    return written


@pytest.fixture
def sums(desk):
    def sums(name, *dimensions, namespace="shop", stat="Sum"):
        named = [{"Name": key, "Value": value} for key, value in dimensions]
        start = desk.hour()
        asked = {"Namespace": namespace, "MetricName": name, "Dimensions": named, "StartTime": start, "Period": 86_400}
        kind = "Statistics" if stat.isalpha() else "ExtendedStatistics"
        found = desk.cloudwatch.get_metric_statistics(**asked, EndTime=start + 4 * 3600, **{kind: [stat]})["Datapoints"]
        return [(point["Unit"], point[stat] if kind == "Statistics" else point[kind][stat]) for point in found]

    return sums


def test_a_log_event_may_be_metrics_with_several_sets_of_dimensions(desk, written, sums):
    written(document(desk.now()), "nothing of it", document(desk.now()))
    for dimensions in ([], [("service", "a")], [("service", "a"), ("env", "prod")]):
        assert sums("latency", *dimensions) == [("Milliseconds", 24.0)]
        assert sums("sold", *dimensions) == [("None", 6.0)]
    assert sums("latency", stat="p50") == [("Milliseconds", 2.0)]
    assert sums("latency", ("env", "prod")) == []


def test_what_breaks_a_rule_is_a_log_event_only_and_counted(desk, written, sums):
    now, group = desk.now(), ("LogGroupName", "g")
    written(
        document(now, directive={"Namespace": "AWS/Lambda"}),
        document(now, directive={"Metrics": [{"Name": "latency", "Unit": "Parsec"}]}),
        document(now, latency="fast"),
        document(now, service=1),
        document(now, latency=[1] * 101),
        document(now - 15 * 86_400),
        document(now).replace('"shop"', "7"),
        document(now, directive={"Dimensions": "service"}),
    )
    written('{"_aws": {', json.dumps({"_aws": {"other": 1}}), '["_aws"]')
    assert sums("latency") == sums("latency", ("service", "a")) == []
    assert sums("EMFValidationErrors", group, namespace="AWS/Logs") == [("Count", 8.0)]
    assert sums("EMFParsingErrors", group, namespace="AWS/Logs") == [("Count", 1.0)]
    assert sums("IncomingLogEvents", group, namespace="AWS/Logs") == [("Count", 11.0)]


def test_what_a_function_prints_may_be_metrics(deploy, platform, client, sums):
    code = f"""
        import json, time
        def handler(event, context):
            found = json.loads({document(0)!r})
            found["_aws"]["Timestamp"] = event["at"]
            found["_aws"]["CloudWatchMetrics"][0]["Namespace"] = event["namespace"]
            print(json.dumps(found))
    """
    namespace = f"printed-{time.time()}"
    function = deploy(code)
    cloudwatch = platform.client("cloudwatch")
    at = int(platform.now() * 1000)
    platform.client("lambda").invoke(
        FunctionName=function.name, Payload=json.dumps({"at": at, "namespace": namespace}).encode()
    )
    metric = {"Namespace": namespace, "MetricName": "sold", "Dimensions": [{"Name": "service", "Value": "a"}]}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 86_400, "Stat": "Sum"}}
    deadline = time.monotonic() + DEADLINE_S
    while True:
        span = {"StartTime": at / 1000 - 3600, "EndTime": at / 1000 + 3600}
        [found] = cloudwatch.get_metric_data(MetricDataQueries=[query], **span)["MetricDataResults"]
        if found["Values"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found["Values"] == [3.0]
