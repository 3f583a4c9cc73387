"""AWS's managed policies that Lambda and deploy tools name, with their real actions (facts/iam.md §8).

Owns: the table. An action list is one line; everything is `Resource: "*"` unless said. Names that aren't here answer
NoSuchEntity: a policy with other actions than AWS's would be worse than none.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec


class AwsPolicy(msgspec.Struct, frozen=True):
    name: str
    path: str
    version: int
    document: str
    description: str = ""
    created: float = 1_428_600_000.0

    @property
    def id(self) -> str:
        """Always the same, as AWS's are."""
        digest = hashlib.sha256(self.name.encode()).digest()
        return "ANPA" + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[byte % 32] for byte in digest[:17])


_LOGS = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"
_ENI = (
    "ec2:CreateNetworkInterface ec2:DescribeNetworkInterfaces ec2:DeleteNetworkInterface "
    "ec2:AssignPrivateIpAddresses ec2:UnassignPrivateIpAddresses"
)
_STREAM = "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams"
_XRAY = (
    "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets "
    "xray:GetSamplingStatisticSummaries"
)
_TO_LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
_LAMBDA_LOGS = "arn:aws:logs:*:*:log-group:/aws/lambda/*"


def _allow(actions: str, resource: str | list[str] = "*", **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions.split(), "Resource": resource, **members}


_SERVICE_ROLE: Mapping[str, tuple[int, list[dict[str, Any]]]] = {
    "AWSLambdaBasicExecutionRole": (1, [_allow(_LOGS)]),
    "AWSLambdaVPCAccessExecutionRole": (3, [_allow(f"{_LOGS} {_ENI} ec2:DescribeSubnets")]),
    "AWSLambdaENIManagementAccess": (2, [_allow(_ENI)]),
    "AWSLambdaSQSQueueExecutionRole": (
        1,
        [_allow(f"sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes {_LOGS}")],
    ),
    "AWSLambdaDynamoDBExecutionRole": (1, [_allow(f"{_STREAM} {_LOGS}")]),
    "AWSLambdaKinesisExecutionRole": (
        2,
        [
            _allow(
                "kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetRecords kinesis:GetShardIterator "
                f"kinesis:ListShards kinesis:ListStreams kinesis:SubscribeToShard {_LOGS}"
            )
        ],
    ),
    "AWSLambdaMSKExecutionRole": (
        2,
        [
            _allow(
                "kafka:DescribeCluster kafka:DescribeClusterV2 kafka:GetBootstrapBrokers ec2:CreateNetworkInterface "
                "ec2:DescribeNetworkInterfaces ec2:DescribeVpcs ec2:DeleteNetworkInterface ec2:DescribeSubnets "
                f"ec2:DescribeSecurityGroups {_LOGS}"
            )
        ],
    ),
    "AWSLambdaBasicDurableExecutionRolePolicy": (
        3,
        [_allow(f"{_LOGS} lambda:CheckpointDurableExecution lambda:GetDurableExecutionState")],
    ),
    "AWSLambdaRole": (1, [_allow("lambda:InvokeFunction")]),
    "AmazonAPIGatewayPushToCloudWatchLogs": (
        1,
        [
            _allow(
                "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogGroups logs:DescribeLogStreams "
                "logs:PutLogEvents logs:GetLogEvents logs:FilterLogEvents"
            )
        ],
    ),
}

