"""`samovar runtimes`: which runtimes run here, and what is missing for the others."""

from pathlib import Path

import click

from samovar.cli.options import chosen
from samovar.cli.report import Line, show
from samovar.engine.packs import PackFailed
from samovar.engine.packs import prepare as make_pack
from samovar.engine.runtimes import Runtimes
from samovar.settings import interpreters

_data_dir = click.option("--data-dir", default=None, metavar="TEXT", help="Data directory, as for `samovar up`.")


@click.group("runtimes", invoke_without_command=True)
@_data_dir
@click.pass_context
def command(context: click.Context, data_dir: str | None) -> None:
    """List the runtimes of Lambda, and which of them functions can use on this machine."""
    settings = chosen(None, {"data_dir": data_dir})
    context.obj = runtimes = Runtimes(Path(settings.data_dir), given=interpreters(settings))
    if context.invoked_subcommand is not None:
        return
    here = {one.identifier: one.remark for one in runtimes.all() if not one.problem}
    known = dict.fromkeys([*runtimes.known(), *here])
    show([Line(name, name in here, here.get(name) or runtimes.problem(name) or "") for name in known])


@command.command("prepare")
@click.argument("identifier", metavar="RUNTIME")
@click.argument("packages", metavar="[PACKAGE]...", nargs=-1)
@click.pass_obj
def prepare(runtimes: Runtimes, identifier: str, packages: tuple[str, ...]) -> None:
    """Fetch AWS's runtime client and SDK for a Python (`python3.9`) with pip, or AWS's SDK for a Node.js
    (`nodejs22.x`) with npm: its most used clients, and the PACKAGEs that are named."""
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
