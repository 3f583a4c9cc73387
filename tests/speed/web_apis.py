"""Requests to an HTTP API and to a REST API with a function behind them, beside invocations of the same function."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import servers
from client import Connection, Functions, invoke
from measure import Numbers, in_turns
from warm import Load, block

_MEMORY_MB = 1769
_CODE = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": "hello"}
"""
_HEADERS = {"Accept": "*/*", "Host": "a1b2c3d4e5.execute-api.us-east-1.localhost", "User-Agent": "bench"}
_WAY = {
    "X-Amzn-Trace-Id": "Root=1-690c6e60-9f3b5c7d2a1e4f6089abcdef", "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Port": "80", "X-Forwarded-Proto": "http",
}  # fmt: skip
_OF_HTTP = {
    "version": "2.0", "routeKey": "GET /pets/{id}", "rawPath": "/pets/6", "rawQueryString": "kind=dog",
    "headers": {name.lower(): value for name, value in {**_HEADERS, **_WAY}.items()},
    "queryStringParameters": {"kind": "dog"},
    "requestContext": {
        "accountId": "000000000000", "apiId": "a1b2c3d4e5",
        "domainName": "a1b2c3d4e5.execute-api.us-east-1.localhost", "domainPrefix": "a1b2c3d4e5",
        "http": {
            "method": "GET", "path": "/pets/6", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
            "userAgent": "bench",
        },
        "requestId": "11111111-2222-4333-a444-555555555555", "routeKey": "GET /pets/{id}", "stage": "$default",
        "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1773342238000,
    },
    "pathParameters": {"id": "6"}, "isBase64Encoded": False,
}  # fmt: skip
_OF_REST = {
    "resource": "/pets/{id}", "path": "/pets/6", "httpMethod": "GET", "headers": {**_HEADERS, **_WAY},
    "multiValueHeaders": {name: [value] for name, value in {**_HEADERS, **_WAY}.items()},
    "queryStringParameters": {"kind": "dog"}, "multiValueQueryStringParameters": {"kind": ["dog"]},
    "pathParameters": {"id": "6"}, "stageVariables": None,
    "requestContext": {
        "resourceId": "a1b2c3", "resourcePath": "/pets/{id}", "httpMethod": "GET",
        "extendedRequestId": "0UHzq6GpqKRHteo=", "requestTime": "12/Mar/2026:19:03:58 +0000",
        "path": "/prod/pets/6", "accountId": "000000000000", "protocol": "HTTP/1.1", "stage": "prod",
        "domainPrefix": "a1b2c3d4e5", "requestTimeEpoch": 1773342238000,
        "requestId": "11111111-2222-4333-a444-555555555555",
        "identity": {
            **dict.fromkeys(
                (
                    "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "principalOrgId", "accessKey",
                    "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "user",
                )
            ),
            "sourceIp": "127.0.0.1", "userAgent": "bench",
        },
        "domainName": "a1b2c3d4e5.execute-api.us-east-1.localhost", "deploymentId": "a1b2c3", "apiId": "a1b2c3d4e5",
    },
    "body": None, "isBase64Encoded": False,
}  # fmt: skip
"""What the APIs make of the request."""
_REQUEST = "GET {path}?kind=dog HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"


def http(thorough: bool) -> dict[str, Numbers]:
    """An HTTP API with payload 2.0."""
    return {"http-api": _through(_http_api, "/pets/6", _OF_HTTP, thorough)}


def rest(thorough: bool) -> dict[str, Numbers]:
    """A REST API with a Lambda proxy."""
    return {"rest-api": _through(_rest_api, "/prod/pets/6", _OF_REST, thorough)}


def _through(deploy: Callable[[int, str], str], path: str, event: dict[str, Any], thorough: bool) -> Numbers:
    """One client's median, and as many requests as 16 clients get answered."""
    with servers.samovar("--ephemeral") as server, Connection(server.port) as connection:
        name = Functions(server.port, servers.RUNTIME).create(_CODE, _MEMORY_MB)
        host = f"{deploy(server.port, name)}.execute-api.us-east-1.localhost"
        asking, invoking = _REQUEST.format(path=path, host=host).encode(), invoke(name, json.dumps(event).encode())
        for content in (invoking, asking) * 100:
            connection.exchange(content)
        server.settle()
        took = in_turns(60, 40 if thorough else 8, invoked=block(connection, invoking), asked=block(connection, asking))
        seconds, rounds = (3, 5) if thorough else (1, 2)
        load = {"asked": Load(server, asking, 16, seconds), "invoked": Load(server, invoking, 16, seconds)}
        rates = in_turns(60, rounds, **load)
    values = {
        "x an invocation": took["asked"] / took["invoked"],
        "us": took["asked"] * 1000,
        "requests a second from 16": rates["asked"],
    }
    beside = f"an invocation {took['invoked'] * 1000:.0f} us, {rates['invoked']:,.0f} invocations a second from 16"
    return Numbers(values, beside)


def _client(service: str, port: int) -> Any:
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="any",
    )


def _http_api(port: int, function: str) -> str:
    """The id of an API that runs the function."""
    client = _client("apigatewayv2", port)
    api: str = client.create_api(Name="bench", ProtocolType="HTTP")["ApiId"]
    integration = client.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    client.create_route(ApiId=api, RouteKey="GET /pets/{id}", Target=f"integrations/{integration}")
    client.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    client.close()
    return api


def _rest_api(port: int, function: str) -> str:
    client = _client("apigateway", port)
    api: str = client.create_rest_api(name="bench")["id"]
    at = client.get_resources(restApiId=api)["items"][0]["id"]
    for part in ("pets", "{id}"):
        at = client.create_resource(restApiId=api, parentId=at, pathPart=part)["id"]
    method = {"restApiId": api, "resourceId": at, "httpMethod": "GET"}
    client.put_method(**method, authorizationType="NONE")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    client.put_integration(
        **method,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
    )
    client.create_deployment(restApiId=api, stageName="prod")
    client.close()
    return api
