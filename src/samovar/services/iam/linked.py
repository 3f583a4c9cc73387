"""Service-linked roles: their names, and whom they trust (facts/iam.md §2). Pure."""

import json
import re
from collections.abc import Mapping

from samovar.core.errors import AwsError

_NAMES: Mapping[str, str] = {
    "apidestinations.events.amazonaws.com": "AmazonEventBridgeApiDestinations",
    "autoscaling.amazonaws.com": "AutoScaling",
    "dynamodb.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_DynamoDBTable",
    "ecs.amazonaws.com": "ECS",
    "elasticloadbalancing.amazonaws.com": "ElasticLoadBalancing",
    "lambda.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_LambdaConcurrency",
    "ops.apigateway.amazonaws.com": "APIGateway",
    "replication.dynamodb.amazonaws.com": "DynamoDBReplication",
    "replicator.lambda.amazonaws.com": "LambdaReplicator",
}
_POLICIES: Mapping[str, str] = {
    "lambda.application-autoscaling.amazonaws.com": "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
}
_WITH_SUFFIX = frozenset({"autoscaling.amazonaws.com", "connect.amazonaws.com", "lex.amazonaws.com"})


def role_name(service: str, suffix: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com", service):
        raise AwsError("InvalidInput", f"Service name {service} is not valid.")
    if suffix and service not in _WITH_SUFFIX:
        raise AwsError("InvalidInput", f"Custom suffix is not allowed for {service}")
    spelled = "".join(part[:1].upper() + part[1:] for part in re.split(r"[.-]", service.removesuffix(".amazonaws.com")))
    name = f"AWSServiceRoleFor{_NAMES.get(service, spelled)}"
    return f"{name}_{suffix}" if suffix else name


def policies(service: str) -> tuple[str, ...]:
    """The managed policies that its role has; only those that somebody here acts by."""
    name = _POLICIES.get(service)
    return (f"arn:aws:iam::aws:policy/aws-service-role/{name}",) if name else ()


def trust(service: str) -> str:
    statement = {"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": [service]}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
