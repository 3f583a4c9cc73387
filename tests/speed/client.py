"""A lean HTTP/1.1 client: one blocking keep-alive connection, requests made once and sent as they are.

Owns: what is sent to a server that is measured. The client's own cost is part of every warm number, so there is little.
"""

import base64
import io
import itertools
import json
import socket
import time
import zipfile

ROLE = "arn:aws:iam::000000000000:role/bench"
SIGNED = (
    "X-Amz-Date: 20260101T000000Z\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/lambda/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}\r\n"
)
"""Signatures aren't verified yet: only the scope is read."""


class HttpError(Exception):
    """An answer that isn't 2xx, or tells that the function failed; the text says which."""


class Connection:
    """To a server on loopback. `exchange` returns the body of the answer."""

    def __init__(self, port: int, timeout_s: float = 60.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def exchange(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        data = self._socket.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        at = data.find(b"Content-Length: ", 0, end)
        length = int(data[at + 16 : data.find(b"\r", at)]) if at >= 0 else 0
        body = data[end + 4 :]
        if len(body) < length:
            body = self._rest(body, length)
        if data[9:10] != b"2" or data.find(b"X-Amz-Function-Error", 0, end) > 0:
            raise HttpError(f"{data[:end].decode()}\n{body[:500].decode(errors='replace')}")
        return body

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def read_until(self, mark: bytes) -> None:
        """Read on until these bytes have come."""
        data = b""
        while mark not in data:
            data += self._more()

    def timed(self, request: bytes) -> float:
        """Milliseconds of one exchange."""
        began = time.perf_counter()
        self.exchange(request)
        return (time.perf_counter() - began) * 1000

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise HttpError("the server closed the connection")
        return data

    def _rest(self, begun: bytes, length: int) -> bytes:
        whole = bytearray(length)
        whole[: len(begun)] = begun
        view, have = memoryview(whole), len(begun)
        while have < length:
            count = self._socket.recv_into(view[have:])
            if not count:
                raise HttpError("the server closed the connection")
            have += count
        return bytes(whole)


def request(method: str, path: str, body: bytes, headers: str = SIGNED) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def invoke(name: str, payload: bytes = b"{}", *, signed: bool = True) -> bytes:
    path = f"/2015-03-31/functions/{name}/invocations"
    return request("POST", path, payload, SIGNED if signed else "")


class Functions:
    """Deploys functions; each gets a name that no other has."""

    _numbers = itertools.count()

    def __init__(self, port: int, runtime: str) -> None:
        self._port = port
        self._runtime = runtime

    def creation(self, code: str, memory_mb: int = 128, ballast: bytes = b"") -> tuple[str, bytes]:
        """A name, and the request that creates a function of that name; `code` has the handler `f.handler`.

        `ballast` is another file of its package.
        """
        name = f"bench-{next(self._numbers)}"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("f.py", code)
            if ballast:
                file.writestr("ballast", ballast)
        wanted = {
            "FunctionName": name,
            "Runtime": self._runtime,
            "Role": ROLE,
            "Handler": "f.handler",
            "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()},
            "MemorySize": memory_mb,
            "Timeout": 60,
        }
        return name, request("POST", "/2015-03-31/functions", json.dumps(wanted).encode())

    def create(self, code: str, memory_mb: int = 128) -> str:
        """A function that can be invoked."""
        name, creation = self.creation(code, memory_mb)
        shown = request("GET", f"/2015-03-31/functions/{name}/configuration", b"")
        with Connection(self._port) as connection:
            connection.exchange(creation)
            while json.loads(connection.exchange(shown))["State"] != "Active":
                time.sleep(0.01)
        return name

    def publish(self, code: str) -> str:
        """A version: where its provisioned concurrency is (path below `functions/`)."""
        name = self.create(code)
        with Connection(self._port) as connection:
            connection.exchange(request("POST", f"/2015-03-31/functions/{name}/versions", b"{}"))
        return f"{name}/provisioned-concurrency?Qualifier=1"

    def delete(self, name: str) -> None:
        with Connection(self._port) as connection:
            connection.exchange(request("DELETE", f"/2015-03-31/functions/{name}", b""))
