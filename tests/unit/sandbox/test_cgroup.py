"""Control groups that go, with the keeper, while they are looked at."""

import os
from pathlib import Path

import pytest

from samovar.sandbox import cgroup

pytestmark = pytest.mark.root


@pytest.fixture
def group():
    groups = cgroup.Groups(cgroup.Hierarchies(), f"samovar-{os.getpid()}-unit")
    yield groups.make("box")
    groups.remove()


def test_a_group_that_has_gone_is_empty(group: cgroup.Group) -> None:
    assert group.empty()
    assert group.remove()
    assert group.empty()


def test_so_is_one_that_goes_while_it_is_looked_at(group: cgroup.Group, tmp_path: Path) -> None:
    """Between open and read: the kernel then says ENODEV. Who waits for the group's end would never hear of it."""
    version, folder = group._places["memory"]
    opened = os.open(f"{folder}/cgroup.procs", os.O_RDONLY)
    (tmp_path / "cgroup.procs").symlink_to(f"/proc/self/fd/{opened}")
    group._places["memory"] = version, str(tmp_path)
    assert group.empty()
    assert group.remove()
    with pytest.raises(OSError, match="No such device"):
        os.read(opened, 1)
    assert group.empty()
    os.close(opened)
