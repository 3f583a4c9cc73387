"""`samovar ca`: the certificate that clients of `samovar up --tls` are to trust."""

import click

from samovar.cli.options import chosen, data_dir


@click.command("ca")
@data_dir
def command(data_dir: str | None) -> None:
    """Print the path of the local authority's certificate.

    The first `samovar up --tls` makes it.

    \b
    AWS CLI, boto3     export AWS_CA_BUNDLE=$(samovar ca)
    Python requests    export REQUESTS_CA_BUNDLE=$(samovar ca)
    Node.js            export NODE_EXTRA_CA_CERTS=$(samovar ca)
    curl               curl --cacert $(samovar ca) https://localhost:4566/_samovar/health
    """
    settings = chosen(None, {"data_dir": data_dir})
    click.echo(settings.ca_file)
    if not settings.ca_file.exists():
        click.echo("There is no such file yet: `samovar up --tls` with this data directory makes it.", err=True)
