"""sandbox/inside/zygote.py: how a fork goes into its box's control groups."""

import errno
import os

import pytest

from samovar.sandbox.spec import INSIDE


@pytest.fixture
def zygote(monkeypatch):
    monkeypatch.syspath_prepend(str(INSIDE))
    import zygote

    return zygote


@pytest.mark.parametrize(("number", "kind"), [(errno.ENODEV, ProcessLookupError), (errno.EPERM, PermissionError)])
def test_groups_that_were_removed_are_a_box_that_has_gone(zygote, monkeypatch, number, kind):
    def refused(file, data):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", refused)
    with pytest.raises(kind):
        zygote._enter_groups([7])
