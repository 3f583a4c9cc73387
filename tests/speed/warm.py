"""Invocations of environments that are there: one client, many, boto3, large payloads; all beside the hello server.

Warm ones and throughput stand beside the relay, too: the least that running functions in other processes costs here.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import boto3
import servers
from botocore.config import Config
from client import Connection, Functions, invoke, request
from cold import HELLO
from measure import Numbers, in_turns

_MEMORY_MB = 1769
"""One whole CPU: with less, the function's own CPU limit would be measured."""
_EVENT = json.dumps({"key": "v" * 180}).encode()
_BLOCK = 100
_LARGE = json.dumps("x" * (6 * 1024 * 1024 - 2)).encode()


def one_client(thorough: bool) -> dict[str, Numbers]:
    """A raw client's median round trip, in blocks, in turns with hello: without and with freezing and a signature."""
    rounds = 40 if thorough else 8
    with (
        servers.hello() as hello,
        servers.relay() as relay,
        servers.samovar("--ephemeral") as freezing,
        servers.samovar("--ephemeral", freezes=False) as steady,
        Connection(hello.port) as to_hello,
        Connection(relay.port) as to_relay,
        Connection(freezing.port) as to_freezing,
        Connection(steady.port) as to_steady,
    ):
        here, there = (_deploy(server) for server in (freezing, steady))
        took = in_turns(
            60,
            rounds,
            hello=block(to_hello, invoke("any", _EVENT, signed=False)),
            relay=block(to_relay, invoke("any", _EVENT, signed=False)),
            warm=block(to_steady, invoke(there, _EVENT, signed=False)),
            signed_hello=block(to_hello, invoke("any", _EVENT)),
            all_in=block(to_freezing, invoke(here, _EVENT)),
            steady=block(to_steady, invoke(there, _EVENT)),
        )
    us = {name: ms * 1000 for name, ms in took.items()}
    freeze = 100 * (us["all_in"] / us["steady"] - 1)
    beside = f"hello {us['hello']:.1f} us; relay {us['relay']:.0f} us, {us['relay'] / us['hello']:.2f} x hello"
    warm = {"x hello": us["warm"] / us["hello"], "x relay": us["warm"] / us["relay"], "us": us["warm"]}
    return {
        "freeze": Numbers({"% of a warm invocation": freeze}, f"without {us['steady']:.0f} us"),
        "warm": Numbers(warm, beside),
        "warm-all-in": Numbers(
            {"x hello": us["all_in"] / us["signed_hello"], "us": us["all_in"]},
            f"hello {us['signed_hello']:.1f} us",
        ),
    }


def _deploy(server: servers.Started) -> str:
    """A function with one warm environment."""
    name = Functions(server.port, servers.RUNTIME).create(HELLO, _MEMORY_MB)
    with Connection(server.port) as connection:
        for _ in range(_BLOCK):
            connection.exchange(invoke(name))
    server.settle()
    return name


def block(connection: Connection, content: bytes) -> Callable[[], float]:
    return lambda: statistics.median(connection.timed(content) for _ in range(_BLOCK))


def with_boto3(thorough: bool) -> dict[str, Numbers]:
    """The same by boto3, whose own cost is most of it."""
    with servers.hello() as hello, servers.samovar("--ephemeral") as server:
        name = _deploy(server)
        took = in_turns(
            30,
            20 if thorough else 5,
            hello=_boto3_block(hello, name),
            warm=_boto3_block(server, name),
        )
    values = {"x hello": took["warm"] / took["hello"], "us": took["warm"] * 1000}
    return {"warm-boto3": Numbers(values, f"hello {took['hello'] * 1000:.0f} us")}


def _boto3_block(server: servers.Started, name: str) -> Callable[[], float]:
    client: Any = boto3.client(
        "lambda",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def once() -> float:
        began = time.perf_counter()
        client.invoke(FunctionName=name, Payload=_EVENT)["Payload"].read()
        return (time.perf_counter() - began) * 1000

    return lambda: statistics.median(once() for _ in range(20))


def large(thorough: bool) -> dict[str, Numbers]:
    """6 MB there and back."""
    with (
        servers.hello() as hello,
        servers.samovar("--ephemeral") as server,
        Connection(hello.port) as to_hello,
        Connection(server.port) as to_server,
    ):
        name = _deploy(server)
        echo, through = request("POST", "/echo", _LARGE), invoke(name, _LARGE)
        took = in_turns(
            30, 30 if thorough else 6, hello=lambda: to_hello.timed(echo), warm=lambda: to_server.timed(through)
        )
    ratio = took["warm"] / took["hello"]
    return {"payload-6mb": Numbers({"x echo": ratio, "ms": took["warm"]}, f"echo {took['hello']:.1f} ms")}


def many_clients(thorough: bool) -> dict[str, Numbers]:
    """Answers a second with 1, 2, 8, 16 and 64 connections, each with an environment of its own; and their CPU."""
    seconds, rounds = (1.5, 3) if thorough else (0.6, 1)
    rates, cpu = {}, {}
    counts = (1, 2, 8, 16, 64)
    with servers.hello() as hello, servers.relay(max(counts)) as relay, servers.samovar("--ephemeral") as server:
        name = _deploy(server)
        for connections in counts:
            loads = {}
            for label, at in (("hello", hello), ("relay", relay), ("samovar", server)):
                loads[label] = Load(at, invoke(name, _EVENT), connections, seconds)
            rates[connections] = in_turns(30, rounds, **loads)
            cpu[connections] = {label: statistics.median(load.cpu_us) for label, load in loads.items()}
    ratios = {f"x hello at {n}": rate["samovar"] / rate["hello"] for n, rate in rates.items()}
    ratios |= {f"x relay at {n}": rate["samovar"] / rate["relay"] for n, rate in rates.items() if n in (2, 64)}
    beside = "a second: " + ", ".join(
        f"{r['samovar']:,.0f} of {r['hello']:,.0f} at {n} (relay {r['relay']:,.0f})" for n, r in rates.items()
    )
    one = cpu[1]
    return {
        "throughput": Numbers(ratios, beside),
        "cpu-per-invocation": Numbers(
            {"x hello": one["samovar"] / one["hello"], "us": one["samovar"], "us at 64": cpu[64]["samovar"]},
            f"hello {one['hello']:.1f} us",
        ),
    }


class Load:
    """A run of the load generator: sampled, answers per second; `cpu_us` gathers the server tree's CPU per answer."""

    def __init__(self, server: servers.Started, content: bytes, connections: int, seconds: float) -> None:
        self.cpu_us: list[float] = []
        self._server = server
        self._content = content
        self._argv = [sys.executable, str(servers.HERE / "load.py"), str(server.port), str(connections), str(seconds)]

    def __call__(self) -> float:
        generator = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert generator.stdin is not None and generator.stdout is not None
        generator.stdin.write(self._content)
        generator.stdin.close()
        generator.stdout.readline()
        before = self._server.cpu_ns()
        line = generator.stdout.readline()
        spent = self._server.cpu_ns() - before
        generator.stdout.close()
        if generator.wait(60) != 0:
            raise RuntimeError("the load generator failed; its reason is above")
        rate, answers = line.split()
        self.cpu_us.append(spent / int(answers) / 1000)
        return float(rate)
