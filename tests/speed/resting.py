"""The server when it isn't busy: starting, storing a function, and what it and its environments weigh."""

import tempfile
import time
from pathlib import Path

import servers
from client import Connection, Functions, invoke, request
from cold import HELLO
from measure import Numbers, durable_write, in_turns, python

_MORE = 30


def start(thorough: bool) -> dict[str, Numbers]:
    """From starting the process to the first answered call of the AWS API."""
    listing = request("GET", "/2015-03-31/functions/", b"")

    def up() -> float:
        began = time.perf_counter()
        with servers.samovar("--ephemeral") as server, Connection(server.port) as connection:
            connection.exchange(listing)
            return (time.perf_counter() - began) * 1000

    took = in_turns(30, 9 if thorough else 3, python=python("print('hello')"), up=up)
    return {"server-start": Numbers({"ms": took["up"]}, f"python3 {took['python']:.0f} ms")}


def create(thorough: bool) -> dict[str, Numbers]:
    """CreateFunction with a small zip, on disk, beside one file written and synchronised there."""
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as folder:
        data, beside = Path(folder, "data"), Path(folder, "beside")
        beside.mkdir()
        with servers.samovar("--data-dir", str(data)) as server, Connection(server.port) as connection:
            functions = Functions(server.port, servers.RUNTIME)
            functions.create(HELLO)
            server.settle()
            numbers = iter(range(1_000_000))

            def deploy() -> float:
                _, creation = functions.creation(f"# {next(numbers)}\n{HELLO}")
                return connection.timed(creation)

            took = in_turns(20, 60 if thorough else 10, write=durable_write(beside, b"x" * 400), deploy=deploy)
    values = {"x a durable write": took["deploy"] / took["write"], "ms": took["deploy"]}
    return {"create-function": Numbers(values, f"write {took['write']:.2f} ms")}


def memory(thorough: bool) -> dict[str, Numbers]:
    """PSS of an idle server with one zygote and no box; then what each further environment adds to its processes."""
    with servers.samovar("--ephemeral", "--prefork", "0") as server:
        functions = Functions(server.port, servers.RUNTIME)
        with Connection(server.port) as connection:
            first = functions.create(HELLO)
            server.await_process("samovar-zygote")  # what it is called once it is warm
            server.settle()
            idle = _weigh(server)
            connection.exchange(invoke(first))
            server.settle()
            before = _weigh(server)
            for _ in range(_MORE):
                connection.exchange(invoke(functions.create(HELLO)))
            server.settle()
            after = _weigh(server)
    each = (after[1] - before[1]) / _MORE
    return {
        "idle-memory": Numbers({"MB": sum(idle)}, f"of it the server {idle[0]:.0f} MB"),
        "memory-per-environment": Numbers(
            {"MB": each}, f"in the server itself {(after[0] - before[0]) / _MORE * 1024:.0f} KB more"
        ),
    }


def _weigh(server: servers.Started) -> tuple[float, float]:
    """MB of the server's own process, and of all below it."""
    return servers.pss_mb([server.pid]), servers.pss_mb(server.tree()[1:])
