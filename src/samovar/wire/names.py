"""What the services that are here are called on the wire, without their models: a request finds its service by these,
and only then is that service's model read.

Owns: the table, which is the models' own words (tests/unit/wire/test_names.py holds it to them).
"""

from typing import Final

import msgspec


class Names(msgspec.Struct, frozen=True):
    service: str
    """boto3's client name."""
    signing_name: str
    endpoint_prefix: str
    """The beginning of its host names."""
    target_prefix: str = ""
    """Before the operation in X-Amz-Target; empty where that isn't used."""


SERVICES: Final = {
    names.service: names
    for names in (
        Names("apigateway", "apigateway", "apigateway"),
        Names("apigatewaymanagementapi", "execute-api", "execute-api"),
        Names("apigatewayv2", "apigateway", "apigateway"),
        Names(
            "application-autoscaling", "application-autoscaling", "application-autoscaling", "AnyScaleFrontendService"
        ),
        Names("cloudwatch", "monitoring", "monitoring", "GraniteServiceVersion20100801"),
        Names("ecr", "ecr", "api.ecr", "AmazonEC2ContainerRegistry_V20150921"),
        Names("elbv2", "elasticloadbalancing", "elasticloadbalancing"),
        Names("events", "events", "events", "AWSEvents"),
        Names("iam", "iam", "iam"),
        Names("lambda", "lambda", "lambda"),
        Names("logs", "logs", "logs", "Logs_20140328"),
        Names("s3", "s3", "s3"),
        Names("scheduler", "scheduler", "scheduler"),
        Names("sns", "sns", "sns"),
        Names("sqs", "sqs", "sqs", "AmazonSQS"),
        Names("sts", "sts", "sts"),
    )
}
