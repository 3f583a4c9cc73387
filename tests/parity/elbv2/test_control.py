"""The operations: what they answer, and what they refuse (API reference of Elastic Load Balancing)."""

import pytest
from balancers import SUBNETS, forward, says
from botocore.exceptions import ClientError


def refused(code, call, **params):
    with pytest.raises(ClientError) as error:
        call(**params)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


def test_a_load_balancer_is_made_described_and_deleted(elb):
    made = elb.create_load_balancer(Name="web", Subnets=SUBNETS, Tags=[{"Key": "a", "Value": "b"}])["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    assert made["State"] == {"Code": "provisioning"}
    assert ":loadbalancer/app/web/" in arn
    assert made["DNSName"].startswith("web-") and made["DNSName"].endswith(".us-east-1.elb.localhost")
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
    [shown] = elb.describe_load_balancers(Names=["web"])["LoadBalancers"]
    assert shown == made | {"State": {"Code": "active"}}
    assert elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"] == [{"Key": "a", "Value": "b"}]
    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn])
    elb.delete_load_balancer(LoadBalancerArn=arn)
    refused("LoadBalancerNotFound", elb.describe_load_balancers, Names=["web"])


def test_making_the_same_again_is_no_error_and_making_another_is(elb):
    first = elb.create_load_balancer(Name="twice", Subnets=SUBNETS)["LoadBalancers"][0]
    assert elb.create_load_balancer(Name="twice", Subnets=SUBNETS)["LoadBalancers"][0]["LoadBalancerArn"] == (
        first["LoadBalancerArn"]
    )
    others = ["subnet-1", "subnet-9"]
    text = refused("DuplicateLoadBalancerName", elb.create_load_balancer, Name="twice", Subnets=others)
    assert text == "A load balancer with the same name 'twice' exists, but with different settings"
    elb.create_target_group(Name="twice", TargetType="lambda")
    elb.create_target_group(Name="twice", TargetType="lambda")
    refused("DuplicateTargetGroupName", elb.create_target_group, Name="twice", Protocol="HTTP", Port=80, VpcId="vpc-1")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Name": "x" * 33}, "ValidationError"),
        ({"Name": "-x"}, "ValidationError"),
        ({"Name": "a_b"}, "ValidationError"),
        ({"Name": "internal-x"}, "ValidationError"),
        ({"Subnets": ["subnet-1"]}, "ValidationError"),
        ({"Subnets": []}, "ValidationError"),
        ({"Type": "gateway"}, "NotImplementedException"),
        ({"Type": "nonsense"}, "ValidationError"),
        ({"Tags": [{"Key": "a"}, {"Key": "a"}]}, "DuplicateTagKeys"),
    ],
)
def test_load_balancers_that_can_not_be(elb, params, code):
    refused(code, elb.create_load_balancer, **({"Name": "x", "Subnets": SUBNETS} | params))


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Port": 80}, "ValidationError"),
        ({"TargetType": "alb"}, "NotImplementedException"),
        ({"TargetType": "ip", "Protocol": "UDP", "Port": 80, "VpcId": "v"}, "NotImplementedException"),
        ({"TargetType": "ip", "Protocol": "HTTP", "VpcId": "v"}, "ValidationError"),
        ({"TargetType": "ip", "Protocol": "HTTP", "Port": 80}, "ValidationError"),
        ({"HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 30}, "ValidationError"),
        ({"HealthCheckIntervalSeconds": 1}, "ValidationError"),
        ({"HealthCheckPath": "x"}, "ValidationError"),
        ({"Matcher": {"HttpCode": "500"}}, "ValidationError"),
        ({"Name": "x-"}, "ValidationError"),
    ],
)
def test_target_groups_that_can_not_be(elb, params, code):
    refused(code, elb.create_target_group, **({"Name": "x", "TargetType": "lambda"} | params))


def test_listeners_share_a_load_balancer_but_no_port(elb, balancer):
    front = balancer()
    create = {"LoadBalancerArn": front.arn, "Protocol": "HTTP", "DefaultActions": [says("x")]}
    text = refused("DuplicateListener", elb.create_listener, Port=80, **create)
    assert text == f"A listener already exists on this port for this load balancer '{front.arn}'"
    refused("CertificateNotFound", elb.create_listener, Port=443, **create | {"Protocol": "HTTPS"})
    refused("ValidationError", elb.create_listener, Port=81, **create | {"Protocol": "TCP"})
    refused("LoadBalancerNotFound", elb.create_listener, Port=81, **create | {"LoadBalancerArn": front.arn + "0"})
    certificate = {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/x"}
    made = elb.create_listener(Port=443, Certificates=[certificate], **create | {"Protocol": "HTTPS"})["Listeners"][0]
    assert (made["Certificates"], made["SslPolicy"]) == ([certificate], "ELBSecurityPolicy-2016-08")
    refused("DuplicateListener", elb.modify_listener, ListenerArn=made["ListenerArn"], Port=80)
    assert len(elb.describe_listeners(LoadBalancerArn=front.arn)["Listeners"]) == 2
    elb.delete_listener(ListenerArn=made["ListenerArn"])
    refused("ListenerNotFound", elb.describe_listeners, ListenerArns=[made["ListenerArn"]])
    refused("ListenerNotFound", elb.delete_listener, ListenerArn=made["ListenerArn"])


def test_a_target_group_in_use_can_not_be_deleted(elb, balancer, group):
    arn = group()
    front = balancer(forward(arn))
    assert elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]["LoadBalancerArns"] == [front.arn]
    [shown] = elb.describe_target_groups(LoadBalancerArn=front.arn)["TargetGroups"]
    assert shown["TargetGroupArn"] == arn
    text = refused("ResourceInUse", elb.delete_target_group, TargetGroupArn=arn)
    assert text == f"Target group '{arn}' is currently in use by a listener or a rule"
    elb.modify_listener(ListenerArn=front.listener, DefaultActions=[says("x")])
    elb.delete_target_group(TargetGroupArn=arn)
    elb.delete_target_group(TargetGroupArn=arn)
    refused("TargetGroupNotFound", elb.describe_target_groups, TargetGroupArns=[arn])


