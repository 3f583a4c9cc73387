"""Deploys the chat room with plain boto3: role, bucket, function, WebSocket API. Prints its address.

    python deploy.py [--endpoint http://127.0.0.1:4566]
"""

import argparse
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import boto3

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
        self.s3.create_bucket(Bucket=self.bucket)
        function = self._function(self._role())
        expression = "$request.body.action"
        api = self.api.create_api(Name=NAME, ProtocolType="WEBSOCKET", RouteSelectionExpression=expression)["ApiId"]
        self._routes(api, function)
        deployment = self.api.create_deployment(ApiId=api)["DeploymentId"]
        self.api.create_stage(ApiId=api, StageName=STAGE, DeploymentId=deployment)
        if self.endpoint:
            port = self.endpoint.rpartition(":")[2]
            return f"ws://{api}.execute-api.{self.region}.localhost:{port}/{STAGE}"
        return f"wss://{api}.execute-api.{self.region}.amazonaws.com/{STAGE}"

    def _role(self) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = self.iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        bucket = f"arn:aws:s3:::{self.bucket}"
        clients = f"arn:aws:execute-api:{self.region}:{self.account}:*/{STAGE}/POST/@connections/*"
        may = [
            {"Effect": "Allow", "Action": "s3:*", "Resource": [bucket, f"{bucket}/*"]},
            {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": clients},
            {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
        ]
        self.iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=policy(*may))
        return str(role)

    def _function(self, role: str) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            package.writestr("handler.py", HANDLER.read_bytes())
        made = self.lambda_.create_function(
            FunctionName=NAME,
            Runtime=os.environ.get("RUNTIME", "python3.12"),
            Role=role,
            Handler="handler.handler",
            Timeout=20,
            Code={"ZipFile": buffer.getvalue()},
            Environment={"Variables": {"BUCKET": self.bucket}},
        )
        self.lambda_.get_waiter("function_active_v2").wait(FunctionName=NAME)
        return str(made["FunctionArn"])

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
    options.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL"))
    options.add_argument("--region", default=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    given = options.parse_args()
    print(Deployment(given.endpoint, given.region).make())


if __name__ == "__main__":
    main()
