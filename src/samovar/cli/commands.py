"""The commands by name, each imported when it is given: `up` doesn't wait for what the others need, nor they for it."""

from collections.abc import Mapping
from types import ModuleType
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

_COMMANDS: Mapping[str, ModuleType] = {
    "up": up, "doctor": doctor, "runtimes": runtimes, "keys": keys, "events": events, "ca": ca,
}  # fmt: skip
"""Each with its `command`."""


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return module.command if module is not None else None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="samovar", message="%(prog)s %(version)s")
def group() -> None:
    """The AWS serverless platform on your own machines."""
