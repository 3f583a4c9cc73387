"""Any request that the model allows, for every operation that is here, is answered in AWS's form, never by a 500."""

import botocore.loaders
import botocore.model
import pytest
from balancers import SUBNETS, says
from botocore.exceptions import ClientError
from generated import Generator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samovar.services.elbv2.ops import limits, listeners, load_balancers, rules, tagging, target_groups, targets
from samovar.wire.javaregex import JavaRegex

MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("elbv2", "service-2"), "elbv2")
GENERATOR = Generator(JavaRegex(), valid=True, full=False)
FEW = settings(max_examples=6, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
HERE = [
    "".join(part.capitalize() for part in name.split("_"))
    for module in (limits, listeners, load_balancers, rules, tagging, target_groups, targets)
    for name, what in vars(module).items()
    if not name.startswith("_") and getattr(what, "__module__", "") == module.__name__ and callable(what)
]
NUMBERS = st.sampled_from([1, 2, 5, 80, 300, 50_000])
KNOWN = {
    # Member -> values that lead somewhere; generated ones seldom do. The ARNs come from the fixture.
    "Name": st.sampled_from(["a", "b", "c-d"]),
    "Type": st.sampled_from(["application", "forward", "redirect", "fixed-response"]),
    "TargetType": st.sampled_from(["ip", "lambda", "instance"]),
    "Protocol": st.sampled_from(["HTTP", "HTTPS"]),
    "HealthCheckProtocol": st.sampled_from(["HTTP", "HTTPS"]),
    "ProtocolVersion": st.just("HTTP1"),
    "HealthCheckPath": st.just("/"),
    "Subnets": st.just(SUBNETS),
    "Id": st.sampled_from(["10.0.0.1", "::1", "arn:aws:lambda:us-east-1:123456789012:function:none", "i-1"]),
    "Field": st.sampled_from(["path-pattern", "host-header", "http-header", "source-ip", "query-string"]),
    "CertificateArn": st.just("arn:aws:acm:us-east-1:123456789012:certificate/x"),
    "HttpCode": st.sampled_from(["200", "200-299", "500", "x"]),
    "Marker": st.sampled_from(["Zg==", "%"]),
}


@pytest.fixture(scope="module")
def things(platform):
    """What is there to be named: it comes again when a request has deleted it."""
    elb = platform.client("elbv2")

    def make():
        balancers = elb.describe_load_balancers()["LoadBalancers"]
        if not balancers:
            balancers = elb.create_load_balancer(Name="any", Subnets=SUBNETS)["LoadBalancers"]
        balancer = balancers[0]["LoadBalancerArn"]
        found = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        if not found:
            made = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 7, "DefaultActions": [says("x")]}
            found = elb.create_listener(**made)["Listeners"]
        listener = found[0]["ListenerArn"]
        rule = elb.describe_rules(ListenerArn=listener)["Rules"][0]["RuleArn"]
        options = {"Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1"}
        group = elb.describe_target_groups()["TargetGroups"][:1]
        if not group:
            group = elb.create_target_group(Name="any", TargetType="ip", **options)["TargetGroups"]
        return {
            "LoadBalancerArn": [balancer, balancer + "0"],
            "ListenerArn": [listener, listener + "0"],
            "RuleArn": [rule, rule + "0", "x"],
            "TargetGroupArn": [group[0]["TargetGroupArn"], "arn:x"],
            "ResourceArns": [balancer, listener, rule, group[0]["TargetGroupArn"], "x"],
        }

    yield make
    for each in elb.describe_load_balancers()["LoadBalancers"]:
        protected = [{"Key": "deletion_protection.enabled", "Value": "false"}]
        elb.modify_load_balancer_attributes(LoadBalancerArn=each["LoadBalancerArn"], Attributes=protected)
        elb.delete_load_balancer(LoadBalancerArn=each["LoadBalancerArn"])
    for each in elb.describe_target_groups()["TargetGroups"]:
        elb.delete_target_group(TargetGroupArn=each["TargetGroupArn"])


def led(draw, shown, value, name=""):
    """A generated value with known ones in its place, mostly."""
    known = shown.get(name) or shown.get(name.removesuffix("s"))
    if isinstance(value, str) and known and draw(st.integers(0, 9)):
        return draw(st.sampled_from(known))
    if name in KNOWN and draw(st.integers(0, 9)):
        return draw(KNOWN[name])
    if isinstance(value, int) and not isinstance(value, bool) and draw(st.booleans()):
        return draw(NUMBERS)
    if isinstance(value, dict):
        return {key: led(draw, shown, each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [led(draw, shown, each, name) for each in value]
    return value


@pytest.mark.parametrize("operation", HERE)
@FEW
@given(data=st.data())
def test_a_request_that_the_model_allows_is_never_a_500(platform, things, operation, data):
    shape = MODEL.operation_model(operation).input_shape
    params = led(data.draw, things(), data.draw(GENERATOR.of(shape)))
    client = platform.client("elbv2")
    call = client._make_api_call
    validate = client._serializer
    client._serializer = getattr(validate, "_serializer", validate)
    try:
        call(operation, params)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status in (400, 403, 501), (operation, params, error)
    finally:
        client._serializer = validate
