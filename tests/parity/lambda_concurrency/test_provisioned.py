"""Provisioned concurrency with real environments: facts/lambda-runtime.md §7, lambda-api.md §10, lambda-limits.md."""

import concurrent.futures
import time

import pytest
from botocore.exceptions import ClientError

CODE = """
    import os, time, uuid
    me, began = str(uuid.uuid4()), time.time()
    way = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
    def handler(event, context):
        if event:
            time.sleep(event)
        return {"me": me, "way": way, "version": context.function_version, "began": began}
"""


def until(condition, within_s=60.0):
    """The first true value of `condition`."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.02)
    return value


class Provisions:
    def __init__(self, platform, function):
        self.lambda_ = platform.client("lambda")
        self.name = function.name

    def put(self, number, qualifier="1"):
        return self.lambda_.put_provisioned_concurrency_config(
            FunctionName=self.name, Qualifier=qualifier, ProvisionedConcurrentExecutions=number
        )

    def get(self, qualifier="1"):
        return self.lambda_.get_provisioned_concurrency_config(FunctionName=self.name, Qualifier=qualifier)

    def settled(self, qualifier="1"):
        """How it stands when nothing is in progress any more."""
        return until(lambda: (found := self.get(qualifier))["Status"] != "IN_PROGRESS" and found)


def counts(config):
    return [config[f"{kind}ProvisionedConcurrentExecutions"] for kind in ("Requested", "Available", "Allocated")]


@pytest.fixture
def published(platform, deploy):
    """A function's version 1, and what it has."""
    function = deploy(CODE, Publish=True, Timeout=20)
    return function, Provisions(platform, function)


def test_put_answers_at_once_and_then_all_environments_are_ready(published):
    _, provisions = published
    put = provisions.put(3)
    assert (put["ResponseMetadata"]["HTTPStatusCode"], put["Status"], counts(put)) == (202, "IN_PROGRESS", [3, 0, 0])
    ready = provisions.settled()
    assert (ready["Status"], counts(ready)) == ("READY", [3, 3, 3])
    assert "StatusReason" not in ready


def test_its_invocations_find_an_initialised_environment_and_others_do_not(published):
    function, provisions = published
    provisions.put(1)
    provisions.settled()
    before = time.time()
    provisioned = function(Qualifier="1")
    assert provisioned.result["way"] == "provisioned-concurrency"
    assert provisioned.result["began"] < before
    assert function(Qualifier="1").result["me"] == provisioned.result["me"]
    assert function().result["way"] == "on-demand"


def test_the_first_report_tells_the_init_and_does_not_bill_it(published):
    function, provisions = published
    provisions.put(1)
    provisions.settled()
    first, second = function(Qualifier="1"), function(Qualifier="1")
    fields = dict(part.split(": ", 1) for part in first.report.strip().split("\t"))
    assert float(fields["Init Duration"].removesuffix(" ms")) > 0
    assert int(fields["Billed Duration"].removesuffix(" ms")) - float(fields["Duration"].removesuffix(" ms")) < 1.01
    assert "Init Duration" not in second.report
    stream = until(lambda: next((lines for lines in function.log().values() if len(lines) >= 8), None))
    assert [line.split(" ")[0] for line in stream][:5] == ["INIT_START", "INIT_REPORT", "START", "END", "REPORT"]


def test_invocations_beyond_it_spill_over_to_ordinary_environments(published):
    function, provisions = published
    provisions.put(2)
    provisions.settled()
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: function(4, Qualifier="1").result, range(4)))
    ways = sorted(answer["way"] for answer in answers)
    assert ways == ["on-demand", "on-demand", "provisioned-concurrency", "provisioned-concurrency"]
    assert len({answer["me"] for answer in answers}) == 4


