"""`samovar keys`: root access keys of accounts, on a running server.

Owns: the operator's signature, made with the key file of the server's data directory: who may read that file may do
this, nobody else.
"""

import hashlib
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from samovar.cli.options import chosen
from samovar.store import keyfile
from samovar.store.errors import StoreError
from samovar.wire.signature import ALGORITHM, Signed, Verifier, canonical_request
from samovar.wire.sigv4 import Scope

OPERATOR = "SAMOVAROPERATOR"
_PATH = "/_samovar/keys"
_TIMEOUT_S = 30

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
    context.obj = (endpoint or f"http://{host}:{settings.port}", Path(settings.data_dir))


@command.command("list")
@click.pass_obj
def list_keys(server: tuple[str, Path]) -> None:
    """Show all access keys, without their secrets."""
    for key in _ask(server, "GET", None)["keys"]:
        state = "" if key["active"] else "  inactive"
        click.echo(f"{key['access_key_id']}  {key['account']}  {key['user'] or 'root'}  {key['created']}{state}")


@command.command("create")
@click.option("--account", default="000000000000", show_default=True, help="12 digits.")
@click.pass_obj
def create(server: tuple[str, Path], account: str) -> None:
    """Make a root access key for an account; its secret is shown this once."""
    made = _ask(server, "POST", {"account": account})
    click.echo(f"AWS_ACCESS_KEY_ID={made['access_key_id']}")
    click.echo(f"AWS_SECRET_ACCESS_KEY={made['secret_access_key']}")


@command.command("delete")
@click.argument("access_key_id")
@click.pass_obj
def delete(server: tuple[str, Path], access_key_id: str) -> None:
    """Delete an access key."""
    if not _ask(server, "POST", {"delete": access_key_id})["deleted"]:
        raise click.ClickException(f"there is no access key {access_key_id}")


def _ask(server: tuple[str, Path], method: str, content: dict[str, str] | None) -> dict[str, Any]:
    endpoint, directory = server
    try:
        key = keyfile.read(directory)
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    if key is None:
        raise click.ClickException(f"there is no {keyfile.FILE} in {directory}; --data-dir names another")
    body = b"" if content is None else msgspec.json.encode(content)
    secret, host = keyfile.derive(key, OPERATOR), urlsplit(endpoint).netloc
    try:
        with urllib.request.urlopen(f"{endpoint}/_samovar/health", timeout=_TIMEOUT_S) as health:
            date = parsedate_to_datetime(health.headers["Date"]).strftime("%Y%m%dT%H%M%SZ")
        headers = _signed(secret, method, host, date, body)
        request = urllib.request.Request(endpoint + _PATH, body or None, headers, method=method)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            found: dict[str, Any] = msgspec.json.decode(response.read())
            return found
    except urllib.error.HTTPError as error:
        raise click.ClickException(f"the server refused: {error.read().decode(errors='replace')}") from None
    except OSError as error:
        raise click.ClickException(f"no server answers at {endpoint}: {error}") from None


def _signed(secret: str, method: str, host: str, date: str, body: bytes) -> dict[str, str]:
    """The headers of a request that the operator signs, by the server's own clock."""
    signed = Signed(Scope(OPERATOR, date[:8], "local", "samovar"), ("host", "x-amz-date"), "", date)
    headers = {"host": host, "x-amz-date": date}
    canonical = canonical_request(signed, method, _PATH, "", headers, hashlib.sha256(body).hexdigest(), False)
    text = f"{ALGORITHM}\n{date}\n{signed.credential_scope}\n{hashlib.sha256(canonical).hexdigest()}"
    signature = Verifier().sign(secret, signed.scope, text)
    credential = f"{OPERATOR}/{signed.credential_scope}"
    value = f"{ALGORITHM} Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
    return {**headers, "authorization": value, "content-type": "application/json"}
