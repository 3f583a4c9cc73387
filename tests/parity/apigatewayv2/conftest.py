"""HTTP APIs on the running platform, and a plain HTTP client that speaks to them."""

import http.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import pages
import pytest

ECHO = """
    import json

    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event), "headers": {"content-type": "application/json"}}
"""


class Page(pages.Page):
    """An answer as a client gets it."""

    @property
    def refusal(self) -> tuple[int, str]:
        """(status, message) of an answer that API Gateway gives itself."""
        assert self.headers["content-type"] == "application/json", self
        return self.status, self.value["message"]


class Api:
    """An HTTP API. Call it with a method and a path below it; the attributes are operations on it."""

    def __init__(self, client: Any, lambda_: Any, endpoint: str, **options: Any) -> None:
        self.client = client
        self.description = client.create_api(**{"Name": "a", "ProtocolType": "HTTP"} | options)
        self.id = self.description["ApiId"]
        self.host = f"{self.id}.execute-api.us-east-1.localhost"
        self._lambda = lambda_
        self._server = urlsplit(endpoint).netloc

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self.client, operation)
        return lambda **params: call(**{"ApiId": self.id} | params)

    def function(self, function: Any, **options: Any) -> str:
        """The target of a route that leads to a function, which everybody's API may run."""
        arn = function if isinstance(function, str) else self.arn(function.name)
        wanted = {"IntegrationType": "AWS_PROXY", "IntegrationUri": arn, "PayloadFormatVersion": "2.0"}
        return f"integrations/{self.create_integration(**wanted | options)['IntegrationId']}"

    def arn(self, function: str) -> str:
        return str(self._lambda.get_function_configuration(FunctionName=function)["FunctionArn"])

    def route(self, *keys: str, target: str, **options: Any) -> list[str]:
        return [self.create_route(RouteKey=key, Target=target, **options)["RouteId"] for key in keys]

    def __call__(
        self,
        method: str = "GET",
        path: str = "/",
        body: bytes | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        host: str = "",
    ) -> Page:
        connection = http.client.HTTPConnection(self._server, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host or self.host)
            given = list(headers.items() if isinstance(headers, Mapping) else headers)
            if body is not None and not any(name.lower() == "transfer-encoding" for name, _ in given):
                given = [*given, ("Content-Length", str(len(body)))]
            for name, value in given:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Page(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


@pytest.fixture
def api(platform: Any) -> Iterator[Callable[..., Api]]:
    """Makes HTTP APIs with a `$default` stage that deploys by itself; they go with the test."""
    made: list[Api] = []

    def make(stage: str | None = "$default", **options: Any) -> Api:
        client, lambda_ = platform.client("apigatewayv2"), platform.client("lambda")
        made.append(Api(client, lambda_, platform.endpoint, **options))
        if stage is not None:
            made[-1].create_stage(StageName=stage, AutoDeploy=True)
        return made[-1]

    yield make
    for each in made:
        each.delete_api()


@pytest.fixture
def echo(deploy: Any) -> Any:
    """A function that returns its event."""
    return deploy(ECHO)
