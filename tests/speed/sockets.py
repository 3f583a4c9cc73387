"""WebSocket APIs: what idle connections weigh, and a message that a function answers, beside an invocation of it."""

import json
import os
import socket
import time
from typing import Any

import boto3
import servers
from botocore.config import Config
from client import Connection, Functions, invoke
from measure import Numbers, in_turns

_IDLE = 1000
_BLOCK = 50
_HANDSHAKE = (
    "GET /dev HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_ANSWERS = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'pong'}\n"
_MEMORY_MB = 1769


def sockets(thorough: bool) -> dict[str, Numbers]:
    with servers.samovar("--ephemeral") as server:
        name = Functions(server.port, servers.RUNTIME).create(_ANSWERS, memory_mb=_MEMORY_MB)
        host = _api(server.port, name)
        with Connection(server.port) as direct, _connected(server.port, host) as client:
            event = json.dumps({"action": "ping", "filler": "x" * 80}).encode()
            direct.exchange(invoke(name, event))
            took = in_turns(
                40,
                40 if thorough else 8,
                direct=lambda: _each(lambda: direct.exchange(invoke(name, event))),
                message=lambda: _each(lambda: _ask(client, event)),
            )
        server.settle()
        before = servers.pss_mb([server.pid])
        idle = [_connected(server.port, host) for _ in range(_IDLE)]
        server.settle()
        grown = servers.pss_mb([server.pid]) - before
        for each in idle:
            each.close()
    ratio = took["message"] / took["direct"]
    return {
        "websocket-message": Numbers(
            {"x an invocation": ratio, "us": took["message"] * 1000}, f"invocation {took['direct'] * 1000:.0f} us"
        ),
        "websocket-memory": Numbers({"MB": grown}, f"{grown / _IDLE * 1024:.1f} KB each"),
    }


def _api(port: int, function: str) -> str:
    """A WebSocket API whose messages the function answers: its host name."""
    client: Any = boto3.client(
        "apigatewayv2",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    expression = "$request.body.action"
    id = client.create_api(Name="b", ProtocolType="WEBSOCKET", RouteSelectionExpression=expression)["ApiId"]
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    integration = client.create_integration(ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=arn)["IntegrationId"]
    target, answers = f"integrations/{integration}", "$default"
    route = client.create_route(
        ApiId=id, RouteKey="ping", Target=target, RouteResponseSelectionExpression=answers
    )["RouteId"]
    client.create_route_response(ApiId=id, RouteId=route, RouteResponseKey="$default")
    deployment = client.create_deployment(ApiId=id)["DeploymentId"]
    client.create_stage(ApiId=id, StageName="dev", DeploymentId=deployment)
    return f"{id}.execute-api.us-east-1.localhost"


def _connected(port: int, host: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(_HANDSHAKE.format(host=host).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += client.recv(4096) or _gone()
    assert b" 101 " in answer, answer
    return client


def _ask(client: socket.socket, message: bytes) -> None:
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(message))
    client.sendall(bytes((0x81, 0x80 | len(message))) + mask + masked)
    answer = client.recv(4096) or _gone()
    assert answer == b"\x81\x04pong", answer


def _gone() -> bytes:
    raise ConnectionError("the server hung up")


def _each(run: Any) -> float:
    """Milliseconds of one, over a block."""
    began = time.perf_counter()
    for _ in range(_BLOCK):
        run()
    return (time.perf_counter() - began) * 1000 / _BLOCK
