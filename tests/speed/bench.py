"""Measures the numbers that SPECIFICATION.md promises, and says which goals are reached.

    scripts/bench                    all of them, in some minutes
    scripts/bench warm cold-scratch  some
    scripts/bench --quick            fewer samples
    scripts/bench --record           also write what was measured into SPECIFICATION.md

Each benchmark stands beside what is named with it, measured in turns in the same run. Exits with 1 when a goal is
missed.
"""

import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import authority
import balancers
import click
import cold
import control
import events
import goals
import objects
import queues
import resting
import restore
import sockets
import streaming
import warm
import web_apis
from measure import Numbers
from rich.console import Console
from rich.table import Table

_RUNS: list[tuple[tuple[str, ...], Callable[[bool], dict[str, Numbers]]]] = [
    (("server-start",), resting.start),
    (("idle-memory", "memory-per-environment"), resting.memory),
    (("create-function",), resting.create),
    (("create-1mb",), control.megabyte),
    (("control-reads",), control.reads),
    (("list-10000",), control.listing),
    (("cold-prepared", "cold-scratch", "cold-against-exec"), cold.starts),
    (("network",), cold.network),
    (("burst",), cold.burst),
    (("provisioned",), cold.provisioned),
    (("restore",), restore.restores),
    (("warm", "warm-all-in", "freeze"), warm.one_client),
    (("warm-boto3",), warm.with_boto3),
    (("throughput", "cpu-per-invocation"), warm.many_clients),
    (("payload-6mb",), warm.large),
    (("http-api",), web_apis.http),
    (("rest-api",), web_apis.rest),
    (("first-byte",), streaming.first_byte),
    (("event-accept",), events.accepted),
    (("event-run",), events.ran),
    (("put-events-300",), events.put),
    (("signature", "decision"), authority.costs),
    (("sqs-send",), queues.sends),
    (("sqs-latency",), queues.into_functions),
    (("sqs-drain",), queues.drains),
    (("s3-small",), objects.small),
    (("s3-large",), objects.large),
    (("load-balancer",), balancers.function_behind),
    (("tls",), balancers.handshakes),
    (("websocket-message", "websocket-memory"), sockets.sockets),
]
"""What is measured together, because it is compared with the same."""
_AT_MOST_S = 900


@click.command()
@click.argument("names", nargs=-1)
@click.option("--quick", is_flag=True, help="Fewer samples: a first impression.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Also write the numbers to this file.")
@click.option("--record", is_flag=True, help="Write what was measured into SPECIFICATION.md.")
def main(names: tuple[str, ...], quick: bool, target: Path | None, record: bool) -> None:
    """Measure Samovar; NAMES choose benchmarks (all without any)."""
    known = [name for together, _ in _RUNS for name in together]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name!r} is none of: {', '.join(known)}")
    wanted = names or tuple(known)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(_AT_MOST_S)
    console = Console(width=None if sys.stdout.isatty() else 150)
    measured = _measure(wanted, quick)
    rows = goals.read(goals.PAGE.read_text())
    console.print(_table(rows, measured))
    if target is not None:
        target.write_text(json.dumps({name: numbers._asdict() for name, numbers in measured.items()}, indent=1) + "\n")
    if record:
        texts = {name: str(numbers) for name, numbers in measured.items()}
        goals.PAGE.write_text(goals.record(goals.PAGE.read_text(), texts))
    sys.exit(any("missed" in _verdict(rows.get(name), numbers) for name, numbers in measured.items()))


def _too_long(*_: object) -> None:
    """Raised wherever it is: whatever was started is stopped on the way out."""
    raise TimeoutError(f"the benchmarks have not ended within {_AT_MOST_S} s")


def _measure(wanted: tuple[str, ...], quick: bool) -> dict[str, Numbers]:
    measured = {}
    for together, run in _RUNS:
        if set(together).intersection(wanted):
            began = time.monotonic()
            found = run(not quick)
            print(f"{', '.join(together)}: {time.monotonic() - began:.0f} s", file=sys.stderr)
            measured.update({name: numbers for name, numbers in found.items() if name in wanted})
    return measured


def _table(rows: dict[str, goals.Row], measured: dict[str, Numbers]) -> Table:
    table = Table()
    for heading in ("benchmark", "goal", "measured", "beside", "reached"):
        table.add_column(heading)
    for name, numbers in measured.items():
        row = rows.get(name)
        goal = "\n".join(map(str, row.clauses)) if row else "none in SPECIFICATION.md"
        shown, beside = (text.replace(", ", "\n") for text in (str(numbers), numbers.beside))
        table.add_row(name, goal, shown, beside, _verdict(row, numbers))
    return table


def _verdict(row: goals.Row | None, numbers: Numbers) -> str:
    """A word for each clause of the goal."""
    words = []
    for clause in row.clauses if row else []:
        if clause.unit not in numbers.values:
            raise click.ClickException(f"nothing is measured in {clause.unit!r}: SPECIFICATION.md, {row}")
        words.append("[green]yes[/]" if clause.reached(numbers.values[clause.unit]) else "[red]missed[/]")
    return "\n".join(words)


if __name__ == "__main__":
    main()
