"""What a run came to, on the terminal: pictures, times, failures, bill. Without colours where the output is a pipe."""

import math
from collections.abc import Sequence
from typing import Any

import bill
import stack
from push import Shot, Visitor
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from usage import Dead, Usage

SHOWN = 15
"""Rows of pictures; the rest is counted."""
PERCENTILES = (50, 90, 99, 100)


def size(count: float) -> str:
    """1.2 MB"""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def number(count: float) -> str:
    return f"{count:,.0f}" if count >= 100 or count == int(count) else f"{count:.3g}"


def dollars(usd: float) -> str:
    return f"{usd:,.2f}" if usd >= 100 or usd == 0 else f"{usd:.4f}" if usd >= 0.01 else f"{usd:.8f}"


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def pictures(console: Console, shots: Sequence[Shot], usage: Usage) -> None:
    wide = console.width >= 100
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("picture", min_width=16, overflow="ellipsis", no_wrap=True)
    for heading in ("before", "pixels", "after", "pixels ", "AVIF", "WebP", "saved"):
        if wide or heading not in ("pixels", "after"):
            table.add_column(heading.strip(), justify="right", no_wrap=True)
    done = [(shot, usage.pictures[shot.id]) for shot in shots if "after" in usage.pictures.get(shot.id, {})]
    fresh = {shot.id: (shot, line) for shot, line in done}
    biggest = sorted(fresh.values(), key=lambda each: each[1]["before"] - each[1]["after"]["avif"], reverse=True)

    def row(label: str, lines: Sequence[dict[str, Any]], style: str = "") -> None:
        before, least = sum(line["before"] for line in lines), sum(min(line["after"].values()) for line in lines)
        was, now = (("x".join(map(str, lines[0][name])) if len(lines) == 1 else "") for name in ("from", "to"))
        both = (size(sum(line["after"][name] for line in lines)) for name in ("avif", "webp"))
        cells = (size(before), was, size(least), now) if wide else (size(before), now)
        table.add_row(label, *cells, *both, saved(before, least), style=style)

    for shot, line in biggest[:SHOWN]:
        row(escape(shot.name), [line])
    if not biggest:
        return
    if len(biggest) > SHOWN:
        table.add_row(f"and {len(biggest) - SHOWN} more", style="dim")
    table.add_section()
    row(f"{len(biggest)} pictures", [line for _, line in biggest], "bold")
    console.print(table)


def saved(before: int, after: int) -> str:
    share = (1 - after / before) * 100
    return f"[green]{share:.0f} %[/]" if share >= 0 else f"[yellow]{share:.0f} %[/]"


def times(console: Console, shots: Sequence[Shot], usage: Usage) -> None:
    table = Table("ms", box=SIMPLE_HEAD, pad_edge=False)
    for percent in PERCENTILES:
        table.add_column(f"p{percent}" if percent < 100 else "max", justify="right", no_wrap=True)
    table.add_column("of", justify="right", style="dim")
    fresh = [shot for shot in shots if shot.id and not shot.known]
    made = [usage.pictures[shot.id] for shot in fresh if "after" in usage.pictures.get(shot.id, {})]
    began = {shot.id: shot.began for shot in fresh}
    ready = [(line["at"] - began[line["picture"]]) * 1000 for line in made]
    rows = {
        "POST answered": [shot.answered_ms for shot in shots if shot.id],
        "waited in the queue": [line["waited_ms"] for line in made if line["attempt"] == 1],
        "optimised": [line["took_ms"] for line in made],
        "from POST until it is there": ready,
        "GET redirected": [shot.viewed_ms for shot in shots if shot.viewed],
    }
    for label, values in rows.items():
        if values:
            table.add_row(label, *(f"{percentile(values, p):,.0f}" for p in PERCENTILES), str(len(values)))
    console.print(table)


def pace(console: Console, shots: Sequence[Shot], rate: float, visitor: Visitor) -> None:
    """Whether the rate was kept, and where not, what it came to."""
    first, last = min(shot.began for shot in shots), max(shot.began + shot.answered_ms / 1000 for shot in shots)
    late = max(shot.late_s for shot in shots)
    if late > 1:
        came_to = len(shots) / max(last - first, 0.001)
        console.print(
            f"[yellow]The rate was too high:[/] asked for {rate:g} a second, it came to {came_to:.1f}; "
            f"the last ones were sent {late:.1f} s late."
        )
    if visitor.refused:
        console.print(f"{visitor.refused} requests were refused for the moment (429 or 5xx), and sent again.")


