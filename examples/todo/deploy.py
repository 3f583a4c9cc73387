"""Deploys the to-do list with plain boto3: role, bucket, function, REST API. Prints its address.

    python deploy.py [--endpoint http://127.0.0.1:4566]      make it, or bring it up to date
    python deploy.py --remove                                take it away again
    python deploy.py --aws                                   the same on AWS
"""

import argparse
import io
import json
import os
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

NAME = "todo"
STAGE = "prod"
ROUTES = {"todos": ("GET", "POST"), "{id}": ("GET", "PUT", "DELETE")}
"""Path part, each below the one before -> methods."""
HANDLER = Path(__file__).with_name("handler.py")


class Deployment:
    def __init__(self, endpoint: str | None, region: str) -> None:
        session = boto3.Session(region_name=region)
        self.endpoint = endpoint
        self.region = region
        self.iam, self.s3, self.lambda_, self.api = (
            session.client(service, endpoint_url=endpoint) for service in ("iam", "s3", "lambda", "apigateway")
        )
        self.account = session.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"]
        self.bucket = f"{NAME}-{self.account}-{region}"
        self.function = f"arn:aws:lambda:{region}:{self.account}:function:{NAME}"

    def make(self) -> str:
        """The address."""
        self._bucket()
        self._function(self._role())
        api = self._find() or self._api()
        if self.endpoint:
            port = self.endpoint.rpartition(":")[2]
            return f"http://{api}.execute-api.{self.region}.localhost:{port}/{STAGE}"
        return f"https://{api}.execute-api.{self.region}.amazonaws.com/{STAGE}"

    def remove(self) -> None:
        api = self._find()
        if api:
            self.api.delete_rest_api(restApiId=api)
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
        objects, bucket = f"arn:aws:s3:::{self.bucket}/*", f"arn:aws:s3:::{self.bucket}"
        may = [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": objects},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
            {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
        ]
        self.iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=policy(*may))
        return str(self.iam.get_role(RoleName=NAME)["Role"]["Arn"])

    def _function(self, role: str) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            package.writestr("handler.py", HANDLER.read_bytes())
        code = buffer.getvalue()
        try:
            patiently(
                self.lambda_.create_function,
                FunctionName=NAME,
                Role=role,
                Runtime="python{}.{}".format(*sys.version_info),
                Handler="handler.handler",
                Timeout=10,
                MemorySize=256,
                Environment={"Variables": {"BUCKET": self.bucket}},
                Code={"ZipFile": code},
            )
        except self.lambda_.exceptions.ResourceConflictException:
            self.lambda_.update_function_code(FunctionName=NAME, ZipFile=code)
        for waiter in ("function_active_v2", "function_updated_v2"):
            self.lambda_.get_waiter(waiter).wait(FunctionName=NAME, WaiterConfig={"Delay": 1})

    def _api(self) -> str:
        id = str(self.api.create_rest_api(name=NAME, endpointConfiguration={"types": ["REGIONAL"]})["id"])
        path = f"arn:aws:apigateway:{self.region}:lambda:path/2015-03-31/functions/{self.function}/invocations"
        parent = self.api.get_resources(restApiId=id)["items"][0]["id"]
        for part, methods in ROUTES.items():
            parent = self.api.create_resource(restApiId=id, parentId=parent, pathPart=part)["id"]
            for method in methods:
                on = {"restApiId": id, "resourceId": parent, "httpMethod": method}
                self.api.put_method(**on, authorizationType="NONE")
                self.api.put_integration(**on, type="AWS_PROXY", integrationHttpMethod="POST", uri=path)
        self.api.create_deployment(restApiId=id, stageName=STAGE)
        self.lambda_.add_permission(
            FunctionName=NAME,
            StatementId=f"api-{id}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{self.region}:{self.account}:{id}/*",
        )
        return id

    def _find(self) -> str | None:
        return next((each["id"] for each in self.api.get_rest_apis(limit=500)["items"] if each["name"] == NAME), None)

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


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def patiently(call: Any, seconds: float = 60, **params: Any) -> None:
    """Call, again while AWS's Lambda doesn't know a new role yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            call(**params)
            return
        except ClientError as error:
            if "cannot be assumed" not in error.response["Error"]["Message"] or time.monotonic() > deadline:
                raise
            time.sleep(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    here = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    parser.add_argument("--endpoint", default=here, help="of the platform (default: %(default)s)")
    parser.add_argument("--aws", action="store_true", help="on AWS, with the credentials that boto3 finds")
    parser.add_argument("--region", default=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    parser.add_argument("--remove", action="store_true")
    given = parser.parse_args()
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
