"""Cold starts: the first response of functions that nobody has called before; and many environments at once."""

import json
import select
import socket
import time
from collections.abc import Callable

import servers
from client import Connection, Functions, HttpError, invoke, request
from measure import SITE, Fork, Numbers, in_turns, python

HELLO = "def handler(event, context):\n    return event\n"
_CLIENTS = "import boto3\nclients = [boto3.client(name) for name in ('s3', 'sqs', 'dynamodb')]\n"
_SLEEPING = "import time\n\ndef handler(event, context):\n    time.sleep(1)\n    return event\n"
_MANY = 300


def starts(thorough: bool) -> dict[str, Numbers]:
    """From a prepared box, from scratch, with boto3 clients; in turns with a bare fork and an unsandboxed python3."""
    rounds = 60 if thorough else 12
    with (
        Fork() as fork,
        Fork("boto3.session, botocore.auth, botocore.httpsession, botocore.parsers") as zygote,
        servers.samovar("--ephemeral") as prepared,
        servers.samovar("--ephemeral", "--prefork", "0") as scratch,
    ):
        took = in_turns(
            60,
            rounds,
            fork=fork,
            zygote=zygote,
            prepared=_first_response(prepared, HELLO),
            scratch=_first_response(scratch, HELLO),
            python=python("print('hello')"),
        )
        clients = in_turns(
            40,
            rounds // 4,
            prepared=_first_response(prepared, _CLIENTS + HELLO),
            python=python(_CLIENTS + "print('hello')", SITE),
        )
    beside = f"bare fork {took['fork']:.2f} ms, with boto3 imported {took['zygote']:.2f} ms"
    return {
        "cold-prepared": Numbers(_against_forks(took["prepared"], took), beside),
        "cold-scratch": Numbers(_against_forks(took["scratch"], took), beside),
        "cold-against-exec": Numbers(
            {
                "times faster from scratch": took["python"] / took["scratch"],
                "from a prepared box": took["python"] / took["prepared"],
                "with boto3 clients": clients["python"] / clients["prepared"],
            },
            f"python3 {took['python']:.0f} ms, with boto3 clients {clients['python']:.0f} ms",
        ),
    }


def _against_forks(ms: float, took: dict[str, float]) -> dict[str, float]:
    return {"x bare fork": ms / took["fork"], "ms": ms, "x fork with boto3": ms / took["zygote"]}


def _first_response(server: servers.Started, code: str) -> Callable[[], float]:
    """Milliseconds to the first response of a function deployed just now, once everything around it rests."""
    functions = Functions(server.port, servers.RUNTIME)
    functions.create(code)  # the first one starts the zygote
    server.settle()
    last = ""

    def sample() -> float:
        nonlocal last
        if last:
            functions.delete(last)
        last = functions.create(code)
        with Connection(server.port) as connection:
            server.settle()
            return connection.timed(invoke(last))

    return sample


def network(thorough: bool) -> dict[str, Numbers]:
    """What a way to the outside adds to a start from scratch, where nothing is made beforehand."""
    rounds = 60 if thorough else 12
    with (
        servers.samovar("--ephemeral", "--prefork", "0", "--function-network", "outbound") as outside,
        servers.samovar("--ephemeral", "--prefork", "0", "--function-network", "isolated") as alone,
    ):
        took = in_turns(
            40, rounds, outside=_first_response(outside, HELLO), alone=_first_response(alone, HELLO)
        )
    beside = f"with a way to the outside {took['outside']:.2f} ms, without {took['alone']:.2f} ms"
    return {"network": Numbers({"ms": took["outside"] - took["alone"]}, beside)}


def burst(thorough: bool) -> dict[str, Numbers]:
    """Invocations sent all at once, of a function that sleeps a second: each needs an environment that isn't there."""
    with Fork() as fork, servers.samovar("--ephemeral") as server:
        functions = Functions(server.port, servers.RUNTIME)
        functions.create(_SLEEPING)
        server.settle()
        took = in_turns(
            30, 3 if thorough else 1, fork=fork, hundred=lambda: all_at_once(server, functions, 100)
        )
        failed = 0
        try:
            all_at_once(server, functions, _MANY)
        except (HttpError, OSError):
            failed = _MANY
    rate = 100 / (took["hundred"] - 1)
    return {
        "burst": Numbers(
            {"environments a second": rate, "at once with nothing failing": _MANY - failed},
            f"bare fork {took['fork']:.2f} ms",
        )
    }


def provisioned(thorough: bool) -> dict[str, Numbers]:
    """Provisioned concurrency, from the request to READY."""
    with Fork() as fork, servers.samovar("--ephemeral") as server:
        place = Functions(server.port, servers.RUNTIME).publish(HELLO)
        server.settle()
        took = in_turns(30, 3 if thorough else 1, fork=fork, hundred=lambda: _provision(server, place, 100))
    return {
        "provisioned": Numbers({"environments a second": 100_000 / took["hundred"]}, f"bare fork {took['fork']:.2f} ms")
    }


def _provision(server: servers.Started, place: str, count: int) -> float:
    """Milliseconds until so many are ready; then they go again."""
    path = f"/2019-09-30/functions/{place}"
    body = json.dumps({"ProvisionedConcurrentExecutions": count}).encode()
    with Connection(server.port) as connection:
        began = time.perf_counter()
        connection.exchange(request("PUT", path, body))
        while (stands := json.loads(connection.exchange(request("GET", path, b""))))["Status"] != "READY":
            if stands["Status"] == "FAILED" or time.perf_counter() > began + 60:
                raise RuntimeError(f"{count} environments could not be provisioned: {stands}")
            time.sleep(0.005)
        took = (time.perf_counter() - began) * 1000
        connection.exchange(request("DELETE", path, b""))
    server.settle()
    return took


def all_at_once(
    server: servers.Started,
    functions: Functions,
    count: int,
    code: str = _SLEEPING,
    event: bytes = b"{}",
    memory_mb: int = 128,
    *,
    warmed: bool = False,
) -> float:
    """Seconds until all have answered. `warmed`: the function was invoked once before."""
    name = functions.create(code, memory_mb)
    request = invoke(name, event)
    if warmed:
        with Connection(server.port) as connection:
            connection.exchange(invoke(name))
    waiting = {}
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        waiting[client.fileno()] = client
    server.settle()
    poll = select.epoll()
    began = time.perf_counter()
    try:
        for fd, client in waiting.items():
            client.sendall(request)
            poll.register(fd, select.EPOLLIN)
        while waiting:
            ready = poll.poll(60)
            if not ready:
                raise HttpError(f"{len(waiting)} of {count} didn't answer within 60 s")
            for fd, _ in ready:
                answer = waiting[fd].recv(65536)
                if answer[9:12] != b"200" or b"X-Amz-Function-Error" in answer:
                    raise HttpError(answer[:500].decode(errors="replace"))
                waiting.pop(fd).close()
        return time.perf_counter() - began
    finally:
        poll.close()
        for client in waiting.values():
            client.close()
        functions.delete(name)
        server.settle()
