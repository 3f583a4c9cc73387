"""`samovar keys`: root access keys of accounts, on a running server. Only for its operator."""

from typing import Any

import click
import msgspec

from samovar.cli.operator import Server, server_options
from samovar.store import keyfile

_PATH = "/_samovar/keys"


@click.group("keys")
def command() -> None:
    """Manage the access keys of a running server.

    Needs to read its data directory.
    """


@command.command("list")
@server_options
def list_keys(server: Server) -> None:
    """Show all access keys, without their secrets."""
    for key in _ask(server, "GET", None)["keys"]:
        state = "" if key["active"] else "  inactive"
        click.echo(f"{key['access_key_id']}  {key['account']}  {key['user'] or 'root'}  {key['created']}{state}")


@command.command("create")
@click.option("--account", default="000000000000", show_default=True, help="12 digits.")
@server_options
def create(server: Server, account: str) -> None:
    """Make a root access key for an account.

    Its secret is shown this once.
    """
    made = _ask(server, "POST", {"account": account})
    click.echo(f"AWS_ACCESS_KEY_ID={made['access_key_id']}")
    click.echo(f"AWS_SECRET_ACCESS_KEY={made['secret_access_key']}")


@command.command("delete")
@click.argument("access_key_id")
@server_options
def delete(server: Server, access_key_id: str) -> None:
    """Delete an access key."""
    if not _ask(server, "POST", {"delete": access_key_id})["deleted"]:
        raise click.ClickException(f"there is no access key {access_key_id}")


def _ask(server: Server, method: str, content: dict[str, str] | None) -> dict[str, Any]:
    if server.key is None:
        raise click.ClickException(f"there is no {keyfile.FILE} in {server.directory}; --data-dir names another")
    body = b"" if content is None else msgspec.json.encode(content)
    found: dict[str, Any] = server.ask(method, _PATH, body=body)
    return found
