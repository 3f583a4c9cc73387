"""WebSocket APIs on the running platform, and an independent client that speaks to them."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

WITHIN_S = 60
ECHO = """
    import json

    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event)}
"""


class Client:
    """A connected client. Every wait has a deadline."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, message: object) -> None:
        self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def hear(self) -> Any:
        """The next message, decoded where it is JSON."""
        said = self.connection.recv(WITHIN_S)
        try:
            return json.loads(said)
        except ValueError:
            return said

    def ask(self, message: object) -> Any:
        self.say(message)
        return self.hear()

    def end(self) -> tuple[int | None, str | None]:
        """(code, reason) of the server's close frame, once everything else was read."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.connection.recv(WITHIN_S)
        return self.connection.close_code, self.connection.close_reason

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.connection.close(code, reason)


class Api:
    """A WebSocket API. The attributes are operations on it."""

    def __init__(self, client: Any, lambda_: Any, endpoint: str, stage: str, **options: Any) -> None:
        self.client = client
        wanted = {"Name": "w", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}
        self.id = client.create_api(**wanted | options)["ApiId"]
        self.host = f"{self.id}.execute-api.us-east-1.localhost"
        self.stage = stage
        self.deleted = False
        self.endpoint = endpoint
        self.clients = ExitStack()
        self._lambda = lambda_
        self.server = urlsplit(endpoint)

    def delete_api(self) -> None:
        self.deleted = True
        self.client.delete_api(ApiId=self.id)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self.client, operation)
        return lambda **params: call(**{"ApiId": self.id} | params)

    def function(self, function: Any, **options: Any) -> str:
        """The target of a route that leads to a function."""
        arn = self._lambda.get_function_configuration(FunctionName=function.name)["FunctionArn"]
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        wanted = {"IntegrationType": "AWS_PROXY", "IntegrationUri": uri}
        return f"integrations/{self.create_integration(**wanted | options)['IntegrationId']}"

    def integrate(self, kind: str, **options: Any) -> str:
        return f"integrations/{self.create_integration(IntegrationType=kind, **options)['IntegrationId']}"

    def route(self, *keys: str, target: str, answers: bool = False, **options: Any) -> None:
        """Routes; `answers`: with a route response, so that what the target returns reaches the client."""
        for key in keys:
            if answers:
                options = {"RouteResponseSelectionExpression": "$default", **options}
            id = self.create_route(RouteKey=key, Target=target, **options)["RouteId"]
            if answers:
                self.create_route_response(RouteId=id, RouteResponseKey="$default")

    def deploy(self, **options: Any) -> None:
        """A deployment of what there is, in the stage, which is made the first time."""
        deployment = self.create_deployment()["DeploymentId"]
        stages = [stage["StageName"] for stage in self.get_stages()["Items"]]
        operation = self.update_stage if self.stage in stages else self.create_stage
        operation(StageName=self.stage, DeploymentId=deployment, **options)

    def connect(
        self,
        path: str | None = None,
        host: str | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        **options: Any,
    ) -> Client:
        """A client that has shaken hands at the API's own host name, or where the test says."""
        path = f"/{self.stage}" if path is None else path
        connecting = connect(
            f"ws://{host or self.host}:{self.server.port}{path}",
            address=(self.server.hostname, self.server.port),
            additional_headers=headers,
            open_timeout=WITHIN_S,
            close_timeout=2,
            ping_interval=None,
            proxy=None,
            **options,
        )
        return Client(self.clients.enter_context(connecting))

    def management(self, endpoint: str | None = None, **options: Any) -> Any:
        """A client of the management API, at the server's plain address."""
        credentials = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "any"}
        made = boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=endpoint or self.endpoint,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}),
            **credentials | options,
        )
        self.clients.callback(made.close)
        return made


@pytest.fixture
def api(platform: Any) -> Iterator[Callable[..., Api]]:
    """Makes WebSocket APIs; they go with the test, and with them their clients."""
    made: list[Api] = []

    def make(stage: str = "dev", server: Any = platform, **options: Any) -> Api:
        made.append(Api(server.client("apigatewayv2"), server.client("lambda"), server.endpoint, stage, **options))
        return made[-1]

    yield make
    for each in made:
        if each.endpoint == platform.endpoint and not each.deleted:
            each.client.delete_api(ApiId=each.id)
        each.clients.close()


@pytest.fixture
def echo(deploy: Any) -> Any:
    """A function that answers with its event."""
    return deploy(ECHO)
