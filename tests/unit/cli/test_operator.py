"""What the commands that ask a running server say when it refuses."""

import http.server
import threading
from pathlib import Path

import click
import pytest

from samovar.cli.operator import ask


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"message":"not for you"}' if self.path == "/json" else b"<html>no</html>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def endpoint():
    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("path", "said"), [("/json", "not for you"), ("/page", "<html>no</html>")])
def test_a_refusal_is_said_without_the_json_around_it(endpoint, path, said):
    with pytest.raises(click.ClickException) as refused:
        ask(endpoint, Path("none"), None, "GET", path)
    assert refused.value.message == f"the server refused: {said}"
