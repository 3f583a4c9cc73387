"""The application's resources, made with plain boto3. What is there already is brought up to date.

role, two functions, bucket (originals/ expire), queue with a dead-letter queue, event source mapping, HTTP API
"""

import json
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from deployment_package import files_below, packages, write

HERE = Path(__file__).resolve().parent
NAME = "image-optimizer"
DOOR, OPTIMISE = f"{NAME}-door", f"{NAME}-optimise"
ROUTES = ("POST /pictures", "POST /links", "GET /pictures/{id}")
ATTEMPTS = 2
"""How often a picture is tried before its message goes to the dead-letter queue."""
KEEP_ORIGINALS_DAYS = 1
TIMEOUT_S = 60
HIDDEN_S = 6 * TIMEOUT_S
"""So long a message is hidden while it is worked on: as AWS advises, a throttled batch is tried again in between."""
MEMORY = {DOOR: 512, OPTIMISE: 1769}
"""1769 MB is one whole CPU."""
PATIENCE_S = 120
"""For a new role until Lambda knows it, and for the name of a queue that was removed."""


class Stack(NamedTuple):
    """What was deployed, and where it is."""

    url: str
    """Of the HTTP API."""
    api_id: str
    bucket: str
    queue_url: str
    dead_url: str
    packed: int
    """Bytes of both packages."""


class Cloud:
    """boto3 clients for one platform: AWS, or an endpoint."""

    def __init__(self, endpoint: str | None, region: str) -> None:
        self.endpoint = endpoint
        self.region = region
        self._session = boto3.Session(region_name=region)
        self._clients: dict[str, Any] = {}
        self.account: str = self("sts").get_caller_identity()["Account"]

    def __call__(self, service: str) -> Any:
        if service not in self._clients:
            config = Config(retries={"mode": "standard", "max_attempts": 5}, read_timeout=70, connect_timeout=10)
            self._clients[service] = self._session.client(service, endpoint_url=self.endpoint, config=config)
        return self._clients[service]


def deploy(cloud: Cloud, python: str, machine: str, concurrency: int) -> Stack:
    bucket = f"{NAME}-{cloud.account}-{cloud.region}"
    _bucket(cloud, bucket)
    dead_url, queue_url = _queues(cloud, bucket)
    role = _role(cloud, bucket, queue_url)
    _notify(cloud, bucket, _arn(cloud, queue_url))
    zips = _packages(python, machine)
    variables = {"BUCKET": bucket, "QUEUE_URL": queue_url, "PUBLIC_ENDPOINT": cloud.endpoint or ""}
    shared = {
        "Role": role,
        "Runtime": f"python{python}",
        "Timeout": TIMEOUT_S,
        "Environment": {"Variables": variables},
    }
    architecture = "arm64" if machine in ("aarch64", "arm64") else "x86_64"
    for name, package in zips.items():
        _function(cloud, name, package, architecture, Handler=f"{name.rpartition('-')[2]}.handler", **shared)
    _mapping(cloud, _arn(cloud, queue_url), concurrency)
    url, api_id = _api(cloud)
    return Stack(url, api_id, bucket, queue_url, dead_url, sum(len(package) for package in zips.values()))


def empty(cloud: Cloud) -> None:
    """Delete the pictures and messages of earlier runs, and leave everything else as it is."""
    _empty(cloud, f"{NAME}-{cloud.account}-{cloud.region}")
    for name in (NAME, f"{NAME}-dead"):
        url = f"{cloud('sqs').meta.endpoint_url}/{cloud.account}/{name}"
        _gone(cloud("sqs").purge_queue, QueueUrl=url)


def remove(cloud: Cloud) -> None:
    """Delete what `deploy` made, pictures included."""
    bucket = f"{NAME}-{cloud.account}-{cloud.region}"
    for api in cloud("apigatewayv2").get_apis()["Items"]:
        if api["Name"] == NAME:
            cloud("apigatewayv2").delete_api(ApiId=api["ApiId"])
    lambda_ = cloud("lambda")
    for mapping in lambda_.list_event_source_mappings(FunctionName=OPTIMISE)["EventSourceMappings"]:
        lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    for name in (DOOR, OPTIMISE):
        _gone(lambda_.delete_function, FunctionName=name)
        _gone(cloud("logs").delete_log_group, logGroupName=f"/aws/lambda/{name}")
    for name in (NAME, f"{NAME}-dead"):
        url = f"{cloud('sqs').meta.endpoint_url}/{cloud.account}/{name}"
        _gone(cloud("sqs").delete_queue, QueueUrl=url)
    _empty(cloud, bucket)
    _gone(cloud("s3").delete_bucket, Bucket=bucket)
    _gone(cloud("iam").delete_role_policy, RoleName=NAME, PolicyName=NAME)
    _gone(cloud("iam").delete_role, RoleName=NAME)


