"""Load balancers and TLS: a function behind a load balancer beside the same function invoked; handshakes; what a port
that speaks both costs a plain client."""

import re
import socket
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import servers
from client import Connection, Functions, invoke, request
from measure import Numbers, in_turns

_MEMORY_MB = 1769
_ANSWERING = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": "hello"}
"""
_FORM = (
    "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/elasticloadbalancing/aws4_request, "
    f"SignedHeaders=host, Signature={'0' * 64}\r\n"
)
_BLOCK = 100


def function_behind(thorough: bool) -> dict[str, Numbers]:
    """A raw client's median round trip to a warm function: by Invoke, and through a load balancer."""
    with servers.samovar("--ephemeral") as server, Connection(server.port) as connection:
        name = Functions(server.port, servers.RUNTIME).create(_ANSWERING, _MEMORY_MB)
        _put_in_front(connection, name)
        visit = request("GET", "/_aws/elb/bench/path?a=b", b"", "User-Agent: bench\r\nAccept: */*\r\n")
        for _ in range(_BLOCK):
            connection.exchange(invoke(name))
            connection.exchange(visit)
        server.settle()
        took = in_turns(
            60,
            40 if thorough else 8,
            invoked=_block(connection, invoke(name)),
            visited=_block(connection, visit),
        )
    values = {"x Invoke": took["visited"] / took["invoked"], "us": took["visited"] * 1000}
    return {"load-balancer": Numbers(values, f"Invoke {took['invoked'] * 1000:.0f} us")}


def handshakes(thorough: bool) -> dict[str, Numbers]:
    """New connections with one request each: plain at a port that is plain, and at one that speaks TLS as well, and by
    TLS; and requests of a kept connection."""
    rounds = 40 if thorough else 8
    with tempfile.TemporaryDirectory() as folder:
        secured = servers.samovar("--ephemeral", "--tls", "--data-dir", folder)
        with servers.samovar("--ephemeral") as plain, secured as both:
            trust = ssl.create_default_context(cafile=Path(folder, "tls", "ca.pem"))
            took = in_turns(
                60,
                rounds,
                plain=_visits(plain.port, None),
                both=_visits(both.port, None),
                tls=_visits(both.port, trust),
                kept=_kept(both.port, None),
                kept_tls=_kept(both.port, trust),
            )
    ms = {
        "ms for a new connection by https": took["tls"],
        "x http for a kept one": took["kept_tls"] / took["kept"],
        "x a plain port for http": took["both"] / took["plain"],
    }
    return {"tls": Numbers(ms, f"http {took['both']:.2f} ms new, {took['kept'] * 1000:.0f} us kept")}


def _put_in_front(connection: Connection, name: str) -> None:
    """A load balancer called `bench`, which forwards to a function."""

    def ask(action: str, **params: str) -> str:
        body = urlencode({"Action": action, "Version": "2015-12-01", **params}).encode()
        return connection.exchange(request("POST", "/", body, _FORM)).decode()

    def arn(answer: str, member: str) -> str:
        found = re.search(rf"<{member}>(.+?)</{member}>", answer)
        assert found, answer
        return found[1]

    balancer = ask("CreateLoadBalancer", **{"Name": "bench", "Subnets.member.1": "a", "Subnets.member.2": "b"})
    group = arn(ask("CreateTargetGroup", Name="bench", TargetType="lambda"), "TargetGroupArn")
    function = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    ask("RegisterTargets", **{"TargetGroupArn": group, "Targets.member.1.Id": function})
    action = {"DefaultActions.member.1.Type": "forward", "DefaultActions.member.1.TargetGroupArn": group}
    of = arn(balancer, "LoadBalancerArn")
    listener = arn(ask("CreateListener", LoadBalancerArn=of, Protocol="HTTP", Port="80", **action), "ListenerArn")
    for priority in range(1, 21):  # none of which a visit meets
        ask(
            "CreateRule",
            ListenerArn=listener,
            Priority=str(priority),
            **{
                "Conditions.member.1.Field": "path-pattern",
                "Conditions.member.1.Values.member.1": f"/other/{priority}/*",
                "Actions.member.1.Type": "forward",
                "Actions.member.1.TargetGroupArn": group,
            },
        )


def _block(connection: Connection, content: bytes) -> Callable[[], float]:
    return lambda: statistics.median(connection.timed(content) for _ in range(_BLOCK))


_HEALTH = request("GET", "/_samovar/health", b"", "")


def _connected(port: int, trust: ssl.SSLContext | None) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), 20)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return trust.wrap_socket(made, server_hostname="localhost") if trust else made


def _ask(connection: socket.socket) -> None:
    connection.sendall(_HEALTH)
    data = b""
    while not data.endswith(b"}"):
        data += connection.recv(65_536)


def _visits(port: int, trust: ssl.SSLContext | None) -> Callable[[], float]:
    def visit() -> float:
        began = time.perf_counter()
        with _connected(port, trust) as connection:
            _ask(connection)
        return (time.perf_counter() - began) * 1000

    return lambda: statistics.median(visit() for _ in range(20))


def _kept(port: int, trust: ssl.SSLContext | None) -> Callable[[], float]:
    connection = _connected(port, trust)

    def ask() -> float:
        began = time.perf_counter()
        _ask(connection)
        return (time.perf_counter() - began) * 1000

    return lambda: statistics.median(ask() for _ in range(_BLOCK))
