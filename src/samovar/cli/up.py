"""`samovar up`: the server, in the foreground.

Owns: the banner, the readiness line (`Ready.` with endpoint and start time, for people and scripts to wait for), how
failures to start are told. The server's modules come when the settings are known to be good, and the machine is being
examined.
"""

import gc
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from samovar import __version__
from samovar.cli import names
from samovar.cli.options import all_settings, chosen
from samovar.core.later import later
from samovar.sandbox.doctor import Examination
from samovar.settings import Settings, SettingsError
from samovar.store.errors import StoreError

if TYPE_CHECKING:
    from samovar import app
else:
    app = later("samovar.app")

_AUTH = {
    "off": "off: any credentials are accepted",
    "soft": "soft: what would be refused is logged, and done",
    "on": "on: requests must be signed and allowed",
}


@click.command("up")
@all_settings
def command(config: Path | None, **options: object) -> None:
    """Start the platform; Ctrl-C stops it.

    Every option is also a variable (--data-dir: SAMOVAR_DATA_DIR) and a key of the TOML file (data_dir).
    """
    settings = chosen(config, options)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    examination = _examine(settings)  # first: the next line imports the server
    try:
        app.run(settings, lambda running: _up(settings, running), _say_stopping, examination)
    except (app.PortTaken, app.NotIsolated, app.NoCertificate, SettingsError, StoreError) as error:
        raise click.ClickException(str(error)) from None


def _examine(settings: Settings) -> Examination | None:
    """Begins beside the imports. A data directory that isn't there yet is the app's to make, and to examine."""
    folder = Path(tempfile.gettempdir() if settings.ephemeral else settings.data_dir)
    return Examination(folder) if os.path.isdir(folder) else None


def _up(settings: Settings, running: "app.Running") -> None:
    _announce(settings, running)
    # What the start has made stays. And next to nothing of a server's is garbage in cycles; looking for it as often as
    # Python does takes 4 % of its CPU.
    gc.freeze()
    gc.set_threshold(20_000, 50, 1_000)


def _announce(settings: Settings, running: "app.Running") -> None:
    data = "in memory; gone when the server stops" if settings.ephemeral else settings.data_dir
    click.secho(f"Samovar {__version__}", bold=True)
    rows = (
        ("Endpoint", running.endpoint),
        *_tls(settings, running),
        *([] if names.below_localhost() else [("Names", names.REMARK)]),
        ("Isolation", running.isolation),
        ("Auth", _AUTH[running.auth]),
        ("Data", data),
    )
    for label, value in rows:
        click.echo(f"  {click.style(f'{label:<11}', dim=True)}{value}")
    _tell_key(running)
    click.echo(f"{click.style('Ready.', fg='green', bold=True)} {running.endpoint} in {running.start_s:.2f} s")


def _tls(settings: Settings, running: "app.Running") -> list[tuple[str, str]]:
    if not settings.secured:
        return []
    own = running.endpoint.replace("http://", "https://")
    rows = [("TLS", own.replace("127.0.0.1", "localhost") + ", on the same port")]
    if running.trust is not None:
        rows += [("", f"trust it: export AWS_CA_BUNDLE={running.trust} (curl --cacert; see `samovar ca --help`)")]
    return rows


def _tell_key(running: "app.Running") -> None:
    """The root's key, the once that it is there to be told."""
    if running.root_key is None:
        return
    click.echo("  A key for the root of account 000000000000. It isn't shown again (`samovar keys` makes others):")
    for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), running.root_key, strict=True):
        click.echo(f"    export {name}={value}")


def _say_stopping() -> None:
    click.echo("Stopping; once more to stop at once.")
