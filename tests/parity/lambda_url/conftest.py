"""Functions with a URL on the running platform, and a plain HTTP client that speaks to them."""

import http.client
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from pages import Page

ECHO = """
    import json

    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event), "headers": {"x-arn": context.invoked_function_arn}}
"""


class Url:
    """A function's URL. Call it with a method and a path below it."""

    def __init__(self, endpoint: str, address: str) -> None:
        self.address = address
        self.host = urlsplit(address).netloc
        self.id = self.host.partition(".")[0]
        self._server = urlsplit(endpoint).netloc

    def __call__(
        self,
        method: str = "GET",
        path: str = "/",
        body: bytes = b"",
        by_path: bool = False,
        source: str = "",
        **headers: str,
    ) -> Page:
        """`by_path`: without the URL's own host name, for clients that can't resolve it; `source`: its address."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if by_path:
            path = f"/_samovar/lambda-url/{self.id}{path}"
        else:
            sent["Host"] = self.host
        connection = http.client.HTTPConnection(
            self._server, timeout=60, source_address=(source, 0) if source else None
        )
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            return Page(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


@pytest.fixture
def visit(platform: Any) -> Callable[..., Url]:
    """Gives a function a URL that everybody may open, unless `open=False`."""

    def visit(
        name: str,
        auth_type: str = "NONE",
        open: bool = True,
        cors: Mapping[str, Any] | None = None,
        qualifier: str = "",
    ) -> Url:
        lambda_ = platform.client("lambda")
        on = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        given = {"Cors": cors} if cors else {}
        address = lambda_.create_function_url_config(**on, AuthType=auth_type, **given)["FunctionUrl"]
        if open:
            lambda_.add_permission(
                **on,
                StatementId="everybody",
                Action="lambda:InvokeFunctionUrl",
                Principal="*",
                FunctionUrlAuthType=auth_type,
            )
        return Url(platform.endpoint, address)

    return visit


@pytest.fixture
def echo() -> str:
    """A function that answers the event it got."""
    return ECHO
