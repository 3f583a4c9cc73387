"""sandbox/inside/nursery.py, and the shells that a nursery made, after its end."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from samovar.sandbox.shell import Shell
from samovar.sandbox.spec import INSIDE

REQUEST = {"do": "shell", "below": 7, "furnish": {"network": False}}
WHOEVER = [-1, -1, -1]


@pytest.fixture
def inside(monkeypatch):
    monkeypatch.syspath_prepend(str(INSIDE))
    import link
    import nursery

    return link, nursery


def pair():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def test_who_asks_a_nursery_that_has_ended_is_answered_by_another(inside, monkeypatch):
    link, nursery = inside
    nurseries = nursery.Nurseries(None, None)
    (old, old_far), (new, new_far) = pair(), pair()
    nurseries._links[7] = old
    old_far.close()
    monkeypatch.setattr(nurseries, "_start", lambda origin, network: new)
    with new, new_far:
        link.send(new_far, {"made": "here"})
        assert nurseries.ask(REQUEST, WHOEVER, [], []) == {"made": "here"}
        assert link.receive(new_far) == (REQUEST, [])
    assert old.fileno() == -1


def test_one_that_is_there_goes_on_being_asked(inside, monkeypatch):
    link, nursery = inside
    nurseries = nursery.Nurseries(None, None)
    ours, far = pair()
    monkeypatch.setattr(nurseries, "_start", lambda origin, network: ours)
    monkeypatch.setattr(nursery, "_comes", lambda nursery, within_ms: within_ms > 0)
    with ours, far:
        for number in range(2):
            link.send(far, {"made": number})
            assert nurseries.ask(REQUEST, WHOEVER if number == 0 else [], [], []) == {"made": number}


def test_a_shell_stands_as_long_as_its_init():
    shell = Shell(None, network=False, below=7)  # type: ignore[arg-type]
    assert not shell.stands()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as init:
        shell.init = os.pidfd_open(init.pid)
        assert shell.stands()
        init.send_signal(signal.SIGKILL)
        init.wait()
        assert not shell.stands()
    shell.kill()
    assert not shell.stands()
