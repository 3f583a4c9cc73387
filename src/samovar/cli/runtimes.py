"""`samovar runtimes`: which runtimes run here, and what is missing for the others."""

from pathlib import Path

import click

from samovar.cli.options import chosen
from samovar.cli.report import Line, show
from samovar.engine.runtimes import Runtimes


@click.command("runtimes")
@click.option("--data-dir", default=None, metavar="TEXT", help="Data directory, as for `samovar up`.")
def command(data_dir: str | None) -> None:
    """List the runtimes that functions can use on this machine."""
    found = Runtimes(Path(chosen(None, {"data_dir": data_dir}).data_dir)).all()
    if not found:
        raise click.ClickException("no Python interpreter was found on this machine")
    show([Line(one.identifier, not one.problem, one.problem or str(one.executable)) for one in found])