def test_an_init_that_fails_is_tried_six_times(platform, deploy):
    """facts/lambda-api.md §10: then FAILED; every attempt has a log stream of its own."""
    function = deploy("import nothing_of_this_name\ndef handler(event, context): ...\n", Publish=True)
    provisions = Provisions(platform, function)
    provisions.put(2)
    failed = provisions.settled()
    assert (failed["Status"], failed["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert counts(failed) == [2, 0, 0]
    log = until(lambda: len(found := function.log()) == 6 and found)
    for lines in log.values():
        assert lines[-1].endswith("Phase: init\tStatus: error\tError Type: Runtime.ImportModuleError\n")


def test_moving_an_alias_moves_its_environments(platform, published):
    function, provisions = published
    lambda_ = platform.client("lambda")
    lambda_.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    provisions.put(1, "live")
    provisions.settled("live")
    assert function(Qualifier="live").result["way"] == "provisioned-concurrency"
    assert function(Qualifier="1").result["way"] == "on-demand"
    function.configure(Description="two")
    lambda_.publish_version(FunctionName=function.name)
    lambda_.update_alias(FunctionName=function.name, Name="live", FunctionVersion="2")
    provisions.settled("live")
    moved = function(Qualifier="live").result
    assert (moved["way"], moved["version"]) == ("provisioned-concurrency", "2")


def test_all_of_a_reservation_provisioned_throttles_everything_else_of_the_function(platform, published):
    """facts/lambda-runtime.md §7."""
    function, provisions = published
    platform.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    provisions.put(1)
    provisions.settled()
    assert function(Qualifier="1").result["way"] == "provisioned-concurrency"
    with pytest.raises(ClientError) as refused:
        function()
    body = refused.value.response
    assert body["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert (body["Reason"], body["Error"]["Message"]) == (
        "ReservedFunctionConcurrentInvocationLimitExceeded",
        "Rate Exceeded.",
    )


def test_deleted_it_is_gone_and_its_environments_serve_no_more(platform, published):
    function, provisions = published
    provisions.put(1)
    provisions.settled()
    lambda_ = platform.client("lambda")
    lambda_.delete_provisioned_concurrency_config(FunctionName=function.name, Qualifier="1")
    assert function(Qualifier="1").result["way"] == "on-demand"
    with pytest.raises(ClientError) as missing:
        provisions.get()
    assert missing.value.response["Error"] == {
        "Code": "ProvisionedConcurrencyConfigNotFoundException",
        "Message": "No Provisioned Concurrency Config found for this function",
    }


@pytest.mark.parametrize("killed", ["when it was ready", "while it was made"])
def test_it_is_made_again_when_the_server_starts(platforms, tmp_path, killed):
    first = platforms("--data-dir", str(tmp_path))
    function = first.deploy(CODE, Publish=True)
    provisions = Provisions(first, function)
    provisions.put(2)
    if killed == "when it was ready":
        provisions.settled()
    first.kill()
    second = platforms("--data-dir", str(tmp_path))
    try:
        again = second.function(function.name)
        ready = Provisions(second, again).settled()
        assert (ready["Status"], counts(ready)) == ("READY", [2, 2, 2])
        assert again(Qualifier="1").result["way"] == "provisioned-concurrency"
    finally:
        assert second.stop() == 0, second.said()


GATED = """
    import os, time, boto3
    logs = boto3.client("logs")
    def handler(event, context):
        print("begun")
        while event and not logs.describe_log_groups(logGroupNamePrefix=event)["logGroups"]:
            time.sleep(0.05)
        return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""


def test_the_metrics_tell_what_was_ready_and_what_spilled_over(platform, deploy):
    """facts/cloudwatch.md §6; lambda-limits.md §2: by version or alias, and by the version that an alias ran."""
    function = deploy(GATED, Publish=True, Timeout=60)
    provisions, gate = Provisions(platform, function), f"/gate/{function.name}"
    platform.client("lambda").create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    provisions.put(1, "live")
    provisions.settled("live")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(function, gate, Qualifier="live")
        until(lambda: any("begun\n" in stream for stream in function.log().values()))
        spilled = function(Qualifier="live").result
        platform.client("logs").create_log_group(logGroupName=gate)
        assert (running.result().result, spilled) == ("provisioned-concurrency", "on-demand")
    by_alias = {"FunctionName": function.name, "Resource": f"{function.name}:live"}
    by_both = by_alias | {"ExecutedVersion": "1"}

    def told(name, dimensions, stat="Sum"):
        metric = {"MetricName": name, "Dimensions": [{"Name": key, "Value": dimensions[key]} for key in dimensions]}
        span = {"StartTime": platform.now() - 3600, "EndTime": platform.now() + 3600, "Period": 86_400}
        found = platform.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda", Statistics=[stat], **metric, **span
        )
        return sum(point[stat] for point in found["Datapoints"])

    for dimensions in (by_alias, by_both, {"FunctionName": function.name}):
        until(lambda dimensions=dimensions: told("Invocations", dimensions) == 2)
        assert told("ProvisionedConcurrencyInvocations", dimensions) == 1
        assert told("ProvisionedConcurrencySpilloverInvocations", dimensions) == 1
        assert told("ProvisionedConcurrentExecutions", dimensions, "Maximum") == 1
        assert told("ProvisionedConcurrencyUtilization", dimensions, "Maximum") == 1
