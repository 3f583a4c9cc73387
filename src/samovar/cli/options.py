"""Settings as command-line options: made from the record in `settings`, so that none can be forgotten."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from samovar import settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


data_dir = click.option("--data-dir", default=None, metavar="TEXT", help="Data directory, as for `samovar up`.")
"""Of the commands that read what a server keeps, or sign with its key."""


def all_settings(command: _Command) -> _Command:
    """Give a command one option per setting, and `--config`."""
    for row in reversed(settings.describe()):
        name = f"{row.flag}/--no-{row.flag[2:]}" if row.is_switch else row.flag
        default = row.default if not row.is_switch else row.flag if row.default == "true" else ""
        shown = f" [default: {default}]" if default else ""
        metavar = None if row.is_switch else _metavar(row)
        command = click.option(name, row.name, default=None, metavar=metavar, help=row.text + shown)(command)
    config = click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="TOML file [default: ./samovar.toml, ~/.config/samovar/config.toml].",
    )
    return config(command)


def chosen(config: Path | None, options: dict[str, object]) -> settings.Settings:
    """The settings in force, given the options of `all_settings`; ends the command with a message if they are bad."""
    flags = {name: _spelled(value) for name, value in options.items() if value is not None}
    try:
        return settings.load(flags, os.environ, config)
    except settings.SettingsError as error:
        raise click.UsageError(str(error)) from None


def _metavar(row: settings.Setting) -> str:
    if row.allowed.startswith("one of "):
        return row.allowed.removeprefix("one of ").replace(", ", "|")
    return "TEXT" if not row.allowed.startswith("a ") else "REGION" if "region" in row.allowed else "NUMBER"


def _spelled(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
