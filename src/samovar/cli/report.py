"""A list of things that are in order or not: a mark, a name, a remark. Plain text where there is no terminal."""

from collections.abc import Sequence

import click
import msgspec


class Line(msgspec.Struct, frozen=True):
    name: str
    ok: bool
    remark: str


def show(lines: Sequence[Line]) -> None:
    width = max((len(line.name) for line in lines), default=0)
    for line in lines:
        mark = click.style("yes", fg="green") if line.ok else click.style("no ", fg="red")
        click.echo(f"{mark}  {line.name:<{width}}  {line.remark}")
