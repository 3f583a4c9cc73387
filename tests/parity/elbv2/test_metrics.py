"""What requests to load balancers come to as metrics (ALB guide, "CloudWatch metrics")."""

import pytest
from balancers import forward, says, until


@pytest.fixture
def elb(platform):
    """In the account where the function is."""
    return platform.client("elbv2")


def test_requests_are_counted_by_load_balancer_and_target_group(platform, elb, deploy, balancer, group):
    function = deploy("""
        def handler(event, context):
            if event["path"] == "/fail":
                raise ValueError
            return {"statusCode": 404 if event["path"] == "/missing" else 200, "body": ""}
    """)
    metrics = platform.client("cloudwatch")
    arn = group("lambda", None)
    wanted = platform.client("lambda").get_function_configuration(FunctionName=function.name)["FunctionArn"]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": wanted}])
    front = balancer(forward(arn))
    front.rule(1, [{"Field": "path-pattern", "Values": ["/fixed"]}], says("no", "503"))
    for path in ("/", "/", "/missing", "/fail", "/fixed"):
        front("GET", path)
    named = {
        "LoadBalancer": front.arn.partition("loadbalancer/")[2],
        "TargetGroup": "targetgroup/" + arn.partition("targetgroup/")[2],
    }

    def total(name, *of, statistic="Sum"):
        found = metrics.get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName=name,
            Dimensions=[{"Name": each, "Value": named[each]} for each in of],
            StartTime=platform.now() - 3600,
            EndTime=platform.now() + 3600,
            Period=7200,
            Statistics=[statistic],
        )["Datapoints"]
        return sum(each[statistic] for each in found)

    until(lambda: total("RequestCount", "LoadBalancer") == 4)  # what a rule answers reaches no target
    assert total("RequestCount", "LoadBalancer", "TargetGroup") == 4
    assert total("RequestCountPerTarget", "TargetGroup") == 4
    assert total("HTTPCode_Target_2XX_Count", "LoadBalancer", "TargetGroup") == 2
    assert total("HTTPCode_Target_4XX_Count", "LoadBalancer") == 1
    assert total("HTTPCode_ELB_5XX_Count", "LoadBalancer") == 2
    assert (total("HTTPCode_ELB_502_Count", "LoadBalancer"), total("HTTPCode_ELB_503_Count", "LoadBalancer")) == (1, 1)
    assert total("LambdaUserError", "TargetGroup") == total("LambdaUserError", "TargetGroup", "LoadBalancer") == 1
    assert total("HTTP_Fixed_Response_Count", "LoadBalancer") == 1
    assert total("TargetResponseTime", "LoadBalancer", statistic="SampleCount") == 3
