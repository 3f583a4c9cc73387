"""A Node.js environment's process without a box: the runtime under `node`, its channel, and what it printed."""

import json
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from samovar.engine.report import Lines

ENTRY = Path(__file__).parents[3] / "src" / "samovar" / "runtimes" / "nodejs" / "index.cjs"
NODE = shutil.which("node")
REQUEST_ID = "8a1b2c3d-0000-4000-8000-00000000000{}"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
_PATIENCE_S = 20


class Runtime:
    """The platform's side of one process."""

    arn = ARN
    request_ids = tuple(REQUEST_ID.format(number) for number in range(10))

    def __init__(self, root: Path, piped: bool = False) -> None:
        self.task, self.opt = root / "task", root / "opt"
        self._output = root / "output"
        for folder in (self.task, self.opt):
            folder.mkdir()
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(_PATIENCE_S)
        with theirs, self._output.open("wb") as output:
            self.process = subprocess.Popen(
                ["sh", "-c", f'exec "{NODE}" "{ENTRY}" 3<&0 </dev/null'],
                stdin=theirs,
                stdout=subprocess.PIPE if piped else output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.environ["PATH"], "LEFT_OVER": "from the start"},
            )
        assert self._receive(1) == b"W"

    def become(self, handler: str, runtime: str = "nodejs20.x", **variables: str) -> tuple[str, bytes]:
        """Send the configuration; the runtime's answer is N, or X with its reason."""
        environ = {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/31/[$LATEST]0",
            "PATH": os.environ["PATH"],
            "TZ": ":UTC",
            "_HANDLER": handler,
            **variables,
        }
        configuration = {"environ": environ, "handler": handler, "task": str(self.task), "opt": str(self.opt)}
        self.send("C", json.dumps(configuration).encode())
        return self.frame()

    def send(self, kind: str, content: bytes) -> None:
        self._channel.sendall(struct.pack("<I", len(content) + 1) + kind.encode() + content)

    def frame(self) -> tuple[str, bytes]:
        (length,) = struct.unpack("<I", self._receive(4))
        frame = self._receive(length)
        return chr(frame[0]), frame[1:]

    def deliver(self, payload: bytes, number: int = 1, *, trace: str = "", context: str = "") -> None:
        deadline = int(time.time() * 1000) + 3000
        sizes = (len(ARN), len(trace), len(context))
        head = struct.pack("<Q36sHHH", deadline, REQUEST_ID.format(number).encode(), *sizes)
        self.send("I", head + (ARN + trace + context).encode() + payload)

    def answer(self, number: int = 1) -> tuple[str, bytes]:
        kind, content = self.frame()
        assert content[:36].decode() == REQUEST_ID.format(number)
        return kind, content[36:]

    def invoke(self, event: Any = None, number: int = 1, **more: str) -> Any:
        """The handler's result."""
        self.deliver(json.dumps(event).encode(), number, **more)
        kind, content = self.answer(number)
        assert kind == "R", content
        return json.loads(content)

    def fail(self, event: Any = None, number: int = 1, **more: str) -> Any:
        """The handler's error."""
        self.deliver(json.dumps(event).encode(), number, **more)
        kind, content = self.answer(number)
        assert kind == "E", content
        return json.loads(content)

    def exit_status(self) -> int:
        return self.process.wait(_PATIENCE_S)

    def output(self) -> bytes:
        return self._output.read_bytes()

    def events(self) -> list[str]:
        """What was printed, cut into log events as the platform does it."""
        lines = Lines()
        return lines.feed(self.output()) + lines.flush()

    def hang_up(self) -> None:
        self._channel.close()

    def close(self) -> None:
        self._channel.close()
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._channel.recv(count - len(data))
            if not piece:
                raise EOFError(f"the process ended; it printed {self.output()!r}")
            data += piece
        return data


Start = Callable[..., Runtime]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Start]:
    """Start a process with these files in the task root, and those of `layer` in /opt; it has no function yet."""
    if NODE is None:
        pytest.skip("there is no node on this machine")
    made: list[Runtime] = []

    def make(files: dict[str, str], layer: dict[str, str] | None = None, piped: bool = False) -> Runtime:
        root = tmp_path / str(len(made))
        root.mkdir()
        runtime = Runtime(root, piped)
        made.append(runtime)
        for folder, contents in ((runtime.task, files), (runtime.opt, layer or {})):
            for name, text in contents.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
        return runtime

    yield make
    for runtime in made:
        runtime.close()


@pytest.fixture
def start(make: Start) -> Start:
    """Start a process and make it the function `index.handler` of the CommonJS source."""

    def start(source: str, runtime: str = "nodejs20.x", **variables: str) -> Runtime:
        made: Runtime = make({"index.js": source})
        assert made.become("index.handler", runtime, **variables) == ("N", b"")
        return made

    return start