def test_attributes_have_defaults_and_limits(elb, balancer, group):
    front, servers = balancer(), group("ip")

    def of_group():
        found = elb.describe_target_group_attributes(TargetGroupArn=servers)["Attributes"]
        return {each["Key"]: each["Value"] for each in found}

    assert of_group()["deregistration_delay.timeout_seconds"] == "300"
    assert of_group()["load_balancing.algorithm.type"] == "round_robin"
    for key, value, code in (
        ("stickiness.enabled", "maybe", "InvalidConfigurationRequest"),
        ("slow_start.duration_seconds", "10", "InvalidConfigurationRequest"),
        ("lambda.multi_value_headers.enabled", "true", "ValidationError"),
        ("nonsense", "1", "ValidationError"),
    ):
        wanted = [{"Key": key, "Value": value}]
        refused(code, elb.modify_target_group_attributes, TargetGroupArn=servers, Attributes=wanted)
    wanted = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=front.arn, Attributes=wanted)
    refused("OperationNotPermitted", elb.delete_load_balancer, LoadBalancerArn=front.arn)
    wanted = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=front.arn, Attributes=wanted)
    wanted = [{"Key": "access_logs.s3.enabled", "Value": "true"}]
    refused(
        "InvalidConfigurationRequest", elb.modify_load_balancer_attributes, LoadBalancerArn=front.arn, Attributes=wanted
    )
    wanted = [{"Key": "routing.http.response.server.enabled", "Value": "false"}]
    elb.modify_listener_attributes(ListenerArn=front.listener, Attributes=wanted)
    assert front().headers["Server"] is None


def test_everything_is_tagged(elb, balancer, group):
    front = balancer()
    rule = front.rule(1, [{"Field": "path-pattern", "Values": ["/"]}], says("x"))
    arns = [front.arn, front.listener, rule, group()]
    elb.add_tags(ResourceArns=arns, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    elb.remove_tags(ResourceArns=arns, TagKeys=["a", "none"])
    shown = elb.describe_tags(ResourceArns=arns)["TagDescriptions"]
    left = [{"Key": "b", "Value": ""}]
    assert [(each["ResourceArn"], each["Tags"]) for each in shown] == [(arn, left) for arn in arns]
    refused("LoadBalancerNotFound", elb.describe_tags, ResourceArns=[front.arn + "0"])
    many = [{"Key": str(n), "Value": ""} for n in range(51)]
    refused("TooManyTags", elb.add_tags, ResourceArns=[front.arn], Tags=many)


def test_lists_come_in_pages(elb):
    for n in range(5):
        elb.create_target_group(Name=f"page-{n}", TargetType="lambda")
    pages = elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 2})
    sizes = [len(page["TargetGroups"]) for page in pages]
    assert sizes == [2, 2, 1]
    refused("ValidationError", elb.describe_target_groups, Marker="nonsense?")
    assert elb.describe_account_limits(PageSize=1)["NextMarker"]


def test_targets_that_can_not_be(elb, group):
    servers, instances = group("ip"), group("instance")
    for arn, target, code in (
        (servers, {"Id": "localhost"}, "ValidationError"),
        (servers, {"Id": "0.0.0.0"}, "InvalidTarget"),
        (servers, {"Id": "::1"}, "InvalidTarget"),
        (servers, {"Id": "10.0.0.1", "Port": 70_000}, "ValidationError"),
        (instances, {"Id": "i-1"}, "InvalidTarget"),
        (servers + "0", {"Id": "10.0.0.1"}, "TargetGroupNotFound"),
    ):
        refused(code, elb.register_targets, TargetGroupArn=arn, Targets=[target])
    refused("InvalidTarget", elb.deregister_targets, TargetGroupArn=servers, Targets=[{"Id": "10.0.0.1"}])
    shown = elb.describe_target_health(TargetGroupArn=servers, Targets=[{"Id": "10.0.0.1"}])
    assert shown["TargetHealthDescriptions"][0]["TargetHealth"]["Reason"] == "Target.NotRegistered"


def test_nobody_sees_what_is_another_accounts(elb, balancer, client):
    front = balancer()
    other = client("elbv2", account="999999999999")
    assert other.describe_load_balancers()["LoadBalancers"] == []
    refused("LoadBalancerNotFound", other.describe_listeners, LoadBalancerArn=front.arn)


def test_what_is_not_there_says_so(elb):
    refused("NotImplementedException", elb.describe_ssl_policies)