def _packages(python: str, machine: str) -> dict[str, bytes]:
    ours = {path.name: path for path in (HERE / "functions").glob("*.py")}
    shared = {"calls.py": ours["calls.py"]}
    contents = {
        DOOR: shared | {"door.py": ours["door.py"]},
        OPTIMISE: files_below(packages("Pillow", python, machine)) | shared | {"optimise.py": ours["optimise.py"]},
    }
    return {name: write(HERE / "build" / f"{name}.zip", files).read_bytes() for name, files in contents.items()}


def _bucket(cloud: Cloud, bucket: str) -> None:
    where = {} if cloud.region == "us-east-1" else {"LocationConstraint": cloud.region}
    given = {"CreateBucketConfiguration": where} if where else {}
    _unless(("BucketAlreadyOwnedByYou",), cloud("s3").create_bucket, Bucket=bucket, **given)
    rule = {
        "ID": "originals",
        "Filter": {"Prefix": "originals/"},
        "Status": "Enabled",
        "Expiration": {"Days": KEEP_ORIGINALS_DAYS},
    }
    cloud("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})


def hidden(cloud: Cloud, made: Stack) -> int:
    """So many messages are being worked on, or were by somebody who has gone."""
    name = "ApproximateNumberOfMessagesNotVisible"
    told = cloud("sqs").get_queue_attributes(QueueUrl=made.queue_url, AttributeNames=[name])
    return int(told["Attributes"][name])


def _queues(cloud: Cloud, bucket: str) -> tuple[str, str]:
    sqs = cloud("sqs")
    dead_url, queue_url = (_queue(cloud, name) for name in (f"{NAME}-dead", NAME))
    sqs.set_queue_attributes(QueueUrl=dead_url, Attributes={"MessageRetentionPeriod": str(14 * 86_400)})
    arn = _arn(cloud, queue_url)
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    sqs.set_queue_attributes(
        QueueUrl=queue_url,
        Attributes={
            "VisibilityTimeout": str(HIDDEN_S),
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": _arn(cloud, dead_url), "maxReceiveCount": ATTEMPTS}),
            "Policy": json.dumps({"Version": "2012-10-17", "Statement": [may_send]}),
        },
    )
    return dead_url, queue_url


def _queue(cloud: Cloud, name: str) -> str:
    """Its URL. A queue that was removed a moment ago can be made again after a minute."""
    create = cloud("sqs").create_queue
    made = _patiently(lambda: create(QueueName=name), "AWS.SimpleQueueService.QueueDeletedRecently", "60 seconds")
    return str(made["QueueUrl"])


def _role(cloud: Cloud, bucket: str, queue_url: str) -> str:
    """One role for both functions, with what they do and nothing else."""
    iam = cloud("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    _unless(("EntityAlreadyExists",), iam.create_role, RoleName=NAME, AssumeRolePolicyDocument=document)
    allowed = {
        f"arn:aws:s3:::{bucket}/*": ["s3:GetObject", "s3:PutObject"],
        f"arn:aws:s3:::{bucket}": ["s3:ListBucket"],  # so that a picture that isn't there is a 404, and not a 403
        _arn(cloud, queue_url): [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        ],
        "*": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    }
    statements = [{"Effect": "Allow", "Action": actions, "Resource": arn} for arn, actions in allowed.items()]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=policy)
    return str(iam.get_role(RoleName=NAME)["Role"]["Arn"])


def _notify(cloud: Cloud, bucket: str, queue_arn: str) -> None:
    """A new original is a message in the queue, sent by S3 itself: stored and queued are one step."""
    filter = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "originals/"}]}}
    wanted = {"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"], "Filter": filter}
    cloud("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wanted]}
    )


