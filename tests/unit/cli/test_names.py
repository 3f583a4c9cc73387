"""Names below localhost: what the C library's configuration says of them."""

import pytest

from samovar.cli.names import below_localhost


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("hosts: files dns\n", False),
        ("passwd: files\nhosts:          files myhostname dns # usual\n", True),
        ("hosts: mymachines resolve [!UNAVAIL=return] files\n", True),
        ("# hosts: myhostname\nhosts: files\n", False),
        ("networks: myhostname\n", False),
        ("", False),
    ],
)
def test_names_below_localhost_need_a_module_of_the_c_library(text, known, tmp_path):
    configuration = tmp_path / "nsswitch.conf"
    configuration.write_text(text)
    assert below_localhost(configuration) is known


def test_a_machine_without_a_configuration_does_not_know_them(tmp_path):
    assert not below_localhost(tmp_path / "none")
