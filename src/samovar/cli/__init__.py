"""Floor 6: the command line. Commands speak the AWS API or print what rooms report; only `up` is the server."""

import click

from samovar import __version__
from samovar.cli import ca, doctor, events, keys, runtimes, up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="samovar", message="%(prog)s %(version)s")
def main() -> None:
    """The AWS serverless platform on your own machines."""


main.add_command(up.up)
main.add_command(doctor.command)
main.add_command(runtimes.command)
main.add_command(keys.command)
main.add_command(events.command)
main.add_command(ca.command)
