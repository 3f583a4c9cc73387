"""A web server of a test's own, that says what it was asked."""

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Streaming(list[Any]):
    """A body in chunks; at an event it waits until that is set."""


Answer = tuple[int, list[tuple[str, str]], bytes | Streaming]


class Asked:
    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.method = handler.command
        self.target = handler.path
        self.headers = handler.headers
        self.body = body
        secured = handler.connection
        self.certificate = secured.getpeercert(True) if isinstance(secured, ssl.SSLSocket) else None
        """What the client has shown, in DER."""


class Backend:
    """`with Backend(answer) as backend:` answers at `backend.url` until the end of the block."""

    def __init__(self, answer: Callable[[Asked], Answer], tls: ssl.SSLContext | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers, content = answer(Asked(self, body))
                self.send_response(status)
                if isinstance(content, Streaming):
                    self._stream(headers, content)
                    return
                for name, value in [*headers, ("Content-Length", str(len(content)))]:
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def _stream(self, headers: list[tuple[str, str]], content: Streaming) -> None:
                for name, value in [*headers, ("Transfer-Encoding", "chunked")]:
                    self.send_header(name, value)
                self.end_headers()
                for part in content:
                    if isinstance(part, bytes):
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                    else:
                        part.wait(60)
                self.wfile.write(b"0\r\n\r\n")

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _answer

            def log_message(self, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Backend":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def echo(asked: Asked) -> Answer:
    told = {
        "method": asked.method,
        "target": asked.target,
        "headers": {name.lower(): value for name, value in asked.headers.items()},
        "body": asked.body.decode("latin-1"),
    }
    return 200, [("Content-Type", "application/json"), ("X-Backend", "yes")], json.dumps(told).encode()
