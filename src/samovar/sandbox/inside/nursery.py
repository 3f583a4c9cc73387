"""Nurseries: a process for each template, which makes the shells for its forks. A part of the keeper.

Owns: the place that those shells come from. They are below the template's pid namespace and belong to its user
namespace, into which the keeper itself could go, but not come back.
Rule: the template is hostile, and sees this process. It can't look into it, and what it does to it is its own loss: the
keeper waits for an answer for a while only.
"""

from __future__ import annotations

import os
import select
import signal
import socket

import jail
import link
import syscalls
from inits import NAMESPACES, Inits, kept_namespaces, new_namespaces

_ANSWER_WITHIN_MS = 5000


class Nurseries:
    """The keeper's side: the links to them, by the number that the server has given each template."""

    def __init__(self, home, program):
        # type: (object, object) -> None
        self._home = home
        self._program = program
        self._links = {}  # type: dict[int, socket.socket]

    def ask(self, request, origin, given, made):
        # type: (dict, list, list, list) -> dict
        """Pass a request on. origin: as `_start` takes it, where the nursery isn't there yet."""
        number = request["below"]
        nursery = self._links.get(number)
        if nursery is not None and _comes(nursery, 0):  # its end: it speaks only when it is asked
            self._links.pop(number).close()
            nursery = None
        if nursery is None:
            if len(origin) < 3:
                return {"error": "the template's nursery has gone"}
            nursery = self._links[number] = self._start(origin, request["furnish"]["network"])
        try:
            link.send(nursery, request, given)
            if not _comes(nursery, _ANSWER_WITHIN_MS):
                raise BrokenPipeError
            answer, found = link.receive(nursery)
        except (BrokenPipeError, ConnectionResetError):
            answer, found = None, []
        if answer is None:
            self._links.pop(number).close()
            return {"error": "the template's nursery has gone"}
        made.extend(found)
        return dict(answer)

    def _start(self, origin, network):
        # type: (list, bool) -> socket.socket
        """origin: pidfds of the zygote, of the template's init, and of the template."""
        for number in [number for number, other in self._links.items() if _comes(other, 0)]:
            self._links.pop(number).close()  # it went with its template
        zygote, init, template = origin
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        syscalls.setns(init, syscalls.CLONE_NEWPID)
        try:
            if syscalls.clone3(0) == 0:
                _be_one(zygote, template, network, theirs, self._program)
        finally:
            self._home.come_back(syscalls.CLONE_NEWPID)  # type: ignore[attr-defined]
        theirs.close()
        return ours


def _comes(nursery, within_ms):
    # type: (socket.socket, int) -> bool
    """Whether there is something to read, or the end."""
    poll = select.poll()
    poll.register(nursery.fileno(), select.POLLIN)
    return bool(poll.poll(within_ms))


def _be_one(zygote, template, network, control, program):
    # type: (int, int, bool, socket.socket, object) -> None
    try:
        syscalls.setns(zygote, syscalls.CLONE_NEWNS)
        syscalls.setns(template, syscalls.CLONE_NEWUSER)
        # Also a pid namespace: to the template's, which doesn't belong to this user namespace, it couldn't come back.
        syscalls.unshare(new_namespaces(network))
        if syscalls.clone3(syscalls.CLONE_PARENT):
            os._exit(0)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        syscalls.set_name("samovar-nursery")
        # Root of the host is nobody in this user namespace, and a program that is started would have lost the power.
        syscalls.hand_down(syscalls.CAP_SYS_ADMIN)
        os.dup2(control.fileno(), 3)
        os.dup2(program.folder, 4)  # type: ignore[attr-defined]
        syscalls.close_descriptors(5)
        program.folder = 4  # type: ignore[attr-defined]
        inits = Inits(program)
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        _serve(socket.socket(fileno=3), inits)
    except OSError as error:
        os.write(2, ("samovar: a nursery ends: %s\n" % error).encode())
    finally:
        os._exit(1)


def _serve(control, inits):
    # type: (socket.socket, Inits) -> None
    while True:
        request, given = link.receive(control)
        if request is None:
            return
        made, answer = [], {}  # type: list, dict
        try:
            _make(request, given, inits, made)
        except OSError as error:
            answer = {"error": str(error)}
        link.send(control, answer, made)
        link.close_all([*given, *made])


def _make(request, given, inits, made):
    # type: (dict, list, Inits, list) -> None
    if request["do"] == "reshell":
        network = request["network"]

        def doors():
            # type: () -> list
            return inits.home.doors(network)

        inits.start(given[0], kept_namespaces(network), NAMESPACES, list, doors, made)
        return
    plan = request["furnish"]
    scratch = given[0] if given else None
    network = plan["network"]
    inits.start(
        -1, 0, new_namespaces(network), lambda: jail.furnish(plan, scratch), lambda: inits.home.doors(network), made
    )