def failures(console: Console, shots: Sequence[Shot], usage: Usage, dead: Dead) -> None:
    names = {shot.id: shot.name for shot in reversed(shots) if shot.id}
    rejected = [shot for shot in shots if shot.error]
    if dead.ids:
        table = Table("in the dead-letter queue", "attempts", "why", box=SIMPLE_HEAD, pad_edge=False)
        for id in sorted(dead.ids, key=lambda each: names.get(each, each)):
            line = usage.pictures.get(id, {})
            table.add_row(escape(names.get(id, id)), str(line.get("attempt", "?")), escape(line.get("failed", "?")))
        console.print(table)
    if rejected:
        table = Table("not taken by the API", "why", box=SIMPLE_HEAD, pad_edge=False)
        for shot in rejected[:SHOWN]:
            table.add_row(escape(shot.name), escape(shot.error))
        console.print(table)
        if len(rejected) > SHOWN:
            console.print(f"and {len(rejected) - SHOWN} more", style="dim")
    if dead.others:
        console.print(f"In the dead-letter queue from earlier runs: {dead.others}", style="dim")


def used(shots: Sequence[Shot], usage: Usage, visitor: Visitor, month: int) -> list[bill.Used]:
    """The run's quantities, each from what the platform or the client counted."""
    door, optimise = usage.ran[stack.DOOR], usage.ran[stack.OPTIMISE]
    calls = usage.calls
    fresh = {shot.id: shot.size for shot in shots if shot.id and not shot.known}
    originals = sum(fresh.values()) / bill.GB
    optimised = sum(sum(line["after"].values()) for line in usage.pictures.values() if "after" in line) / bill.GB
    month_of = month / len(shots)
    gb_s = "lambda-gb-s-arm64" if stack.here() == "aarch64" else "lambda-gb-s"
    messages = len(fresh)
    batches = optimise.invocations
    return [
        bill.Used("Lambda: optimise, duration", gb_s, optimise.gb_s),
        bill.Used("Lambda: door, duration", gb_s, door.gb_s),
        bill.Used("Lambda: requests", "lambda-requests", door.invocations + optimise.invocations),
        bill.Used("API Gateway: requests", "http-api", visitor.metered),
        bill.Used("SQS: sent, received, deleted", "sqs", messages + 2 * batches + calls["sqs.ChangeMessageVisibility"]),
        bill.Used("SQS: polls that found nothing", "sqs", 0, monthly=bill.IDLE_POLLS_A_MONTH),
        bill.Used("S3: PUT", "s3-put", calls["s3.PutObject"]),
        bill.Used("S3: GET, HEAD", "s3-get", calls["s3.GetObject"] + calls["s3.HeadObject"] + visitor.fetched),
        bill.Used(
            f"S3: originals, kept for {stack.KEEP_ORIGINALS_DAYS} day",
            "s3-storage",
            originals * stack.KEEP_ORIGINALS_DAYS / bill.MONTH_DAYS,
        ),
        bill.Used("S3: optimised, a month's", "s3-storage", optimised, monthly=optimised * month_of),
        bill.Used("Transfer: pictures viewed once", "transfer-out", visitor.fetched_bytes / bill.GB),
        bill.Used("CloudWatch Logs: ingested", "logs", usage.logged_bytes / bill.GB),
    ]


def the_bill(console: Console, lines: Sequence[bill.Line], pictures: int, month: int) -> None:
    wide = console.width >= 100  # where there is less room, the quantities are left out
    table = Table("the bill", "price", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("this run", "$", f"{month / 1e6:g} M a month", "$ ") if wide else ("run, $", "month, $"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        run = (number(line.quantity), dollars(line.usd)) if wide else (dollars(line.usd),)
        month_s = (number(line.month_quantity), f"{line.month_usd:,.2f}") if wide else (f"{line.month_usd:,.2f}",)
        price = f"{line.price.usd:.10f}".rstrip("0").rstrip(".")
        table.add_row(line.label, f"[dim]{price} / {line.price.unit}[/]", *run, *month_s)
    table.add_section()
    total, month_total = sum(line.usd for line in lines), sum(line.month_usd for line in lines)
    sums = ("", dollars(total), "", f"{month_total:,.2f}") if wide else (dollars(total), f"{month_total:,.2f}")
    table.add_row(f"{pictures} pictures", "", *sums, style="bold")
    console.print(table)
    console.print(
        f"Prices: {bill.PRICES_OF}; free tiers not deducted. Quantities: REPORT lines and the functions' own count of "
        f"their calls; a month is this run, scaled.",
        style="dim",
    )
