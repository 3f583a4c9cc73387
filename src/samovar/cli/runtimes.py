"""`samovar runtimes`: which runtimes run here, and what is missing for the others."""

from pathlib import Path

import click

from samovar.cli.options import chosen, data_dir
from samovar.cli.report import Line, show
from samovar.engine.packs import PackFailed
from samovar.engine.packs import prepare as make_pack
from samovar.engine.runtimes import Runtimes
from samovar.settings import interpreters

_HOW_TO_ADD = (
    "Each needs an interpreter of its own: from pyenv or uv, nvm, a JDK, rbenv, the .NET SDK or your distribution. "
    "`samovar up --interpreters NAME=PATH` lets another one run it. A running server sees either after a restart."
)


@click.group("runtimes", invoke_without_command=True)
@data_dir
@click.pass_context
def command(context: click.Context, data_dir: str | None) -> None:
    """List the runtimes that functions can use on this machine.

    And those of Lambda that are missing, and how to add one.
    """
    settings = chosen(None, {"data_dir": data_dir})
    context.obj = runtimes = Runtimes(Path(settings.data_dir), given=interpreters(settings))
    if context.invoked_subcommand is not None:
        return
    here = {one.identifier: one for one in runtimes.all()}
    show([Line(name, not one.problem, one.problem or one.remark) for name, one in here.items()])
    absent = [name for name in runtimes.known() if name not in here]
    if absent:
        click.echo()
        click.echo(click.wrap_text(f"Not installed: {', '.join(absent)}", 120))
        click.echo(click.wrap_text(_HOW_TO_ADD, 120))


@command.command("prepare")
@click.argument("identifier", metavar="RUNTIME")
@click.argument("packages", metavar="[PACKAGE]...", nargs=-1)
@click.pass_obj
def prepare(runtimes: Runtimes, identifier: str, packages: tuple[str, ...]) -> None:
    """Fetch AWS's packages for a runtime.

    For a Python (`python3.9`) AWS's runtime client and SDK, with pip. For a Node.js (`nodejs22.x`) AWS's SDK, with
    npm: its most used clients, and the PACKAGEs that are named.
    """
    folder = runtimes.pack_folder(identifier)
    if folder is None:
        raise click.ClickException(runtimes.problem(identifier) or f"{identifier} needs no preparation")
    if packages and not identifier.startswith("nodejs"):
        raise click.ClickException("Packages can be named for Node.js only")
    try:
        make_pack(identifier, folder, packages)
    except (PackFailed, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{identifier} is ready. A running server sees it after a restart.")
