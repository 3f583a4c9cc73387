"""Two debuggers' clients, as editors have them: the Debug Adapter Protocol and V8's inspector over a web socket."""

import base64
import http.client
import itertools
import json
import os
import socket
import struct
import time
from typing import Any
from urllib.parse import urlparse

PATIENCE_S = 60


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class _Client:
    """Requests, their answers, and events that are kept until somebody waits for them."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._numbers = itertools.count(1)
        self._kept: list[dict[str, Any]] = []

    def close(self) -> None:
        self._reader.close()
        self._connection.close()

    def _until(self, wanted: Any) -> dict[str, Any]:
        for number, message in enumerate(self._kept):
            if wanted(message):
                return self._kept.pop(number)
        while True:
            message = self._receive()
            if wanted(message):
                return message
            self._kept.append(message)

    def _receive(self) -> dict[str, Any]:
        raise NotImplementedError


def _connect(port: int) -> socket.socket:
    """The port opens with the first invocation, which may only just have begun."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise


class Dap(_Client):
    """debugpy's side of an editor."""

    def __init__(self, port: int) -> None:
        super().__init__(_connect(port))
        self.ask("initialize", adapterID="test", pathFormat="path")
        self._attached = self.begin("attach", justMyCode=True)
        self.event("initialized")

    def ready(self) -> None:
        """All breakpoints are set."""
        self.ask("configurationDone")
        self._answer(self._attached)

    def begin(self, command: str, **arguments: Any) -> int:
        number = next(self._numbers)
        request = {"seq": number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._connection.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return number

    def ask(self, command: str, **arguments: Any) -> Any:
        return self._answer(self.begin(command, **arguments))

    def _answer(self, number: int) -> Any:
        answer = self._until(lambda message: message.get("request_seq") == number)
        assert answer["success"], answer
        return answer.get("body")

    def event(self, name: str) -> Any:
        return self._until(lambda message: message.get("event") == name).get("body")

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self._reader.readline().strip():
            length = int(line.partition(b":")[2])
        assert length, "the debugger has gone"
        found: dict[str, Any] = json.loads(self._reader.read(length))
        return found


class Inspector(_Client):
    """V8's side of an editor."""

    def __init__(self, port: int) -> None:
        listing = http.client.HTTPConnection("127.0.0.1", port)
        listing.sock = _connect(port)
        listing.request("GET", "/json/list")
        [target] = json.loads(listing.getresponse().read())
        listing.close()
        super().__init__(_connect(port))
        key = base64.b64encode(os.urandom(16)).decode()
        path = urlparse(target["webSocketDebuggerUrl"]).path
        self._connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        assert b"101" in self._reader.readline()
        while self._reader.readline().strip():
            pass

    def ask(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        text = json.dumps({"id": number, "method": method, "params": parameters}).encode()
        mask = os.urandom(4)
        length = struct.pack("!BH", 0x80 | 126, len(text))
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
        self._connection.sendall(b"\x81" + length + mask + masked)
        answer = self._until(lambda message: message.get("id") == number)
        assert "error" not in answer, answer
        return answer["result"]

    def event(self, method: str) -> Any:
        return self._until(lambda message: message.get("method") == method)["params"]

    def _receive(self) -> dict[str, Any]:
        _, length = self._reader.read(2)
        if length == 126:
            (length,) = struct.unpack("!H", self._reader.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._reader.read(8))
        found: dict[str, Any] = json.loads(self._reader.read(length))
        return found
