"""`samovar doctor`: each protection of this machine, in force or not, and what to do about it."""

import tempfile
from pathlib import Path

import click

from samovar.cli import build, names
from samovar.cli.report import Line, show
from samovar.sandbox.doctor import examine
from samovar.sandbox.spec import Isolation


@click.command("doctor")
def command() -> None:
    """Say which protections are in force on this machine.

    The exit code is 1 when one is missing.
    """
    machine = examine(Path(tempfile.gettempdir()))
    show([Line(protection.name, protection.ok, protection.remark) for protection in machine.protections])
    click.echo()
    resolved, built = names.below_localhost(), build.remark()
    names_line = Line("names below localhost", resolved, "" if resolved else names.REMARK)
    show([names_line, Line("optimized Python", not built, built)])
    click.echo(f"\nIsolation level: {click.style(machine.level.value, bold=True)}")
    if machine.level is not Isolation.FULL:
        raise SystemExit(1)
