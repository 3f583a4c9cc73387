"""Layers with extensions, and functions that use them."""

import io
import itertools
import stat
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

_NAMES = itertools.count(1)

CLIENT = """\
#!/usr/bin/env python3
import http.client, json, os, sys, time

class Api:
    def __init__(self):
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        self.headers = {}

    def call(self, method, path, body=None, headers={}):
        self.connection.request(method, path, body, {**self.headers, **headers})
        answer = self.connection.getresponse()
        return answer, json.loads(answer.read() or b"null")

    def register(self, *events, name=os.path.basename(sys.argv[0])):
        body = json.dumps({"events": events})
        answer, said = self.call("POST", "/2020-01-01/extension/register", body, {"Lambda-Extension-Name": name})
        self.headers = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"] or ""}
        return said

    def next(self):
        return self.call("GET", "/2020-01-01/extension/event/next")[1]

    def fail(self, when, reason):
        headers = {"Lambda-Extension-Function-Error-Type": reason}
        return self.call("POST", f"/2020-01-01/extension/{when}/error", "{}", headers)

def say(*words):
    print(*words, flush=True)

api = Api()
"""
"""What the extensions of the tests begin with."""

QUIET = """
    say("registered", json.dumps(api.register("INVOKE", "SHUTDOWN")))
    while True:
        event = api.next()
        say("event", json.dumps(event))
        if event["eventType"] == "SHUTDOWN":
            break
"""
"""Tells what it hears, and goes when it should."""


@pytest.fixture
def quiet() -> str:
    return QUIET


@pytest.fixture
def source_of_quiet() -> str:
    """The same as a whole script."""
    return CLIENT + textwrap.dedent(QUIET)


@pytest.fixture
def extension_layer(platform: Any) -> Iterator[Callable[..., str]]:
    """Publishes a layer of extensions, by their names; returns the version's ARN."""
    lambda_, made = platform.client("lambda"), []

    def layer(extensions: Mapping[str, str], mode: int = 0o755) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, source in extensions.items():
                entry = zipfile.ZipInfo(f"extensions/{name}")
                entry.external_attr = (stat.S_IFREG | mode) << 16
                source = textwrap.dedent(source)
                archive.writestr(entry, source if source.startswith("#!") else CLIENT + source)
        published = lambda_.publish_layer_version(
            LayerName=f"extensions-{next(_NAMES)}", Content={"ZipFile": buffer.getvalue()}
        )
        made.append((published["LayerArn"], published["Version"]))
        return published["LayerVersionArn"]

    yield layer
    for arn, number in made:
        lambda_.delete_layer_version(LayerName=arn, VersionNumber=number)


@pytest.fixture
def extended(deploy: Any, extension_layer: Callable[..., str]) -> Callable[..., Any]:
    """Deploys a function with extensions: `extended(code, {name: source})`."""

    def extended(code: str, extensions: Mapping[str, str], **configuration: Any) -> Any:
        configuration = {"Timeout": 10, "MemorySize": 512} | configuration
        return deploy(code, Layers=[extension_layer(extensions)], **configuration)

    return extended


@pytest.fixture
def lines() -> Callable[..., list[str]]:
    """The log of a function as soon as a line of it contains `text`."""

    def lines(function: Any, text: str, within_s: float = 15.0) -> list[str]:
        until = time.monotonic() + within_s
        while True:
            found = [line for stream in function.log().values() for line in stream]
            if any(text in line for line in found):
                return found
            assert time.monotonic() < until, f"no {text!r} in {''.join(found)}"

    return lines
