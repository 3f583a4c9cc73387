"""The control plane: reads, a package of a megabyte, and a list of ten thousand functions.

Times are round trips of the lean client on one connection: what the server takes, and some 30 us of the client's own.
"""

import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import servers
from client import Connection, Functions, request
from cold import HELLO
from measure import Numbers, durable_write, in_turns

_MANY = 10_000
_MEGABYTE = 1_000_000


def reads(thorough: bool) -> dict[str, Numbers]:
    """What tools read most, of a function with ten versions; the slowest of them counts."""
    with servers.samovar("--ephemeral") as server, Connection(server.port) as connection:
        functions = Functions(server.port, servers.RUNTIME)
        name = functions.create(HELLO)
        for _ in range(100):
            functions.create(HELLO)
        server.settle()
        path = f"/2015-03-31/functions/{name}"
        for number in range(10):
            change = json.dumps({"Description": str(number)}).encode()
            connection.exchange(request("PUT", f"{path}/configuration", change))
            server.settle()
            connection.exchange(request("POST", f"{path}/versions", b"{}"))
            server.settle()
        alias = json.dumps({"Name": "live", "FunctionVersion": "1"}).encode()
        connection.exchange(request("POST", f"{path}/aliases", alias))
        asked = {
            "GetFunction": path,
            "GetFunctionConfiguration": f"{path}/configuration",
            "GetAlias": f"{path}/aliases/live",
            "ListVersionsByFunction": f"{path}/versions",
            "ListFunctions": "/2015-03-31/functions",
            "GetAccountSettings": "/2016-08-19/account-settings",
        }
        gets = {operation: request("GET", where, b"") for operation, where in asked.items()}
        took = in_turns(
            20, 200 if thorough else 30, **{name: lambda get=get: connection.timed(get) for name, get in gets.items()}
        )
    beside = ", ".join(f"{operation} {ms:.2f} ms" for operation, ms in took.items())
    return {"control-reads": Numbers({"ms": max(took.values())}, beside)}


def megabyte(thorough: bool) -> dict[str, Numbers]:
    """CreateFunction with a zip of 1 MB, on disk, beside a file of that size written and synchronised there."""
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as folder:
        data, beside = Path(folder, "data"), Path(folder, "beside")
        beside.mkdir()
        with servers.samovar("--data-dir", str(data)) as server, Connection(server.port) as connection:
            functions = Functions(server.port, servers.RUNTIME)
            functions.create(HELLO)
            server.settle()

            def deploy() -> float:
                _, creation = functions.creation(HELLO, ballast=os.urandom(_MEGABYTE))
                return connection.timed(creation)

            write = durable_write(beside, os.urandom(_MEGABYTE))
            took = in_turns(20, 40 if thorough else 10, write=write, deploy=deploy)
    values = {"x a durable write": took["deploy"] / took["write"], "ms": took["deploy"]}
    return {"create-1mb": Numbers(values, f"write {took['write']:.2f} ms")}


def listing(thorough: bool) -> dict[str, Numbers]:
    """A page of fifty in the middle of ten thousand functions, beside the same page of a hundred."""
    with (
        servers.samovar("--ephemeral") as few,
        servers.samovar("--ephemeral") as many,
        ExitStack() as connections,
    ):
        pages, first = {}, 0.0
        for server, count in ((few, 100), (many, _MANY)):
            pages[server], first = _filled(server, count)
        to_few, to_many = (connections.enter_context(Connection(server.port)) for server in (few, many))
        took = in_turns(
            20,
            100 if thorough else 20,
            few=lambda: to_few.timed(pages[few]),
            many=lambda: to_many.timed(pages[many]),
        )
    values = {"x a list of 100": took["many"] / took["few"], "ms": took["many"]}
    return {"list-10000": Numbers(values, f"of 100: {took['few']:.2f} ms; seen first: {first:.2f} ms")}


def _filled(server: servers.Started, count: int) -> tuple[bytes, float]:
    """Create so many functions; the request of the page in their middle, and how long the pages before it took, which
    nobody had asked for yet."""
    functions = Functions(server.port, servers.RUNTIME)
    path, took = "/2015-03-31/functions", []
    with Connection(server.port) as connection:
        for _ in range(count):
            connection.exchange(functions.creation(HELLO)[1])
        server.settle()
        for _ in range(count // 2 // 50):
            began = time.perf_counter()
            answer = connection.exchange(request("GET", path, b""))
            took.append((time.perf_counter() - began) * 1000)
            path = f"/2015-03-31/functions?Marker={json.loads(answer)['NextMarker']}"
    return request("GET", path, b""), median(took)