def _function(cloud: Cloud, name: str, package: bytes, architecture: str, **settings: Any) -> None:
    lambda_ = cloud("lambda")
    settings["MemorySize"] = MEMORY[name]

    def create() -> None:
        try:
            lambda_.create_function(
                FunctionName=name, Code={"ZipFile": package}, Architectures=[architecture], **settings
            )
        except lambda_.exceptions.ResourceConflictException:
            lambda_.update_function_configuration(FunctionName=name, **settings)
            lambda_.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
            lambda_.update_function_code(FunctionName=name, ZipFile=package, Architectures=[architecture])

    _patiently(create, "InvalidParameterValueException", "cannot be assumed")
    for waiter in ("function_active_v2", "function_updated_v2"):
        lambda_.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 1})


def _mapping(cloud: Cloud, queue_arn: str, concurrency: int) -> None:
    lambda_ = cloud("lambda")
    wanted = {
        "FunctionName": OPTIMISE,
        "BatchSize": 5,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": concurrency},
    }
    found = lambda_.list_event_source_mappings(FunctionName=OPTIMISE, EventSourceArn=queue_arn)["EventSourceMappings"]
    if found:
        uuid = found[0]["UUID"]
        if found[0].get("ScalingConfig") != wanted["ScalingConfig"]:
            lambda_.update_event_source_mapping(UUID=uuid, **wanted)
    else:
        create = lambda_.create_event_source_mapping
        made: Any = _patiently(
            lambda: create(EventSourceArn=queue_arn, **wanted), "InvalidParameterValueException", "permissions"
        )
        uuid = made["UUID"]
    deadline = time.monotonic() + PATIENCE_S
    while lambda_.get_event_source_mapping(UUID=uuid)["State"] != "Enabled":
        if time.monotonic() > deadline:
            raise TimeoutError(f"The event source mapping {uuid} was not enabled within {PATIENCE_S} s")
        time.sleep(0.2)


def _api(cloud: Cloud) -> tuple[str, str]:
    """(URL, id) of the HTTP API: three routes to the door, on the stage that needs no name in the path."""
    v2 = cloud("apigatewayv2")
    api = next((each for each in v2.get_apis()["Items"] if each["Name"] == NAME), None)
    if api is not None:
        return api["ApiEndpoint"], api["ApiId"]
    api = v2.create_api(Name=NAME, ProtocolType="HTTP")
    id = api["ApiId"]
    function = f"arn:aws:lambda:{cloud.region}:{cloud.account}:function:{DOOR}"
    integration = v2.create_integration(
        ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )
    for route in ROUTES:
        v2.create_route(ApiId=id, RouteKey=route, Target=f"integrations/{integration['IntegrationId']}")
    v2.create_stage(ApiId=id, StageName="$default", AutoDeploy=True)
    cloud("lambda").add_permission(
        FunctionName=DOOR,
        StatementId=f"api-{id}",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{cloud.region}:{cloud.account}:{id}/*",
    )
    return api["ApiEndpoint"], id


def _arn(cloud: Cloud, queue_url: str) -> str:
    return f"arn:aws:sqs:{cloud.region}:{cloud.account}:{queue_url.rpartition('/')[2]}"


def _empty(cloud: Cloud, bucket: str) -> None:
    s3 = cloud("s3")
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            keys = [{"Key": each["Key"]} for each in page.get("Contents", [])]
            if keys:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    except s3.exceptions.NoSuchBucket:
        pass


def _unless(codes: tuple[str, ...], call: Callable[..., object], **params: Any) -> None:
    """Call; the errors that say that it is done already are no errors."""
    try:
        call(**params)
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def _gone(call: Callable[..., object], **params: Any) -> None:
    queues = (f"AWS.SimpleQueueService.{code}" for code in ("NonExistentQueue", "PurgeQueueInProgress"))
    _unless(("ResourceNotFoundException", "NoSuchEntity", "NoSuchBucket", *queues), call, **params)


def _patiently(call: Callable[[], Any], code: str, says: str) -> Any:
    """Call, again while the error is the one that time cures."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except ClientError as error:
            told: Mapping[str, str] = error.response["Error"]
            if told["Code"] != code or says not in told["Message"] or time.monotonic() > deadline:
                raise
            time.sleep(2)


def here() -> str:
    """The processor of this machine, as the wheels name it."""
    machine = platform.machine()
    return {"arm64": "aarch64", "AMD64": "x86_64"}.get(machine, machine)
