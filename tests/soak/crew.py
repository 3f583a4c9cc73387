"""Functions of every kind that this machine runs, for tests that go on for long: what they are, and how to call them.

Each answers with the token of its event, and says in its log that it ran for that token. `Crew` deploys them.
"""

import base64
import importlib.util
import io
import itertools
import json
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]


def _load(path: Path) -> Any:
    """A file of tests as a module: their folders are no packages."""
    spec = importlib.util.spec_from_file_location(f"soak_{path.parent.name}_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


Platform = _load(TESTS / "conftest.py").Platform
faults = _load(TESTS / "faults" / "conftest.py")
client = _load(TESTS / "speed" / "client.py")
"""One that costs little."""
_extensions = _load(TESTS / "parity" / "lambda_extensions" / "conftest.py")

_PYTHON = """
    import time
    BALLAST = list(range(20_000))
    def handler(event, context):
        print("ran", event["token"], flush=True)
        time.sleep(event.get("sleep", 0))
        return {"token": event["token"], "more": "x" * event.get("size", 0)}
"""
_NODE = """
    exports.handler = async (event) => {
      console.log('ran ' + event.token);
      await new Promise((resolve) => setTimeout(resolve, 1000 * (event.sleep || 0)));
      return {token: event.token, more: 'x'.repeat(event.size || 0)};
    };
"""
_CUSTOM = """\
#!/usr/bin/env python3
import http.client, json, os, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
base = "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", base + "next")
    answer = api.getresponse()
    event = json.loads(answer.read())
    print("ran", event["token"], flush=True)
    time.sleep(event.get("sleep", 0))
    body = json.dumps({"token": event["token"], "more": "x" * event.get("size", 0)})
    api.request("POST", base + answer.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", body)
    api.getresponse().read()
"""


class Crew:
    """The functions on one server; a restarted one has them still: `adopt`."""

    def __init__(self, platform: Any) -> None:
        self.platform = platform
        self.names: dict[str, str] = {}
        """Name -> qualifier, empty for none."""
        self._tokens = itertools.count()

    def deploy(self) -> None:
        self._deploy("python", {"h.py": _PYTHON})
        layer = self._layer()
        self._deploy("extended", {"h.py": _PYTHON}, Layers=[layer], MemorySize=256)
        if shutil.which("python3"):
            modes = {"bootstrap": 0o755}
            self._deploy("custom", {"bootstrap": _CUSTOM}, modes, Runtime="provided.al2023", Handler="none")
        if shutil.which("node"):
            self._deploy("node", {"index.js": _NODE}, Runtime="nodejs20.x", Handler="index.handler")
        snapshots = [name for name in usable_pythons() if int(name.rpartition(".")[2]) >= 12]
        if snapshots:
            on = {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": snapshots[0], "Publish": True}
            self._deploy("snapstart", {"h.py": _PYTHON}, **on)
            self.names["snapstart"] = "1"
            wait(lambda: self._state("snapstart", "1") != "Pending", within_s=120)
            assert self._state("snapstart", "1") == "Active"

    def adopt(self, platform: Any) -> None:
        self.platform = platform

    def _deploy(self, name: str, files: Mapping[str, str], modes: Mapping[str, int] = {}, **wanted: Any) -> None:
        function = self.platform.create(files, name, modes, **({"Timeout": 30} | wanted))
        function.settle()
        self.names[name] = ""

    def _state(self, name: str, qualifier: str) -> str:
        lambda_ = self.platform.client("lambda")
        return str(lambda_.get_function_configuration(FunctionName=name, Qualifier=qualifier)["State"])

    def _layer(self) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            entry = zipfile.ZipInfo("extensions/quiet")
            entry.external_attr = (stat.S_IFREG | 0o755) << 16
            archive.writestr(entry, _extensions.CLIENT + textwrap.dedent(_extensions.QUIET))
        content = {"ZipFile": buffer.getvalue()}
        published = self.platform.client("lambda").publish_layer_version(LayerName="quiet", Content=content)
        return str(published["LayerVersionArn"])

    def token(self) -> str:
        return f"t{os.getpid()}-{next(self._tokens)}"

    def call(self, name: str, **event: Any) -> Any:
        """One invocation: the Answer. Its token is new unless the event has one."""
        options = {"Qualifier": self.names[name]} if self.names[name] else {}
        options["LogType"] = "None"
        return self.platform.function(name)({"token": self.token()} | event, **options)

    def works(self, name: str) -> None:
        """An invocation that must come out right, tried once."""
        token = self.token()
        answer = self.call(name, token=token)
        assert answer.error is None and answer.value["token"] == token, f"{name}: {answer}"

    def requests(self) -> dict[str, Callable[[str], bytes]]:
        """Name -> the bytes of an Invoke request, for a client that costs little."""
        return {name: self._request(name, qualifier) for name, qualifier in self.names.items()}

    @staticmethod
    def _request(name: str, qualifier: str) -> Callable[[str], bytes]:
        query = f"?Qualifier={qualifier}" if qualifier else ""
        scope = "Credential=123456789012/20260101/us-east-1/lambda/aws4_request"
        signed = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature={'0' * 64}"
        head = f"POST /2015-03-31/functions/{name}/invocations{query} HTTP/1.1\r\nHost: localhost\r\n"
        head += f"X-Amz-Date: 20260101T000000Z\r\nAuthorization: {signed}\r\n"

        def request(event: str) -> bytes:
            return f"{head}Content-Length: {len(event)}\r\n\r\n{event}".encode()

        return request


def usable_pythons() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", "from samovar.cli import main; main()", "runtimes"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("yes  python")]


def wait(condition: Callable[[], Any], within_s: float = 30.0, what: Callable[[], object] = str) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"it didn't happen in time: {what()}"
        time.sleep(0.01)
    return value


def decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def ran(platform: Any, names: list[str]) -> dict[str, int]:
    """Token -> how often a function says that it ran for it."""
    logs, counts = platform.client("logs"), dict[str, int]()
    for name in names:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        try:
            for page in pages:
                for event in page["events"]:
                    message = str(event["message"])
                    at = message.find("ran t")
                    if at >= 0:
                        token = message[at + 4 :].split()[0]
                        counts[token] = counts.get(token, 0) + 1
        except logs.exceptions.ResourceNotFoundException:
            continue
    return counts


def encoded(event: Mapping[str, Any]) -> str:
    return json.dumps(event)
