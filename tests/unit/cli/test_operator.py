"""What the commands that ask a running server say when it refuses."""

import http.server
import threading
from pathlib import Path

import click
import pytest

from samovar.cli.operator import Server


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        health = self.path == "/_samovar/health"  # asked for the time of a signature
        body = b'{"message":"not for you"}' if self.path == "/json" else b"<html>no</html>"
        self.send_response(200 if health else 403)
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
        Server(endpoint, Path("/data"), Path("none"), None).ask("GET", path)
    assert refused.value.message.startswith(f"the server refused: {said}")


def test_a_refusal_says_which_directory_had_the_key_or_had_none(endpoint):
    with pytest.raises(click.ClickException) as unsigned:
        Server(endpoint, Path("/data"), Path("none"), None).ask("GET", "/json")
    assert "no secret.key to sign with in /data; --data-dir" in unsigned.value.message
    with pytest.raises(click.ClickException) as signed:
        Server(endpoint, Path("/data"), Path("none"), bytes(32)).ask("GET", "/json")
    assert "that of /data" in signed.value.message and "--data-dir" in signed.value.message
