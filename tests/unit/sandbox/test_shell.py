"""A box's shell, as the server sees it."""

import asyncio

import pytest

from samovar.sandbox.port import SandboxDied
from samovar.sandbox.shell import Shell


class Keeper:
    """Must not be asked: what a request would have to take along has gone."""


def test_one_that_was_killed_before_it_is_furnished_is_not_asked_for() -> None:
    shell = Shell(Keeper(), network=True, below=0)  # type: ignore[arg-type]
    shell.kill()
    with pytest.raises(SandboxDied, match="has ended"):
        asyncio.run(shell.furnish([3]))
