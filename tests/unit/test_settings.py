"""Settings: where they come from, what is refused and how."""

from pathlib import Path

import pytest

from samovar import settings
from samovar.settings import Settings, SettingsError, load

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, so that no samovar.toml of the developer is found."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults_listen_on_loopback_and_keep_data_in_the_users_home() -> None:
    found = load({}, {"HOME": "/home/x"})
    assert (found.host, found.port) == ("127.0.0.1", 4566)
    assert found.data_dir == "/home/x/.local/share/samovar"
    assert load({}, {"HOME": "/home/x", "XDG_DATA_HOME": "/data"}).data_dir == "/data/samovar"


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(elsewhere: Path) -> None:
    (elsewhere / "samovar.toml").write_text("port = 1\nprefork = 1\nconcurrency = 1\n")
    found = load({"port": "3"}, {"SAMOVAR_PORT": "2", "SAMOVAR_PREFORK": "2"})
    assert (found.port, found.prefork, found.concurrency, found.idle_timeout_s) == (3, 2, 1, 600.0)


def test_the_file_is_the_named_one_or_the_local_one_or_the_users(elsewhere: Path) -> None:
    home = elsewhere / "config"
    (home / "samovar").mkdir(parents=True)
    (home / "samovar" / "config.toml").write_text("port = 3")
    environment = {"XDG_CONFIG_HOME": str(home)}
    assert load({}, environment).port == 3
    (elsewhere / "samovar.toml").write_text("port = 2")
    assert load({}, environment).port == 2
    (elsewhere / "named.toml").write_text("port = 1")
    assert load({}, environment, Path("named.toml")).port == 1
    assert load({}, {**environment, "SAMOVAR_CONFIG": "named.toml"}).port == 1


def test_a_relative_data_directory_becomes_absolute(elsewhere: Path) -> None:
    assert load({"data_dir": "here"}, {}).data_dir == str(elsewhere / "here")


@pytest.mark.parametrize("text", ["true", "1"])
def test_switches_are_understood_as_text(text: str) -> None:
    assert load({}, {"SAMOVAR_EPHEMERAL": text}).ephemeral is True


@pytest.mark.parametrize(
    ("flags", "environment", "toml", "said"),
    [
        ({"port": "70000"}, {}, "", ["port", "70000", "--port", "0 to 65535"]),
        ({}, {"SAMOVAR_PORT": "many"}, "", ["port", "'many'", "SAMOVAR_PORT", "whole number"]),
        ({}, {"SAMOVAR_ISOLATION": "fulll"}, "", ["auto, full, namespaces, process"]),
        ({}, {}, "port = '1'", ["port", "samovar.toml", "whole number"]),
        ({}, {}, "prot = 1", ["'prot'", "samovar.toml", "Did you mean 'port'?"]),
        ({}, {}, "xyz = 1", ["'xyz'", "samovar.toml", "samovar up --help"]),
        ({}, {"SAMOVAR_PROT": "1"}, "", ["'prot'", "SAMOVAR_PROT", "Did you mean 'port'?"]),
        ({}, {"SAMOVAR_REGION": "here"}, "", ["region", "us-east-1"]),
        ({"smtp": "mail.example.com"}, {}, "", ["smtp", "an address such as smtp://"]),
        ({}, {"SAMOVAR_EPHEMERAL": "maybe"}, "", ["ephemeral", "true or false"]),
        ({"idle_timeout_s": "-1"}, {}, "", ["idle_timeout_s", "at least 0"]),
        ({}, {}, "port =", ["samovar.toml", "not TOML"]),
        ({}, {"SAMOVAR_CONFIG": "missing.toml"}, "", ["missing.toml", "No such file"]),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name_its_place_and_what_is_allowed(
    elsewhere: Path, flags: dict[str, str], environment: dict[str, str], toml: str, said: list[str]
) -> None:
    if toml:
        (elsewhere / "samovar.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        load(flags, environment)
    for words in said:
        assert words in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_beyond_loopback_everybody_must_sign_or_it_is_asked_for_twice(host: str) -> None:
    assert load({"host": host}, {}).auth_mode == "on"
    for mode in ("off", "soft"):
        with pytest.raises(SettingsError, match="--insecure-listen"):
            load({"host": host, "auth": mode}, {})
    assert load({"host": host, "insecure_listen": "true"}, {}).auth_mode == "off"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    assert load({"host": host}, {}).auth_mode == "off"
    assert load({"host": host, "auth": "on"}, {}).auth_mode == "on"


def test_every_setting_is_described_and_documented() -> None:
    documented = DOCS.read_text()
    rows = settings.describe()
    assert [row.name for row in rows] == list(Settings.__struct_fields__)
    for row in rows:
        default = f"`{row.default}`" if row.default else "empty"
        line = f"| `{row.name}` | `{row.flag}`<br>`{row.variable}` | {row.allowed} | {default} | {row.text} |"
        assert line in documented, f"docs/settings.md lacks or contradicts:\n{line}"


def test_programs_and_keys_are_named_with_the_path_of_something_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "keys.json").touch()
    found = load({"interpreters": f"ruby3.2=/bin/sh, java21={tmp_path},"}, {"HOME": "/"})
    assert settings.interpreters(found) == {"ruby3.2": Path("/bin/sh"), "java21": tmp_path}
    found = load({"issuers": f"https://a/?x=1={tmp_path}/keys.json"}, {"HOME": "/"})
    assert settings.issuers(found) == {"https://a/?x=1": tmp_path / "keys.json"}


@pytest.mark.parametrize(
    ("setting", "pair"),
    [
        *[("interpreters", pair) for pair in ("ruby3.2", "=/bin/sh", "ruby3.2=", "ruby3.2=/nowhere")],
        *[("issuers", pair) for pair in ("https://a", "name=/etc/passwd", "https://a=/nowhere", "https://a=/etc")],
    ],
)
def test_a_name_without_anything_there_is_refused_with_what_should_be_said(setting: str, pair: str) -> None:
    read = getattr(settings, setting)
    with pytest.raises(SettingsError, match=f"^{setting} can't be used: '{pair}' should be [A-Z]+=PATH, with the path"):
        read(load({setting: pair}, {"HOME": "/"}))
