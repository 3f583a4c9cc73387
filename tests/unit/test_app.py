"""The app's promise: what was opened is closed in reverse, also when opening fails half-way."""

import asyncio
import errno
import os
import socket
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from samovar.app import PortTaken
from samovar.app.platform import App, _explain
from samovar.app.premises import Premises
from samovar.settings import Settings
from samovar.store.sqlite import StoreBusy


def run(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test, 30))


def test_nothing_runs_and_nothing_listens_after_the_app_has_closed(tmp_path: Path) -> None:
    async def check() -> None:
        before = asyncio.all_tasks()
        async with App(Settings(port=0, data_dir=str(tmp_path))) as app:
            address = app.server.address
        assert asyncio.all_tasks() == before
        with pytest.raises(OSError):
            await asyncio.open_connection(*address)
        async with App(Settings(port=0, data_dir=str(tmp_path))):
            pass  # the data directory was given back

    run(check())


def test_a_taken_port_gives_back_what_was_already_opened(tmp_path: Path) -> None:
    async def check() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            before = asyncio.all_tasks()
            with pytest.raises(PortTaken, match="Address already in use"):
                async with App(Settings(port=taken.getsockname()[1], data_dir=str(tmp_path))):
                    pass
            assert asyncio.all_tasks() == before
        async with App(Settings(port=0, data_dir=str(tmp_path))):
            pass

    run(check())


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EADDRINUSE, "If another Samovar"),
        (errno.EACCES, "Low ports are for root"),
        (errno.EADDRNOTAVAIL, "--host"),
    ],
)
def test_a_port_that_cannot_be_had_is_told_with_what_to_do(number: int, advice: str) -> None:
    assert advice in _explain(Settings(), OSError(number, os.strerror(number)))


def test_a_host_that_nobody_knows_is_told_as_one() -> None:
    told = _explain(Settings(host="nohost.example"), socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert told == "cannot listen on nohost.example: no address is known by that name; choose another --host"


def test_a_second_app_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async def check() -> None:
        async with App(Settings(port=0, data_dir=str(tmp_path))):
            with pytest.raises(StoreBusy):
                async with App(Settings(port=0, data_dir=str(tmp_path))):
                    pass

    run(check())


def test_what_a_killed_ephemeral_server_left_goes_with_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another one still uses, or what only has such a name, stays."""

    async def check() -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        left, elsewhere = tmp_path / "samovar-ephemeral-left", tmp_path / "elsewhere"
        for folder in (left, elsewhere):
            (folder / "code").mkdir(parents=True)
            (folder / "lock").write_text("4000000\n")
        link = tmp_path / "samovar-ephemeral-link"
        link.symlink_to(elsewhere)

        def folders() -> set[Path]:
            return set(tmp_path.iterdir())

        settings = Settings(port=0, ephemeral=True, data_dir=str(tmp_path / "unused"))
        async with App(settings):
            (first,) = folders() - {link, elsewhere}
            assert first != left
            async with App(settings):
                assert len(folders()) == 4
                assert (first / "code").is_dir()
        assert folders() == {link, elsewhere}
        assert (elsewhere / "lock").read_text() == "4000000\n"

    run(check())


def test_ephemeral_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And has as long as it takes to remove its files: what cuts off a shutdown that hangs is told before."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    there: list[str] = []

    async def check() -> None:
        settings = Settings(port=0, ephemeral=True, data_dir=str(tmp_path / "unused"))
        async with Premises(settings) as premises, App(settings, premises):
            premises.closed = lambda: there.extend(path.name for path in tmp_path.iterdir())

    run(check())
    assert [name.startswith("samovar-") for name in there] == [True]
    assert not list(tmp_path.iterdir())
