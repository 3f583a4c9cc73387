"""Response streaming: when the first byte is there, of a Node.js function that goes on for long."""

import base64
import io
import json
import shutil
import time
import zipfile
from collections.abc import Callable

import servers
from client import ROLE, Connection, invoke, request
from measure import Numbers, in_turns

_STREAMING = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write('first');
  await new Promise((resolve) => setTimeout(resolve, 50));
  stream.end('last');
});
exports.whole = async (event) => 'whole';
"""


def first_byte(thorough: bool) -> dict[str, Numbers]:
    """From the request to the first piece, in turns with a whole answer; the last piece is 50 ms away."""
    node = shutil.which("node")
    if node is None:
        return {}
    with servers.samovar("--ephemeral") as server, Connection(server.port) as connection:
        for name in ("handler", "whole"):
            connection.exchange(_creation(name))
        server.settle()
        path = "/2021-11-15/functions/handler/response-streaming-invocations"
        first = _until(server, request("POST", path, b"{}"), b"first")
        whole = _until(server, invoke("whole"), b"whole")
        took = in_turns(30, 60 if thorough else 12, first=first, whole=whole)
    return {
        "first-byte": Numbers(
            {"x a whole answer": took["first"] / took["whole"], "ms": took["first"]}, f"whole {took['whole']:.2f} ms"
        )
    }


def _until(server: servers.Started, content: bytes, mark: bytes) -> Callable[[], float]:
    def once() -> float:
        with Connection(server.port) as connection:
            began = time.perf_counter()
            connection.send(content)
            connection.read_until(mark)
            took = (time.perf_counter() - began) * 1000
            if mark == b"first":
                connection.read_until(b"last")
        server.settle(0.3)
        return took

    once()
    return once


def _creation(handler: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.js", _STREAMING)
    wanted = {
        "FunctionName": handler,
        "Runtime": "nodejs20.x",
        "Role": ROLE,
        "Handler": f"index.{handler}",
        "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()},
        "MemorySize": 1769,
    }
    return request("POST", "/2015-03-31/functions", json.dumps(wanted).encode())
