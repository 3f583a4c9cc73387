"""Requests to an HTTP API with a function behind it, beside invocations of the same function."""

import json
from collections.abc import Callable

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
_EVENT = json.dumps(
    {
        "version": "2.0", "routeKey": "GET /pets/{id}", "rawPath": "/pets/6", "rawQueryString": "kind=dog",
        "headers": {
            "accept": "*/*", "host": "a1b2c3d4e5.execute-api.us-east-1.localhost", "user-agent": "bench",
            "x-amzn-trace-id": "Root=1-690c6e60-9f3b5c7d2a1e4f6089abcdef", "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "80", "x-forwarded-proto": "http",
        },
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
    }
).encode()  # fmt: skip
"""What the API makes of the request."""
_REQUEST = "GET /pets/6?kind=dog HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"


def through(thorough: bool) -> dict[str, Numbers]:
    """One client's median, and as many requests as 16 clients get answered."""
    with servers.samovar("--ephemeral") as server, Connection(server.port) as connection:
        name = Functions(server.port, servers.RUNTIME).create(_CODE, _MEMORY_MB)
        request = _REQUEST.format(host=_api(server.port, name)).encode()
        for content in (invoke(name, _EVENT), request) * 100:
            connection.exchange(content)
        server.settle()
        took = in_turns(
            60,
            40 if thorough else 8,
            invoked=block(connection, invoke(name, _EVENT)),
            asked=block(connection, request),
        )
        load: dict[str, Callable[[], float]] = {"asked": Load(server, request, 16, 3 if thorough else 1)}
        rate = in_turns(30, 5 if thorough else 2, **load)["asked"]
    values = {
        "x an invocation": took["asked"] / took["invoked"],
        "us": took["asked"] * 1000,
        "requests a second from 16": rate,
    }
    return {"http-api": Numbers(values, f"an invocation {took['invoked'] * 1000:.0f} us")}


def _api(port: int, function: str) -> str:
    """The host name of an API that runs the function."""
    client = boto3.client(
        "apigatewayv2",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="any",
    )
    api = client.create_api(Name="bench", ProtocolType="HTTP")["ApiId"]
    integration = client.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    client.create_route(ApiId=api, RouteKey="GET /pets/{id}", Target=f"integrations/{integration}")
    client.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    client.close()
    return f"{api}.execute-api.us-east-1.localhost"
