"""What running functions costs at least: hello's server, with each body answered by another process.

There is nothing of Lambda's in it. The other process reads a frame (4 bytes of length, then the body) from a socket,
takes its JSON apart and writes an answer back, as a handler does. A process answers one request at a time; requests
that find none free wait in line. What this takes more than hello is the machine's: two wake-ups on the way. What the
platform takes more than this is its own.

Run as a program, with the number of processes, it prints its port and serves until it is killed.
"""

import asyncio
import socket
import subprocess
import sys
from collections import deque
from typing import cast

import uvloop

from samovar.net.message import Limits, Reply, Request, Response
from samovar.net.server import serve

_HEADERS = [("Content-Type", "application/json"), ("x-amzn-RequestId", "0" * 36), ("X-Amz-Executed-Version", "$LATEST")]
_WORKER = """
import json, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
while frame := link.recv(65536):
    event = json.loads(frame[4:])
    answer = json.dumps({"statusCode": 200, "body": "hello"}).encode()
    link.sendall(len(answer).to_bytes(4, "little") + answer)
"""


class Relay:
    """The processes that wait, and the requests that wait for one."""

    def __init__(self) -> None:
        self.idle: deque[Worker] = deque()
        self.waiting: deque[tuple[bytes, Reply]] = deque()

    def handle(self, request: Request, reply: Reply) -> None:
        if self.idle:
            self.idle.pop().ask(request.body, reply)
        else:
            self.waiting.append((request.body, reply))

    def free(self, worker: "Worker") -> None:
        if self.waiting:
            worker.ask(*self.waiting.popleft())
        else:
            self.idle.append(worker)


class Worker(asyncio.Protocol):
    """One process's link. A frame of the answers here comes in one piece: it is small."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class
        self._relay.free(self)

    def ask(self, body: bytes, reply: Reply) -> None:
        self._reply = reply
        self._transport.write(len(body).to_bytes(4, "little") + body)

    def data_received(self, data: bytes) -> None:
        reply = self._reply
        self._relay.free(self)
        reply(Response(200, _HEADERS, data[4:]))


def _started() -> socket.socket:
    """The link to a new process, which ends when its link does."""
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen([sys.executable, "-S", "-c", _WORKER, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    ours.setblocking(False)
    return ours


async def main(links: list[socket.socket]) -> None:
    relay = Relay()
    for link in links:
        await asyncio.get_running_loop().create_connection(lambda: Worker(relay), sock=link)
    server = await serve(relay.handle, host="127.0.0.1", port=0, limits=Limits())
    print(server.address[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main([_started() for _ in range(int(sys.argv[1]))]))
