"""Records as answers. Pure."""

import hashlib

from samovar.core import arn
from samovar.core.context import Params
from samovar.services.elbv2.records import Listener, LoadBalancer, Rule, TargetGroup

HOSTED_ZONE = "Z35SXDOTRQ7X7K"
"""The zone of load balancers in us-east-1; alias records name it."""


def balancer(found: LoadBalancer, state: str = "active") -> Params:
    zones = [
        {"ZoneName": zone(found.arn, at), "SubnetId": subnet, "LoadBalancerAddresses": []}
        for at, subnet in enumerate(found.subnets)
    ]
    return {
        "LoadBalancerArn": found.arn,
        "DNSName": found.dns_name,
        "CanonicalHostedZoneId": HOSTED_ZONE,
        "CreatedTime": found.created_at,
        "LoadBalancerName": found.name,
        "Scheme": found.scheme,
        "VpcId": vpc_of(found.arn),
        "State": {"Code": state},
        "Type": "network" if found.is_network else "application",
        "AvailabilityZones": zones,
        "SecurityGroups": found.security_groups,
        "IpAddressType": found.ip_address_type,
    }


def zone(of: str, at: int) -> str:
    parsed = arn.parse(of)
    return f"{parsed.region if parsed else ''}{'abcdef'[at % 6]}"


def vpc_of(of: str) -> str:
    """There are no networks here: one for each account and region."""
    parsed = arn.parse(of)
    owner = f"{parsed.account}{parsed.region}" if parsed else ""
    return "vpc-" + hashlib.blake2b(owner.encode(), digest_size=9).hexdigest()[:17]


def group(found: TargetGroup, balancers: list[str]) -> Params:
    check = found.health
    shown: Params = {
        "TargetGroupArn": found.arn,
        "TargetGroupName": found.name,
        "HealthCheckEnabled": check.enabled,
        "HealthCheckIntervalSeconds": check.interval_s,
        "HealthCheckTimeoutSeconds": check.timeout_s,
        "HealthyThresholdCount": check.healthy_count,
        "UnhealthyThresholdCount": check.unhealthy_count,
        "LoadBalancerArns": balancers,
        "TargetType": found.target_type,
        "IpAddressType": found.ip_address_type or "ipv4",
    }
    if check.protocol != "TCP":
        shown |= {"HealthCheckPath": check.path, "Matcher": {"HttpCode": check.matcher}}
    if found.target_type != "lambda":
        shown |= {
            "Protocol": found.protocol,
            "Port": found.port,
            "VpcId": found.vpc_id,
            "HealthCheckProtocol": check.protocol,
            "HealthCheckPort": check.port,
        }
        if found.protocol != "TCP":
            shown["ProtocolVersion"] = "HTTP1"
    return shown


def listener(found: Listener) -> Params:
    shown: Params = {
        "ListenerArn": found.arn,
        "LoadBalancerArn": found.load_balancer,
        "Port": found.port,
        "Protocol": found.protocol,
        "DefaultActions": found.actions,
    }
    if found.protocol == "HTTPS":
        shown |= {"Certificates": [{"CertificateArn": found.certificates[0]}], "SslPolicy": found.ssl_policy}
    return shown


def rule(found: Rule) -> Params:
    return {
        "RuleArn": found.arn,
        "Priority": str(found.priority),
        "Conditions": found.conditions,
        "Actions": found.actions,
        "IsDefault": False,
    }


def default_rule(of: Listener) -> Params:
    """A listener's default actions, as the rule that is tried last."""
    return {
        "RuleArn": default_rule_arn(of),
        "Priority": "default",
        "Conditions": [],
        "Actions": of.actions,
        "IsDefault": True,
    }


def default_rule_arn(of: Listener) -> str:
    digest = hashlib.blake2b(of.arn.encode(), digest_size=8).hexdigest()
    return f"{of.arn.replace(':listener/', ':listener-rule/')}/{digest}"
