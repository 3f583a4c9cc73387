"""The reference: Samovar's own HTTP server and event loop, answering a constant (or, at /echo, the request's body).

Run as a program it prints its port and serves until it is killed.
"""

import asyncio

import uvloop

from samovar.net.message import Limits, Reply, Request, Response
from samovar.net.server import serve

_BODY = b'{"statusCode": 200, "body": "hello"}'
_HEADERS = [("Content-Type", "application/json"), ("x-amzn-RequestId", "0" * 36), ("X-Amz-Executed-Version", "$LATEST")]


def handle(request: Request, reply: Reply) -> None:
    reply(Response(200, _HEADERS, request.body if request.path == "/echo" else _BODY))


async def main() -> None:
    server = await serve(handle, host="127.0.0.1", port=0, limits=Limits(body_bytes=16 << 20))
    print(server.address[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
