"""How the Python that the server runs on was built."""

import pytest

from samovar.cli.build import remark


@pytest.mark.parametrize(
    ("prefix", "configured", "doubted"),
    [
        ("/home/ann/.pyenv/versions/3.11.7", "'--prefix=/home/ann/.pyenv/versions/3.11.7' '--enable-shared'", True),
        ("/home/ann/.pyenv/versions/3.11.7", "'--enable-shared' '--enable-optimizations'", False),
        ("/usr", "'--enable-shared' '--prefix=/usr' '--without-ensurepip'", False),
        ("/opt/python", "", False),
    ],
)
def test_only_a_python_that_was_configured_without_optimizations_is_doubted(prefix, configured, doubted):
    assert bool(remark(prefix, configured)) is doubted
