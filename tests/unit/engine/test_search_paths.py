"""Where interpreters are looked for."""

import pytest

from samovar.engine.languages import folders_of_programs, nodejs, python, ruby


@pytest.mark.parametrize(
    ("language", "variable", "home", "below"),
    [
        (python, "PYENV_ROOT", ".pyenv", "versions/3.12.1/bin"),
        (python, "UV_PYTHON_INSTALL_DIR", ".local/share/uv/python", "cpython-3.12/bin"),
        (nodejs, "NVM_DIR", ".nvm", "versions/node/v20.1.0/bin"),
        (nodejs, "FNM_DIR", ".local/share/fnm", "node-versions/v20.1.0/installation/bin"),
        (ruby, "RBENV_ROOT", ".rbenv", "versions/3.3.0/bin"),
        (ruby, "MISE_DATA_DIR", ".local/share/mise", "installs/ruby/3.3.0/bin"),
    ],
)
def test_what_a_version_manager_installed_is_found_at_home_and_where_its_variable_says(
    language, variable, home, below, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv(variable, raising=False)
    usual, moved = tmp_path / "home" / home / below, tmp_path / "moved" / below
    for folder in (usual, moved):
        folder.mkdir(parents=True)
    assert usual in language.search_path() and moved not in language.search_path()
    monkeypatch.setenv(variable, str(tmp_path / "moved"))
    assert moved in language.search_path() and usual not in language.search_path()


def test_what_path_names_comes_first_and_shims_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}/own:{tmp_path}/shims:/usr/bin")
    (tmp_path / "kept").mkdir()
    folders = [str(folder) for folder in folders_of_programs((tmp_path, "kept"))]
    assert folders == [f"{tmp_path}/own", "/usr/bin", f"{tmp_path}/kept", "/usr/local/bin"]
