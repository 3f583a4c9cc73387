"""Shells: the namespaces of boxes, from a zygote's root, each held by an init that only waits. A part of the keeper.

Owns: making them, what is mounted in them later, sockets in their networks. Its requests are the keeper's, which see.
Below a template, a nursery makes them (`nursery`).
"""

from __future__ import annotations

import os
import socket

import jail
import link
import syscalls
from inits import NAMESPACES, Inits, kept_namespaces, new_namespaces
from nursery import Nurseries
from pid_one import Program, waiting
from scratch import Scratch


class Shells:
    def __init__(self, scratch, usual_tmp_mb, network):
        # type: (str | None, int, bool) -> None
        """`scratch`: a folder for /tmp on disk. `network`: whether boxes have one of their own."""
        name = ("prctl", (syscalls.PR_SET_NAME, b"init\0"), False)
        program = Program([name, *jail.RENEWING_PROC])
        self._kinds = new_namespaces(network) & ~syscalls.CLONE_NEWPID
        self._inits = Inits(program, Program([name, *waiting(self._kinds), *jail.COVERING_PROC]))
        self._home = self._inits.home
        self._nurseries = Nurseries(self._home, program)
        self._scratch_folder = Scratch(scratch, usual_tmp_mb) if scratch else None

    def init(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Begin a shell: its init, in a pid namespace for the box's processes."""
        self._inits.begin(made)
        return {}

    def furnish(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Make the other namespaces of a shell that has begun, from a zygote's root; with mounts below that."""
        zygote, told, begins = given
        trees, scratch = [], None  # type: list, int | None

        def furnish():
            # type: () -> list
            listeners = jail.furnish(request["furnish"], scratch)
            for tree, (_, target) in zip(trees, request["mounts"]):
                syscalls.attach_tree(tree, target)
            return listeners

        try:
            scratch = self._scratch(request["furnish"]["tmp_mb"])
            _clone(request["mounts"], trees)
            self._inits.settle(zygote, self._kinds, furnish, told, begins, made)
        finally:
            link.close_all(trees if scratch is None else [*trees, scratch])
        return {}

    def shell(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Make a whole shell, below a template."""
        scratch = self._scratch(request["furnish"]["tmp_mb"])
        try:
            return self._nurseries.ask(request, given, [] if scratch is None else [scratch], made)
        finally:
            if scratch is not None:
                os.close(scratch)

    def reshell(self, request, given, made):
        # type: (dict, list, list) -> dict
        """A new pid namespace in the mounts and network of an old shell: /tmp stays, processes don't."""
        if request["below"]:
            return self._nurseries.ask(request, given[1:], given[:1], made)
        self._inits.start(given[0], kept_namespaces(request["network"]), NAMESPACES, list, list, made)
        return {}

    def _scratch(self, size_mb):
        # type: (int) -> int | None
        return self._scratch_folder.mount(size_mb) if self._scratch_folder is not None else None

    def inject(self, request, given, made):
        # type: (dict, list, list) -> dict
        """Attach read-only views of host directories inside a shell; one for `/` becomes its root, and comes first."""
        trees = []  # type: list
        tmp_mb = request["tmp_mb"]
        scratch = None
        try:
            if tmp_mb is not None:
                scratch = self._scratch(tmp_mb)
            _clone(request["mounts"], trees)
            syscalls.setns(given[0], syscalls.CLONE_NEWNS)
            try:
                for tree, (_, target) in zip(trees, request["mounts"]):
                    if target == "/":
                        jail.change_root(tree, given[0])
                    else:
                        syscalls.attach_tree(tree, target)
                if tmp_mb is not None:
                    syscalls.unmount("/tmp")
                    jail.mount_tmp(tmp_mb, scratch)
            finally:
                self._home.come_back(syscalls.CLONE_NEWNS)
        finally:
            link.close_all(trees if scratch is None else [*trees, scratch])
        return {}

    def dial(self, request, given, made):
        # type: (dict, list, list) -> dict
        """A socket that connects inside a shell's network, wherever it is used."""
        syscalls.setns(given[0], syscalls.CLONE_NEWNET)
        try:
            made.append(socket.socket().detach())
        finally:
            self._home.come_back(syscalls.CLONE_NEWNET)
        return {}


def _clone(mounts, trees):
    # type: (list, list) -> None
    """Add a detached, read-only view of each host directory to `trees`."""
    for source, _ in mounts:
        tree = syscalls.clone_tree(source)
        trees.append(tree)
        syscalls.set_attributes(tree, jail.READ_ONLY)
