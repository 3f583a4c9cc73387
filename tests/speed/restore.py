"""Restores: environments forked from one that has initialised (SnapStart, `--fork-warm`), against initialising."""

import socket
import time
from collections.abc import Callable

import servers
from client import Connection, Functions, invoke
from cold import all_at_once
from measure import Numbers, in_turns

_INIT = """
import time
import boto3
began = time.perf_counter()
clients = []
for name in boto3.Session().get_available_services():  # a large library: a service's model after the other
    if time.perf_counter() - began > 2:
        break
    clients.append(boto3.client(name, region_name="us-east-1"))

def handler(event, context):
    time.sleep(event.get("sleep", 0))
    return len(clients)
"""
_MEMORY_MB = 2048
_HELD = b'{"sleep": 1.5}'
_MANY = 100


def restores(thorough: bool) -> dict[str, Numbers]:
    """The first response of one more environment, restored, in turns with one that initialises in full for 2 s."""
    rounds = 9 if thorough else 3
    with (
        servers.samovar("--ephemeral", "--fork-warm") as forking,
        servers.samovar("--ephemeral") as plain,
        Connection(plain.port) as to_plain,
    ):
        functions = Functions(plain.port, servers.RUNTIME)

        def full() -> float:
            name = functions.create(_INIT, _MEMORY_MB)
            plain.settle()
            took = to_plain.timed(invoke(name))
            functions.delete(name)
            return took

        took = in_turns(120, rounds, restored=_one_more(forking), full=full)
        functions = Functions(forking.port, servers.RUNTIME)
        seconds = all_at_once(forking, functions, _MANY, _INIT, _HELD, _MEMORY_MB, warmed=True) - 1.5
    percent = 100 * took["restored"] / took["full"]
    values = {"% of full init": percent, "ms": took["restored"], f"s for {_MANY}": seconds}
    return {"restore": Numbers(values, f"full init {took['full']:.0f} ms")}


def _one_more(server: servers.Started) -> Callable[[], float]:
    """Milliseconds of an invocation for which no environment is idle: those there are held by others."""
    name = Functions(server.port, servers.RUNTIME).create(_INIT, _MEMORY_MB)
    with Connection(server.port) as connection:
        connection.exchange(invoke(name))
    there = 1

    def sample() -> float:
        nonlocal there
        server.settle()
        held = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(there)]
        for client in held:
            client.sendall(invoke(name, _HELD))
        time.sleep(0.7)  # they have begun, and what that set off is done
        with Connection(server.port) as connection:
            took = connection.timed(invoke(name))
        for client in held:
            client.recv(65536)
            client.close()
        there += 1
        return took

    return sample
