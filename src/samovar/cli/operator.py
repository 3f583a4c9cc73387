"""Requests to the doors that only the operator may open: signed with the key file of the server's data directory.

Owns: the operator's signature. Rule: who may read that file may do this, nobody else.
"""

import hashlib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from samovar.cli.options import chosen, data_dir
from samovar.store import keyfile
from samovar.store.errors import StoreError
from samovar.wire.signature import ALGORITHM, Signed, Verifier, canonical_request
from samovar.wire.sigv4 import Scope

OPERATOR = "SAMOVAROPERATOR"
_TIMEOUT_S = 30


class Server(msgspec.Struct, frozen=True):
    """A running server, as the options of a command name it."""

    endpoint: str
    directory: Path
    """Its data directory."""
    ca_file: Path
    """By https the authority whose certificate this is is trusted as well."""
    key: bytes | None
    """What is in the directory's key file; None where there is none: then nothing is signed."""

    def ask(self, method: str, path: str, query: str = "", body: bytes = b"") -> Any:
        """What a door answers, decoded. Says what is wrong in a ClickException."""
        if not self.endpoint.startswith(("http://", "https://")):
            raise click.UsageError(f"no server can be asked at {self.endpoint}: an endpoint is http://HOST:PORT")
        try:
            headers = {"content-type": "application/json"}
            trust = _trust(self.ca_file) if self.endpoint.startswith("https:") else None
            if self.key is not None:
                secret = keyfile.derive(self.key, OPERATOR)
                headers |= _signed(self.endpoint, trust, secret, method, path, query, body)
            url = f"{self.endpoint}{path}?{query}" if query else self.endpoint + path
            request = urllib.request.Request(url, body or None, headers, method=method)
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=trust) as response:
                return msgspec.json.decode(response.read())
        except urllib.error.HTTPError as error:
            raise click.ClickException(f"the server refused: {self._refusal(error)}") from None
        except urllib.error.URLError as error:
            why = getattr(error.reason, "strerror", None) or error.reason
            raise click.ClickException(f"no Samovar answers at {self.endpoint}: {why}") from None
        except (OSError, msgspec.DecodeError) as error:
            raise click.ClickException(f"no Samovar answers at {self.endpoint}: {error}") from None

    def _refusal(self, error: urllib.error.HTTPError) -> str:
        message = _message(error.read())
        if error.code != 403:
            return message
        if self.key is None:
            return f"{message} There is no {keyfile.FILE} to sign with in {self.directory}; --data-dir names another"
        return f"{message} The key is that of {self.directory}; --data-dir names another data directory"


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a server, and a `server` as its first argument."""

    @wraps(command)
    def given(endpoint: str | None, data_dir: str | None, **others: Any) -> None:
        settings = chosen(None, {"data_dir": data_dir})
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        directory = Path(settings.data_dir)
        try:
            key = keyfile.read(directory)
        except StoreError as error:
            raise click.ClickException(str(error)) from None
        server = Server(endpoint or f"http://{host}:{settings.port}", directory, settings.ca_file, key)
        command(server, **others)

    where = click.option(
        "--endpoint",
        metavar="URL",
        envvar="AWS_ENDPOINT_URL",
        help="The server [default: AWS_ENDPOINT_URL, else http://127.0.0.1:4566].",
    )
    return where(data_dir(given))


def _trust(ca_file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file.exists():
        context.load_verify_locations(ca_file)
    return context


def _message(body: bytes) -> str:
    """What a refusal says, without the JSON around it."""
    try:
        return str(msgspec.json.decode(body, type=dict[str, Any])["message"])
    except (msgspec.DecodeError, KeyError):
        return body.decode(errors="replace")


def _signed(
    endpoint: str, trust: ssl.SSLContext | None, secret: str, method: str, path: str, query: str, body: bytes
) -> dict[str, str]:
    """The headers of a signature, by the server's own clock."""
    with urllib.request.urlopen(f"{endpoint}/_samovar/health", timeout=_TIMEOUT_S, context=trust) as health:
        date = parsedate_to_datetime(health.headers["Date"]).strftime("%Y%m%dT%H%M%SZ")
    signed = Signed(Scope(OPERATOR, date[:8], "local", "samovar"), ("host", "x-amz-date"), "", date)
    headers = {"host": urlsplit(endpoint).netloc, "x-amz-date": date}
    canonical = canonical_request(signed, method, path, query, headers, hashlib.sha256(body).hexdigest(), False)
    text = f"{ALGORITHM}\n{date}\n{signed.credential_scope}\n{hashlib.sha256(canonical).hexdigest()}"
    signature = Verifier().sign(secret, signed.scope, text)
    credential = f"{OPERATOR}/{signed.credential_scope}"
    value = f"{ALGORITHM} Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
    return {**headers, "authorization": value}
