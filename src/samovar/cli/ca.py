"""`samovar ca`: the certificate that clients of `samovar up --tls` are to trust."""

import click

from samovar.cli.options import chosen


@click.command("ca")
@click.option("--data-dir", default=None, metavar="TEXT", help="Data directory, as for `samovar up`.")
def command(data_dir: str | None) -> None:
    """Print the path of the local authority's certificate; the first `samovar up --tls` makes it.

    \b
    AWS CLI, boto3     export AWS_CA_BUNDLE=$(samovar ca)
    Python requests    export REQUESTS_CA_BUNDLE=$(samovar ca)
    Node.js            export NODE_EXTRA_CA_CERTS=$(samovar ca)
    curl               curl --cacert $(samovar ca) https://localhost:4566/_samovar/health
    """
    click.echo(chosen(None, {"data_dir": data_dir}).ca_file)
