"""The commands by name, each imported when it is given: `up` doesn't wait for what the others need, nor they for it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from samovar import __version__
from samovar.core.later import later

if TYPE_CHECKING:
    from samovar.cli import ca, doctor, events, keys, runtimes, up
else:
    ca = later("samovar.cli.ca")
    doctor = later("samovar.cli.doctor")
    events = later("samovar.cli.events")
    keys = later("samovar.cli.keys")
    runtimes = later("samovar.cli.runtimes")
    up = later("samovar.cli.up")

_COMMANDS: dict[str, Callable[[], click.Command]] = {
    "up": lambda: up.up,
    "doctor": lambda: doctor.command,
    "runtimes": lambda: runtimes.command,
    "keys": lambda: keys.command,
    "events": lambda: events.command,
    "ca": lambda: ca.command,
}


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        make = _COMMANDS.get(cmd_name)
        return make() if make is not None else None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="samovar", message="%(prog)s %(version)s")
def group() -> None:
    """The AWS serverless platform on your own machines."""
