"""REST APIs on the running platform, and a plain HTTP client that speaks to them."""

import http.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import pages
import pytest

ECHO = """
    import json

    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event), "headers": {"x-arn": context.invoked_function_arn}}
"""


class Page(pages.Page):
    """An answer as a client gets it."""

    @property
    def refusal(self) -> tuple[int, str, bytes]:
        """(status, x-amzn-ErrorType, body) of an answer that the API gives itself."""
        return self.status, self.headers["x-amzn-ErrorType"], self.body


class Api:
    """A REST API. Attributes are operations on it, with its id; call it to send a request to its stage."""

    def __init__(self, client: Any, lambda_: Any, endpoint: str, **options: Any) -> None:
        self.client = client
        self.description = client.create_rest_api(**{"name": "a"} | options)
        self.id: str = self.description["id"]
        self.root: str = self.description["rootResourceId"]
        self.host = f"{self.id}.execute-api.us-east-1.localhost"
        self._lambda = lambda_
        self._server = urlsplit(endpoint).netloc
        self._resources = {"/": self.root}

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self.client, operation)
        return lambda **params: call(**{"restApiId": self.id} | params)

    def resource(self, path: str) -> str:
        """The id of a resource; made with all above it where it isn't there."""
        if path not in self._resources:
            above, _, part = path.rpartition("/")
            made = self.create_resource(parentId=self.resource(above or "/"), pathPart=part)
            self._resources[path] = made["id"]
        return self._resources[path]

    def method(self, path: str, method: str = "GET", integration: Mapping[str, Any] = {}, **options: Any) -> dict:
        """A method; with its integration, if one is given. Returns what names it."""
        place = {"resourceId": self.resource(path), "httpMethod": method}
        self.put_method(**place | {"authorizationType": "NONE"} | options)
        if integration:
            self.put_integration(**place | integration)
        return place

    def proxy(self, function: Any, **options: Any) -> dict[str, Any]:
        """An AWS_PROXY integration with a function, which the API may run."""
        arn = function if isinstance(function, str) else self.arn(function)
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        return {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri} | options

    def arn(self, function: Any) -> str:
        return str(self._lambda.get_function_configuration(FunctionName=function.name)["FunctionArn"])

    def mock(self, path: str, method: str = "GET", status: int = 200, template: str = "", **options: Any) -> dict:
        """A method that is answered by a MOCK integration."""
        request = {"application/json": f'{{"statusCode": {status}}}'}
        place = self.method(path, method, {"type": "MOCK", "requestTemplates": request}, **options)
        self.put_method_response(**place, statusCode=str(status))
        templates = {"responseTemplates": {"application/json": template}} if template else {}
        self.put_integration_response(**place, statusCode=str(status), **templates)
        return place

    def deploy(self, stage: str = "dev", **options: Any) -> str:
        return str(self.create_deployment(stageName=stage, **options)["id"])

    def __call__(
        self,
        method: str = "GET",
        path: str = "/",
        body: bytes | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        stage: str = "dev",
        host: str = "",
    ) -> Page:
        connection = http.client.HTTPConnection(self._server, timeout=60)
        try:
            connection.putrequest(method, f"/{stage}{path}", skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host or self.host)
            given = list(headers.items() if isinstance(headers, Mapping) else headers)
            for name, value in given:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Page(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


@pytest.fixture
def rest(platform: Any) -> Iterator[Callable[..., Api]]:
    """Makes APIs, which go with the test."""
    made: list[Api] = []
    client = platform.client("apigateway")

    def make(**options: Any) -> Api:
        made.append(Api(client, platform.client("lambda"), platform.endpoint, **options))
        return made[-1]

    yield make
    for api in made:
        client.delete_rest_api(restApiId=api.id)


@pytest.fixture
def echo(deploy: Callable[..., Any]) -> Any:
    """A function that answers with its event."""
    return deploy(ECHO)