_PLAIN: Mapping[str, tuple[int, list[dict[str, Any]]]] = {
    "AWSLambdaInvocation-DynamoDB": (1, [_allow("lambda:InvokeFunction"), _allow(_STREAM)]),
    "AWSLambdaExecute": (
        1,
        [_allow("logs:*", "arn:aws:logs:*:*:*"), _allow("s3:GetObject s3:PutObject", "arn:aws:s3:::*")],
    ),
    "AWSXRayDaemonWriteAccess": (2, [_allow(_XRAY)]),
    "AWSXrayWriteOnlyAccess": (2, [_allow(_XRAY)]),
    "CloudWatchLambdaInsightsExecutionRolePolicy": (
        1,
        [
            _allow("logs:CreateLogGroup"),
            _allow("logs:CreateLogStream logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/aws/lambda-insights:*"),
        ],
    ),
    "AmazonAPIGatewayInvokeFullAccess": (
        1,
        [_allow("execute-api:Invoke execute-api:ManageConnections", "arn:aws:execute-api:*:*:*")],
    ),
    "AWSLambda_FullAccess": (
        7,
        [
            _allow(
                "cloudformation:DescribeStacks cloudformation:ListStackResources cloudwatch:ListMetrics "
                "cloudwatch:GetMetricData ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs "
                "kms:ListAliases iam:GetPolicy iam:GetPolicyVersion iam:GetRole iam:GetRolePolicy "
                "iam:ListAttachedRolePolicies "
                "iam:ListRolePolicies iam:ListRoles lambda:* logs:DescribeLogGroups states:DescribeStateMachine "
                "states:ListStateMachines tag:GetResources xray:GetTraceSummaries xray:BatchGetTraces"
            ),
            _allow("iam:PassRole", Condition=_TO_LAMBDA),
            _allow(
                "logs:DescribeLogStreams logs:GetLogEvents logs:FilterLogEvents logs:StartLiveTail logs:StopLiveTail",
                _LAMBDA_LOGS,
            ),
        ],
    ),
    "AWSLambda_ReadOnlyAccess": (
        5,
        [
            _allow(
                "cloudformation:DescribeStacks cloudformation:ListStackResources cloudwatch:GetMetricData "
                "cloudwatch:ListMetrics ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs "
                "kms:ListAliases iam:GetPolicy iam:GetPolicyVersion iam:GetRole iam:GetRolePolicy "
                "iam:ListAttachedRolePolicies "
                "iam:ListRolePolicies iam:ListRoles logs:DescribeLogGroups lambda:Get* lambda:List* "
                "states:DescribeStateMachine states:ListStateMachines tag:GetResources xray:GetTraceSummaries "
                "xray:BatchGetTraces"
            ),
            _allow(
                "logs:DescribeLogStreams logs:GetLogEvents logs:FilterLogEvents logs:StartQuery logs:StopQuery "
                "logs:DescribeQueries logs:GetLogGroupFields logs:GetLogRecord logs:GetQueryResults",
                _LAMBDA_LOGS,
            ),
        ],
    ),
    "AdministratorAccess": (1, [_allow("*")]),
    "PowerUserAccess": (
        12,
        [
            {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
            _allow(
                "account:GetAccountInformation account:GetPrimaryEmail account:ListRegions "
                "iam:CreateServiceLinkedRole iam:DeleteServiceLinkedRole iam:ListRoles "
                "organizations:DescribeEffectivePolicy organizations:DescribeOrganization"
            ),
        ],
    ),
    "IAMFullAccess": (2, [_allow("iam:*")]),
    "AmazonS3FullAccess": (2, [_allow("s3:* s3-object-lambda:*")]),
    "AmazonSQSFullAccess": (1, [_allow("sqs:*")]),
    "AmazonDynamoDBFullAccess": (
        15,
        [
            _allow(
                "dynamodb:* dax:* application-autoscaling:DeleteScalingPolicy "
                "application-autoscaling:DeregisterScalableTarget application-autoscaling:DescribeScalableTargets "
                "application-autoscaling:DescribeScalingActivities application-autoscaling:DescribeScalingPolicies "
                "application-autoscaling:PutScalingPolicy application-autoscaling:RegisterScalableTarget "
                "cloudwatch:DeleteAlarms cloudwatch:DescribeAlarmHistory cloudwatch:DescribeAlarms "
                "cloudwatch:DescribeAlarmsForMetric cloudwatch:GetMetricStatistics cloudwatch:ListMetrics "
                "cloudwatch:PutMetricAlarm cloudwatch:GetMetricData"
            ),
            _allow(
                "iam:PassRole",
                Condition={
                    "StringLike": {
                        "iam:PassedToService": ["application-autoscaling.amazonaws.com", "dax.amazonaws.com"]
                    }
                },
            ),
        ],
    ),
}


_LINKED: Mapping[str, tuple[int, list[dict[str, Any]]]] = {
    "AWSApplicationAutoscalingLambdaConcurrencyPolicy": (
        1,
        [
            _allow(
                "lambda:PutProvisionedConcurrencyConfig lambda:GetProvisionedConcurrencyConfig "
                "lambda:DeleteProvisionedConcurrencyConfig cloudwatch:PutMetricAlarm cloudwatch:DescribeAlarms "
                "cloudwatch:DeleteAlarms"
            )
        ],
    ),
}
"""Of service-linked roles (the Application Auto Scaling guide, "Service-linked roles")."""


def all_policies() -> list[AwsPolicy]:
    tables = (("/service-role/", _SERVICE_ROLE), ("/aws-service-role/", _LINKED), ("/", _PLAIN))
    return [
        AwsPolicy(name, path, version, _document(statements))
        for path, table in tables
        for name, (version, statements) in table.items()
    ]


def _document(statements: list[dict[str, Any]]) -> str:
    content = msgspec.json.encode({"Version": "2012-10-17", "Statement": statements})
    return msgspec.json.format(content, indent=4).decode()
