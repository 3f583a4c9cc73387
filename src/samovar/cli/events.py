"""`samovar events`: what was delivered where, and why something was not.

Owns: the table that people read. Speaks to a running server over HTTP, as any client (`GET /_samovar/events`).
"""

import json
import time
import urllib.parse
from typing import Any

import click

from samovar.cli.operator import Server, server_options

_EVERY_S = 0.5
_COLORS = {"delivered": "green", "retry": "yellow", "held": "yellow", "failed": "red", "dropped": "red"}
_PAGE = 1000


@click.command("events")
@server_options
@click.option("--source", help="Who delivers: lambda, destination, dead-letter, events, scheduler, s3, sns, ...")
@click.option("--origin", help="Part of the ARN of what it is delivered for: a function, rule, schedule, bucket.")
@click.option("--target", help="Part of the ARN of where it goes.")
@click.option("--outcome", type=click.Choice(list(_COLORS)), help="How the attempt ended.")
@click.option("--reason", help="Part of why it wasn't delivered.")
@click.option("--event-id", help="One event: its request id, event id or message id.")
@click.option("--account", help="12 digits; of all accounts without.")
@click.option("--limit", type=click.IntRange(1, _PAGE), default=50, show_default=True, help="So many of the latest.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(server: Server, limit: int, follow: bool, as_json: bool, **wanted: str | None) -> None:
    """Show what was delivered where, and why something was not.

    The newest is at the end.
    """
    query: dict[str, Any] = {name: value for name, value in wanted.items() if value}

    def show(**more: int) -> int:
        """The id of the last entry; 0 where there is none."""
        asked = urllib.parse.urlencode(query | more, quote_via=urllib.parse.quote)
        entries = server.ask("GET", "/_samovar/events", asked)["events"]
        for entry in entries:
            click.echo(json.dumps(entry) if as_json else _line(entry))
        return int(entries[-1]["id"]) if entries else 0

    last = show(limit=limit)
    if not last and not follow:
        click.echo("Nothing to show: nothing was delivered yet, or nothing that is as you asked.", err=True)
    while follow:
        time.sleep(_EVERY_S)
        last = show(limit=_PAGE, after=last) or last


def _line(entry: dict[str, Any]) -> str:
    outcome = click.style(f"{entry['outcome']:<9}", fg=_COLORS.get(entry["outcome"]))
    attempt = f"#{entry['attempt']}" if entry["attempt"] else "--"
    way = f"{_short(entry['origin'])} -> {_short(entry['target'])}"
    if entry["origin"] == entry["target"]:
        way = _short(entry["target"])
    reason = f"  {entry['reason']}" if entry["reason"] else ""
    return f"{entry['at']}  {outcome} {entry['source']:<11} {attempt:<4} {way}  {entry['event_id']}{reason}"


def _short(arn: str) -> str:
    """An ARN without its partition, account and region, which are mostly the same."""
    parts = arn.split(":", 5)
    return f"{parts[2]}:{parts[5]}" if len(parts) == 6 else arn
