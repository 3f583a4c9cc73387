"""Floor 6: the command line. Commands speak the AWS API or print what rooms report; only `up` is the server."""

import gc
from typing import TYPE_CHECKING, Any

from samovar.core.later import later

if TYPE_CHECKING:
    from samovar.cli import commands
else:
    commands = later("samovar.cli.commands")

_BEGINNING = (200_000, 50, 1_000)
"""Nothing of what imports make is garbage; looking for it took a tenth of a start."""


def main(*arguments: Any, **how: Any) -> None:
    """`samovar`, the program; with click's arguments for a command."""
    gc.set_threshold(*_BEGINNING)
    commands.group(*arguments, **how)
