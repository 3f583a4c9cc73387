"""Others beside Samovar, in the same run: SQS and S3 of moto's server and of MiniStack, as far as they install.

    scripts/bench --peers [SECONDS]

They are installed from the package index into an environment that goes with the run. Each server gets the same requests
from the same client: SendMessage by one and by sixteen connections, PutObject and GetObject of 4 KB by sixteen. What is
shown is requests per second. Samovar is measured twice: with a data directory, where every answer to a write comes
after it has reached the disk, and with --ephemeral, which keeps things in memory, as the others do. All of them run all
the time and take turns.
"""

import contextlib
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import objects
import queues
import servers
from client import request
from rich.console import Console
from rich.table import Table

_PATIENCE_S = 60
_TURNS = 5
_BODY = "x" * 200
_PACKAGES = ("moto[server]", "ministack")


class Client:
    """One connection that asks the same again and again, also of servers that close after each answer."""

    def __init__(self, port: int, sent: bytes) -> None:
        self._port = port
        self._sent = sent
        self._data = b""
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        self.socket.sendall(self._sent)

    def read(self) -> bytes | None:
        """What has come, when it is whole; the connection is there for the next."""
        more = self.socket.recv(65536)
        self._data += more
        head, end, body = self._data.partition(b"\r\n\r\n")
        folded = head.lower()
        if not more and not end:
            raise ConnectionError("closed without an answer")
        if not end or (more and not _is_whole(folded, body)):
            return None
        if not head.startswith(b"HTTP/1.1 2") and not head.startswith(b"HTTP/1.0 2"):
            raise ConnectionError(f"answered {self._data[:400]!r}")
        self._data = b""
        if not more or b"connection: close" in folded or folded.startswith(b"http/1.0"):
            self.socket.close()
            self._connect()
        return body


def _is_whole(head: bytes, body: bytes) -> bool:
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length:")), None)
    return length is None or len(body) >= int(length.partition(b":")[2])


def per_second(port: int, connections: int, seconds: float, sent: bytes) -> float:
    poll, clients = select.epoll(), {}
    made = [Client(port, sent.replace(b"%d", b"%d" % number)) for number in range(connections)]
    for client in made:
        client.ask()
        clients[client.socket.fileno()] = client
        poll.register(client.socket, select.EPOLLIN)
    answered, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        for fd, _ in poll.poll(_PATIENCE_S):
            client = clients.pop(fd)
            whole = client.read()
            if client.socket.fileno() != fd or (whole is not None and client.socket.fileno() not in clients):
                with contextlib.suppress(OSError):
                    poll.register(client.socket, select.EPOLLIN)
            clients[client.socket.fileno()] = client
            if whole is not None:
                client.ask()
                answered += 1
    took = time.perf_counter() - began
    for client in made:
        client.socket.close()
    return answered / took


def once(port: int, sent: bytes) -> bytes:
    client = Client(port, sent)
    client.ask()
    while (body := client.read()) is None:
        pass
    client.socket.close()
    return body


def prepare(port: int) -> dict[str, tuple[int, bytes]]:
    """What is measured: a name, the connections, the request of each."""
    url = json.loads(once(port, queues._call("CreateQueue", {"QueueName": "bench"})))["QueueUrl"]
    send = queues._call("SendMessage", {"QueueUrl": url, "MessageBody": _BODY})
    once(port, request("PUT", "/bench", b"", objects._SIGNED))
    put = request("PUT", "/bench/%d", os.urandom(objects._SMALL), objects._SIGNED)
    once(port, put.replace(b"%d", b"0"))
    get = request("GET", "/bench/0", b"", objects._SIGNED)
    jobs = {"SendMessage, 1 client": (1, send), "SendMessage, 16": (16, send), "PutObject 4 KB, 16": (16, put)}
    return jobs | {"GetObject 4 KB, 16": (16, get)}


def measure(ports: dict[str, int], seconds: float) -> dict[str, dict[str, float]]:
    """Name of the server -> the row's name -> the median of several turns; the servers take turns, so that what else
    the machine does falls on all of them."""
    jobs = {name: prepare(port) for name, port in ports.items()}
    measured: dict[str, dict[str, float]] = {name: {} for name in ports}
    for row in next(iter(jobs.values())):
        turns: dict[str, list[float]] = {name: [] for name in ports}
        for _ in range(_TURNS):
            for name, port in ports.items():
                turns[name].append(per_second(port, jobs[name][row][0], seconds / _TURNS, jobs[name][row][1]))
        for name, found in turns.items():
            measured[name][row] = statistics.median(found)
    return measured


@contextlib.contextmanager
def peer(argv: list[str], port: int, variables: dict[str, str]) -> Iterator[int]:
    """A server that listens on the port."""
    process = subprocess.Popen(
        argv, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def install(folder: Path) -> dict[str, Callable[[], contextlib.AbstractContextManager[int]]]:
    """Name and version -> starts it; those that can't be installed are told and left out."""
    found: dict[str, Callable[[], contextlib.AbstractContextManager[int]]] = {}
    for package in _PACKAGES:
        name = package.partition("[")[0]
        home = folder / name
        venv.create(home, with_pip=True)
        python = str(home / "bin" / "python")
        installed = subprocess.run([python, "-m", "pip", "install", "-q", package], capture_output=True, text=True)
        if installed.returncode:
            print(f"{package} can't be installed: {installed.stderr[-500:]}", file=sys.stderr)
            continue
        asked = f"from importlib.metadata import version; print(version({name!r}))"
        version = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
        found[f"{name} {version}"] = lambda name=name, home=home: _started(name, home)
    return found


def _started(name: str, home: Path) -> contextlib.AbstractContextManager[int]:
    port = _free_port()
    if name == "moto":
        return peer([str(home / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, {})
    return peer([str(home / "bin" / "ministack")], port, {"GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1"})


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory(prefix="samovar-peers-") as folder, contextlib.ExitStack() as running:
        found = install(Path(folder))
        ports: dict[str, int] = {}
        for name, flags in (("durable", ("--data-dir", str(Path(folder, "data")))), ("in memory", ("--ephemeral",))):
            ports[f"samovar {name}"] = running.enter_context(servers.samovar(*flags)).port
        for name, start in found.items():
            port = running.enter_context(start())
            try:
                prepare(port)
                ports[name] = port
            except (OSError, ValueError, KeyError) as error:
                print(f"{name} isn't measured: {error}", file=sys.stderr)
        measured = measure(ports, seconds)
    table = Table()
    table.add_column("requests a second")
    for name in measured:
        table.add_column(name)
    for row in next(iter(measured.values())):
        table.add_row(row, *(f"{numbers[row]:,.0f}" for numbers in measured.values()))
    Console(width=None if sys.stdout.isatty() else 150).print(table)


if __name__ == "__main__":
    main()
