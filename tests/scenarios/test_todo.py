"""examples/todo as its user has it: deployed with its script, then asked over HTTP."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "examples" / "todo" / "deploy.py"


ACCOUNT = "100000000777"
"""Of this file's own."""


@pytest.fixture(scope="module")
def deploy(endpoint):
    def deploy(*arguments):
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAMOVAR_"))}
        environ |= {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any"}
        command = [sys.executable, str(DEPLOY), "--endpoint", endpoint, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environ)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    yield deploy
    deploy("--remove")


@pytest.fixture(scope="module")
def ask(deploy, endpoint):
    address = urlsplit(deploy())

    def ask(method, path, content=None, **headers):
        body = None if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
        request = urllib.request.Request(f"{endpoint}{address.path}{path}", body, method=method)
        for name, value in ({"Host": address.netloc, "Content-Type": "application/json"} | headers).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.headers, json.loads(answer.read() or b"null")

    return ask


def test_things_to_do_are_made_listed_changed_and_done_with(ask):
    assert ask("GET", "/todos")[2] == {"todos": []}
    status, headers, tea = ask("POST", "/todos", {"text": "grünen Tee kaufen"})
    assert (status, tea["text"], tea["done"]) == (201, "grünen Tee kaufen", False)
    where = headers["location"]
    status, headers, read = ask("GET", where)
    assert (status, read) == (200, tea)
    status, _, changed = ask("PUT", where, {"text": "drink it", "done": True}, **{"If-Match": headers["etag"]})
    assert (status, changed) == (200, tea | {"text": "drink it", "done": True})
    assert ask("PUT", where, {"text": "too late"}, **{"If-Match": headers["etag"]})[0] == 409
    assert ask("GET", "/todos")[2] == {"todos": [changed]}
    assert ask("DELETE", where)[0] == 204
    assert ask("GET", where)[0] == 404


def test_what_is_no_thing_to_do_is_refused(ask):
    for body in (b"", b"{", b"[]", b'{"text": ""}', b'{"text": 1}', b'{"text": "a", "done": "b"}'):
        status, _, said = ask("POST", "/todos", body)
        assert status == 400 and said["message"], body


def test_a_path_or_method_that_the_api_does_not_have_never_reaches_the_function(ask):
    missing = {"message": "Missing Authentication Token"}
    assert ask("GET", "/nothing")[::2] == (403, missing) and ask("PATCH", "/todos", {})[::2] == (403, missing)
