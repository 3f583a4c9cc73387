"""Load balancers of a running platform, a plain HTTP client that speaks to them, and servers to stand behind them."""

import http.client
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

SUBNETS = ["subnet-1", "subnet-2"]
ECHO = """
    import json

    def handler(event, context):
        if "raw" in event.get("path", ""):
            return json.loads(event["body"])
        kind = "multiValueHeaders" if "multiValueHeaders" in event else "headers"
        of = "application/json"
        return {"statusCode": 200, kind: {"content-type": [of] if kind[0] == "m" else of}, "body": json.dumps(event)}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Page:
    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self) -> str:
        return f"Page({self.status}, {self.headers.items()}, {self.body[:500]!r})"

    @property
    def value(self) -> Any:
        return json.loads(self.body)


class Balancer:
    """A load balancer with one listener. Call it with a method and a path."""

    def __init__(self, endpoint: str, elb: Any, name: str, action: dict[str, Any]) -> None:
        self.elb = elb
        made = elb.create_load_balancer(Name=name, Subnets=SUBNETS)["LoadBalancers"][0]
        self.arn, self.host = made["LoadBalancerArn"], made["DNSName"]
        listener = elb.create_listener(LoadBalancerArn=self.arn, Protocol="HTTP", Port=80, DefaultActions=[action])
        self.listener = listener["Listeners"][0]["ListenerArn"]
        self._server = urlsplit(endpoint).netloc

    def __call__(
        self,
        method: str = "GET",
        path: str = "/",
        body: Any = None,
        host: str = "",
        headers: list[tuple[str, str]] | None = None,
        chunked: bool = False,
    ) -> Page:
        connection = http.client.HTTPConnection(self._server, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host or self.host)
            for name, value in headers or []:
                connection.putheader(name, value)
            if isinstance(body, bytes) and not chunked:
                connection.putheader("Content-Length", str(len(body)))
            elif body is not None:
                connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(body, encode_chunked=chunked)
            answer = connection.getresponse()
            return Page(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def rule(self, priority: int, conditions: list[dict[str, Any]], action: dict[str, Any]) -> str:
        made = self.elb.create_rule(
            ListenerArn=self.listener, Priority=priority, Conditions=conditions, Actions=[action]
        )
        return made["Rules"][0]["RuleArn"]


def says(text: str, status: str = "200") -> dict[str, Any]:
    """A fixed response."""
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status, "MessageBody": text}}


def forward(group: str) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": group}


class Backend(http.server.ThreadingHTTPServer):
    """A server behind a load balancer, which says what it was asked."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Told)
        self.name = name
        self.healthy = True
        self.checks = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def target(self) -> dict[str, Any]:
        return {"Id": "127.0.0.1", "Port": self.server_port}


class Told(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backend

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.headers["User-Agent"] == "ELB-HealthChecker/2.0":
            self.server.checks += 1
            self.send_response(200 if self.server.healthy else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path == "/hang-up":
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        said = json.dumps(
            {
                "server": self.server.name,
                "method": self.command,
                "path": self.path,
                "headers": self.headers.items(),
                "size": len(body),
            }
        ).encode()
        self.send_response(201)
        self.send_header("X-Server", self.server.name)
        self.send_header("Set-Cookie", "app=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Connection", "keep-alive, X-Inner")
        self.send_header("X-Inner", "1")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_POST = do_PUT = do_HEAD = do_GET


def states(elb: Any, group: str) -> list[str]:
    found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return sorted(each["TargetHealth"]["State"] for each in found)


def until(holds: Callable[[], bool]) -> None:
    """Whatever becomes true, becomes so within a minute, however busy the machine is."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
