"""Deploys the chat room with plain boto3: role, bucket, function, WebSocket API. Prints its address.

    python deploy.py [--endpoint http://127.0.0.1:4566]      make it, or bring its code up to date
    python deploy.py --remove                                take it away again
    python deploy.py --aws                                   the same on AWS
"""

import argparse
import io
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

NAME = "chat"
STAGE = "prod"
ANSWERS = ("who", "$default")
"""The routes whose client is answered."""
HANDLER = Path(__file__).with_name("handler.py")


class Deployment:
    def __init__(self, endpoint: str | None, region: str) -> None:
        session = boto3.Session(region_name=region)
        self.endpoint, self.region = endpoint, region
        self.iam, self.s3, self.lambda_, self.api = (
            session.client(service, endpoint_url=endpoint) for service in ("iam", "s3", "lambda", "apigatewayv2")
        )
        self.account = session.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"]
        self.bucket = f"{NAME}-{self.account}-{region}"

    def make(self) -> str:
        """The address."""
        self._bucket()
        function = self._function(self._role())
        api = self._find() or self._api(function)
        if self.endpoint:
            port = self.endpoint.rpartition(":")[2]
            return f"ws://{api}.execute-api.{self.region}.localhost:{port}/{STAGE}"
        return f"wss://{api}.execute-api.{self.region}.amazonaws.com/{STAGE}"

    def remove(self) -> None:
        api = self._find()
        if api:
            self.api.delete_api(ApiId=api)
        self._try(self.lambda_.delete_function, FunctionName=NAME)
        for each in self._objects():
            self.s3.delete_object(Bucket=self.bucket, Key=each)
        self._try(self.s3.delete_bucket, Bucket=self.bucket)
        self._try(self.iam.delete_role_policy, RoleName=NAME, PolicyName=NAME)
        self._try(self.iam.delete_role, RoleName=NAME)

    def _bucket(self) -> None:
        where = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        given: dict[str, Any] = {"CreateBucketConfiguration": where} if where else {}
        self._try(self.s3.create_bucket, Bucket=self.bucket, **given)

    def _role(self) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        self._try(self.iam.create_role, RoleName=NAME, AssumeRolePolicyDocument=policy(trust))
        bucket = f"arn:aws:s3:::{self.bucket}"
        clients = f"arn:aws:execute-api:{self.region}:{self.account}:*/{STAGE}/POST/@connections/*"
        may = [
            {"Effect": "Allow", "Action": "s3:*", "Resource": [bucket, f"{bucket}/*"]},
            {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": clients},
            {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
        ]
        self.iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=policy(*may))
        return str(self.iam.get_role(RoleName=NAME)["Role"]["Arn"])

    def _function(self, role: str) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            package.writestr("handler.py", HANDLER.read_bytes())
        code = buffer.getvalue()
        try:
            self.lambda_.create_function(
                FunctionName=NAME,
                Runtime="python{}.{}".format(*sys.version_info),
                Role=role,
                Handler="handler.handler",
                Timeout=20,
                Code={"ZipFile": code},
                Environment={"Variables": {"BUCKET": self.bucket}},
            )
        except self.lambda_.exceptions.ResourceConflictException:
            self.lambda_.update_function_code(FunctionName=NAME, ZipFile=code)
        for waiter in ("function_active_v2", "function_updated_v2"):
            self.lambda_.get_waiter(waiter).wait(FunctionName=NAME, WaiterConfig={"Delay": 1})
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{NAME}"

    def _api(self, function: str) -> str:
        expression = "$request.body.action"
        api = self.api.create_api(Name=NAME, ProtocolType="WEBSOCKET", RouteSelectionExpression=expression)["ApiId"]
        self._routes(api, function)
        deployment = self.api.create_deployment(ApiId=api)["DeploymentId"]
        self.api.create_stage(ApiId=api, StageName=STAGE, DeploymentId=deployment)
        return str(api)

    def _find(self) -> str | None:
        return next((each["ApiId"] for each in self.api.get_apis()["Items"] if each["Name"] == NAME), None)

    def _objects(self) -> list[str]:
        try:
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
            return [each["Key"] for page in pages for each in page.get("Contents", [])]
        except self.s3.exceptions.NoSuchBucket:
            return []

    def _try(self, call: Any, **params: Any) -> None:
        """Call; that it is done already is no error."""
        done = {"BucketAlreadyOwnedByYou", "EntityAlreadyExists", "NoSuchEntity", "NoSuchBucket"}
        try:
            call(**params)
        except ClientError as error:
            if error.response["Error"]["Code"] not in done | {"ResourceNotFoundException"}:
                raise

    def _routes(self, api: str, function: str) -> None:
        source = f"arn:aws:execute-api:{self.region}:{self.account}:{api}/*/*"
        self.lambda_.add_permission(
            FunctionName=NAME,
            StatementId=api,
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=source,
        )
        uri = f"arn:aws:apigateway:{self.region}:lambda:path/2015-03-31/functions/{function}/invocations"
        made = self.api.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri)
        for key in ("$connect", "$disconnect", "say", *ANSWERS):
            two_way: dict[str, Any] = {"RouteResponseSelectionExpression": "$default"} if key in ANSWERS else {}
            target = f"integrations/{made['IntegrationId']}"
            route = self.api.create_route(ApiId=api, RouteKey=key, Target=target, **two_way)["RouteId"]
            if two_way:
                self.api.create_route_response(ApiId=api, RouteId=route, RouteResponseKey="$default")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    options.add_argument("--endpoint", default=here, help="of the platform (default: %(default)s)")
    options.add_argument("--aws", action="store_true", help="on AWS, with the credentials that boto3 finds")
    options.add_argument("--region", default=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    options.add_argument("--remove", action="store_true")
    given = options.parse_args()
    if given.aws:
        os.environ.pop("AWS_ENDPOINT_URL", None)
    else:  # any credentials do, and no profile is looked up
        os.environ.pop("AWS_PROFILE", None)
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
    try:
        deployment = Deployment(None if given.aws else given.endpoint.rstrip("/"), given.region)
        if given.remove:
            deployment.remove()
        else:
            print(deployment.make())
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"The deployment stopped: {error}")


if __name__ == "__main__":
    main()
