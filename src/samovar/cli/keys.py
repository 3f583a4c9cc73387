"""`samovar keys`: root access keys of accounts, on a running server. Only for its operator."""

from pathlib import Path
from typing import Any

import click
import msgspec

from samovar.cli.operator import ask, key_of
from samovar.cli.options import chosen
from samovar.settings import Settings
from samovar.store import keyfile

_PATH = "/_samovar/keys"

_endpoint = click.option("--endpoint", default="", metavar="URL", help="The server [default: http://127.0.0.1:4566].")
_data_dir = click.option("--data-dir", default=None, metavar="TEXT", help="Data directory, as for `samovar up`.")


@click.group("keys")
@_endpoint
@_data_dir
@click.pass_context
def command(context: click.Context, endpoint: str, data_dir: str | None) -> None:
    """Manage the access keys of a running server; needs to read its data directory."""
    settings = chosen(None, {"data_dir": data_dir})
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    context.obj = (endpoint or f"http://{host}:{settings.port}", settings)


@command.command("list")
@click.pass_obj
def list_keys(server: tuple[str, Settings]) -> None:
    """Show all access keys, without their secrets."""
    for key in _ask(server, "GET", None)["keys"]:
        state = "" if key["active"] else "  inactive"
        click.echo(f"{key['access_key_id']}  {key['account']}  {key['user'] or 'root'}  {key['created']}{state}")


@command.command("create")
@click.option("--account", default="000000000000", show_default=True, help="12 digits.")
@click.pass_obj
def create(server: tuple[str, Settings], account: str) -> None:
    """Make a root access key for an account; its secret is shown this once."""
    made = _ask(server, "POST", {"account": account})
    click.echo(f"AWS_ACCESS_KEY_ID={made['access_key_id']}")
    click.echo(f"AWS_SECRET_ACCESS_KEY={made['secret_access_key']}")


@command.command("delete")
@click.argument("access_key_id")
@click.pass_obj
def delete(server: tuple[str, Settings], access_key_id: str) -> None:
    """Delete an access key."""
    if not _ask(server, "POST", {"delete": access_key_id})["deleted"]:
        raise click.ClickException(f"there is no access key {access_key_id}")


def _ask(server: tuple[str, Settings], method: str, content: dict[str, str] | None) -> dict[str, Any]:
    endpoint, settings = server
    key = key_of(Path(settings.data_dir))
    if key is None:
        raise click.ClickException(f"there is no {keyfile.FILE} in {settings.data_dir}; --data-dir names another")
    body = b"" if content is None else msgspec.json.encode(content)
    found: dict[str, Any] = ask(endpoint, settings.ca_file, key, method, _PATH, body=body)
    return found
