"""Requests to the doors that only the operator may open: signed with the key file of the server's data directory.

Owns: the operator's signature. Rule: who may read that file may do this, nobody else.
"""

import hashlib
import ssl
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from samovar.store import keyfile
from samovar.store.errors import StoreError
from samovar.wire.signature import ALGORITHM, Signed, Verifier, canonical_request
from samovar.wire.sigv4 import Scope

OPERATOR = "SAMOVAROPERATOR"
_TIMEOUT_S = 30


def key_of(directory: Path) -> bytes | None:
    """The key of a server that has this data directory; None when there is none."""
    try:
        return keyfile.read(directory)
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def ask(
    endpoint: str, ca_file: Path, key: bytes | None, method: str, path: str, query: str = "", body: bytes = b""
) -> Any:
    """What a door answers, decoded; unsigned without a key. Says what is wrong in a ClickException.

    By https the authority whose certificate is `ca_file` is trusted as well.
    """
    if not endpoint.startswith(("http://", "https://")):
        raise click.UsageError(f"no server can be asked at {endpoint}")
    try:
        headers = {"content-type": "application/json"}
        trust = _trust(ca_file) if endpoint.startswith("https:") else None
        if key is not None:
            headers |= _signed(endpoint, trust, keyfile.derive(key, OPERATOR), method, path, query, body)
        url = f"{endpoint}{path}?{query}" if query else endpoint + path
        request = urllib.request.Request(url, body or None, headers, method=method)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=trust) as response:
            return msgspec.json.decode(response.read())
    except urllib.error.HTTPError as error:
        raise click.ClickException(f"the server refused: {_message(error.read())}") from None
    except urllib.error.URLError as error:
        why = getattr(error.reason, "strerror", None) or error.reason
        raise click.ClickException(f"no Samovar answers at {endpoint}: {why}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise click.ClickException(f"no Samovar answers at {endpoint}: {error}") from None


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
