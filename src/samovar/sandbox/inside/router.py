"""The router: the boxes' way to the outside, in a network namespace of its own.

Owns: everything between a box's network and the machine's: a veth pair per box, one uplink to the host, translation of
addresses, and who may reach what. Refuses: which box has which address, which is the server's.

    box eth0 198.18.x.y ── router vN │ up 198.19.N.2 ── smvN 198.19.N.1 host ── eth0 ── outside
                             (its own namespace)                (a table of nftables, owned)

Rules:
- A box reaches the outside, and nothing that is nearer: no other box, nothing of the host but what was admitted by name
  (an address that the host's table changes into the real one), no link-local address, where clouds keep credentials.
  It is told so at once.
- Nobody begins a conversation with a box. IPv4 only.
- The host forwards packets of an interface only where it has been told so. Where it hadn't, the router does, and lets
  nothing but its own traffic through; the last of all routers takes it back (`restore`, in the guardian).
- What is made here goes with this process, however it ends: links with the namespace, the host's table with its socket.

- Interfaces and the host's resolver may change while a server runs: both are looked at when a box is made, ten times a
  second at most.

Requests on the link: join {address, resolver} + [init's pidfd] -> {}. The first message is {"ready": true}, or
{"failed": text}.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import time

import link
import netlink
import syscalls
from netlink import ACCEPT, DROP, ESTABLISHED, NEW, reject, verdict

PREFIX = "smv"
"""Of the uplinks' names on the host."""
GATEWAY = "198.18.0.1"
_INSIDE_INDEX = 10
_FIRST_INDEX = 1000
_UPLINKS = 240
_CONVERSATIONS_A_SECOND, _CONVERSATIONS_AT_ONCE = 1000, 10_000
"""Begun by all boxes together: each takes a place in a table of the host's."""
_TCP, _UDP = 6, 17
_SYSCTL = "/proc/sys/net/ipv4/conf/%s/%s"
_MARK = "21318"
"""In an interface's `tag`, a number that the kernel keeps for whoever wants one: that a router made it forward."""
_GONE_WITHIN_S = 5.0
_LOOK_AGAIN_S = 0.1


def main(control, config, life):
    # type: (socket.socket, dict, int) -> None
    """Be the router. `life`: where the guardian reads what to restore."""
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.set_name("samovar-router")
    try:
        router = Router(config, life)
    except OSError as error:
        link.send(control, {"failed": str(error)})
        return
    os.close(life)
    link.send(control, {"ready": True})
    router.serve(control)


class Router:
    def __init__(self, config, life):
        # type: (dict, int) -> None
        """config: {"resolver": [virtual address, the host's], "redirects": [[virtual address, port, address, port]]}"""
        self.resolver, self.redirects = config["resolver"], config["redirects"]
        self.look_at = 0.0
        self.opened = []  # type: list
        """The interfaces that forward because of routers, as our table knows them."""
        self.host = os.open("/proc/self/ns/net", os.O_RDONLY)
        outside = netlink.Links()
        self.mtu = _egress_mtu()
        syscalls.unshare(syscalls.CLONE_NEWNET)
        self.own = os.open("/proc/self/ns/net", os.O_RDONLY)
        _write("/proc/sys/net/ipv4/ip_forward", "1")
        for scope in ("all", "default"):
            _write("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % scope, "1", missing_ok=True)
        self.links = netlink.Links()
        self.last_index = _FIRST_INDEX
        self.name, number = self.add_uplink(outside)
        self.prepare_inside(number)
        syscalls.setns(self.host, syscalls.CLONE_NEWNET)
        try:
            self.prepare_host(outside, number, life)
            self.table = self.host_table(number)
        finally:
            syscalls.setns(self.own, syscalls.CLONE_NEWNET)
        outside.close()

    def add_uplink(self, outside):
        # type: (netlink.Links) -> tuple
        """The host's end gets the first free name; its number makes the addresses."""
        for number in range(1, _UPLINKS):
            name = PREFIX + str(number)
            try:
                outside.add_pair(name, 0, "up", 0, self.own, self.mtu)
                return name, number
            except OSError as error:
                if error.errno != errno.EEXIST:
                    raise
        raise OSError(errno.EBUSY, "there are %d routers already" % _UPLINKS)

    def prepare_inside(self, number):
        # type: (int) -> None
        links, up = self.links, socket.if_nametoindex("up")
        links.send([
            links.raise_link(1),
            links.address(1, GATEWAY, 32),
            links.raise_link(up),
            links.address(up, "198.19.%d.2" % number, 30),
            links.route("0.0.0.0", 0, up, "198.19.%d.1" % number),
        ])
        table = netlink.Table("samovar")
        table.chain("input", "filter", 0, DROP)
        table.rule("input", netlink.comes_by("up", False), reject())
        table.chain("forward", "filter", 0, DROP)
        table.rule("forward", netlink.comes_by("up"), netlink.state_is(ESTABLISHED), verdict(ACCEPT))
        table.rule("forward", netlink.comes_by("up"), verdict(DROP))
        table.rule("forward", netlink.goes_to("169.254.0.0", 2), reject())
        begun = (netlink.state_is(NEW), netlink.more_often_than(_CONVERSATIONS_A_SECOND, _CONVERSATIONS_AT_ONCE))
        table.rule("forward", netlink.leaves_by("up"), *begun, reject())
        table.rule("forward", netlink.leaves_by("up"), verdict(ACCEPT))
        table.rule("forward", reject())
        table.chain("postrouting", "nat", 100)
        table.rule("postrouting", netlink.leaves_by("up"), netlink.masquerade())
        table.commit()
        self.inside_table = table  # the kernel removes it with the socket that this holds

    def prepare_host(self, outside, number, life):
        # type: (netlink.Links, int, int) -> None
        index = socket.if_nametoindex(self.name)
        outside.send([outside.address(index, "198.19.%d.1" % number, 30), outside.raise_link(index)])
        _write("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % self.name, "1", missing_ok=True)
        _write(_SYSCTL % (self.name, "forwarding"), "1")
        _write(_SYSCTL % (self.name, "route_localnet"), "1")  # the host's resolver, and what is admitted, may be there
        os.write(life, (self.name + "\n").encode())

    def host_table(self, number):
        # type: (int) -> netlink.Table
        table, name = netlink.Table("samovar-%s" % self.name), self.name
        # Before anybody's redirections, say of a port that Docker has published.
        table.chain("prerouting", "filter", -150, name="nearest")
        table.rule("nearest", netlink.comes_by(name), netlink.goes_here(), reject())
        table.chain("prerouting", "nat", -100)
        self.redirect(table)
        table.chain("input", "filter", 0)
        admitted = (netlink.status_has(netlink.DESTINATION_CHANGED), netlink.state_is(ESTABLISHED))
        for match in admitted:
            table.rule("input", netlink.comes_by(name), match, verdict(ACCEPT))
        table.rule("input", netlink.comes_by(name), reject())
        table.chain("forward", "filter", 0)
        table.rule("forward", netlink.comes_by(name), netlink.leaves_by_one_of(PREFIX), reject())
        for ours in ("198.18.0.0", "198.19.0.0"):  # not admitted, so not changed: no such address is anywhere else
            table.rule("forward", netlink.comes_by(name), netlink.goes_to(ours, 2), reject())
        table.rule("forward", netlink.leaves_by(name), netlink.state_is(ESTABLISHED, False), verdict(DROP))
        closed = self.shut_others_out(table)
        table.chain("postrouting", "nat", 100)
        here = netlink.comes_from("198.19.%d.2" % number)
        table.rule("postrouting", here, netlink.leaves_by(name, False), netlink.masquerade())
        table.commit()
        _open(closed)
        return table

    def redirect(self, table):
        # type: (netlink.Table) -> None
        """Admit the host's resolver, and what was given a name."""
        virtual, resolver = self.resolver
        changes = [(protocol, virtual, 53, resolver, 53) for protocol in (_UDP, _TCP) if resolver]
        changes += [(_TCP, *each) for each in self.redirects]
        for protocol, virtual, port, address, its_port in changes:
            match = (netlink.comes_by(self.name), netlink.goes_to(virtual), netlink.port_is(protocol, port))
            table.rule("prerouting", *match, netlink.redirect_to(address, its_port))

    def shut_others_out(self, table):
        # type: (netlink.Table) -> list
        """Of what comes by interfaces that forward because of routers, let nothing through but answers to boxes.

        Returns the interfaces that don't forward yet. In the host's network.
        """
        names = _routed()
        closed = [name for name in names if _read(_SYSCTL % (name, "forwarding"), "") == "0"]
        for name in names:
            routers = name in closed or _read(_SYSCTL % (name, "tag"), "") == _MARK
            if routers and name not in self.opened:
                self.opened.append(name)
                to_others = netlink.leaves_by_one_of(PREFIX, False)
                table.rule("forward", netlink.comes_by(name), to_others, verdict(DROP))
        return closed

    def look_around(self, resolver):
        # type: (str) -> None
        """Follow the host, whose interfaces and resolver may have changed; of many boxes at once, one does."""
        now = time.monotonic()
        if now < self.look_at and self.resolver[1] == resolver:
            return
        self.look_at = now + _LOOK_AGAIN_S
        if self.resolver[1] != resolver:
            self.resolver[1] = resolver
            self.table.clear("prerouting")
            self.redirect(self.table)
        syscalls.setns(self.host, syscalls.CLONE_NEWNET)
        try:
            closed = self.shut_others_out(self.table)
            if self.table.messages:
                self.table.commit()
            _open(closed)
        finally:
            syscalls.setns(self.own, syscalls.CLONE_NEWNET)

    def serve(self, control):
        # type: (socket.socket) -> None
        while True:
            request, given = link.receive(control)
            if request is None:
                return
            answer = {"id": request["id"]}
            try:
                self.look_around(request["resolver"])
                self.join(given[0], request["address"])
            except OSError as error:
                answer["error"] = str(error)
            link.close_all(given)
            link.send(control, answer)

    def join(self, pidfd, address):
        # type: (int, str) -> None
        """Give the network of that process its own address, and a way out."""
        network = _network_of(pidfd)
        try:
            self.last_index += 1
            name = "v%d" % self.last_index
            self.links.add_pair(name, self.last_index, "eth0", _INSIDE_INDEX, network, self.mtu)
            self.links.send([self.links.route(address, 32, self.last_index)])
            syscalls.setns(network, syscalls.CLONE_NEWNET)
            try:
                box = netlink.Links()
                way = box.route("0.0.0.0", 0, _INSIDE_INDEX, GATEWAY)
                box.send([box.raise_link(_INSIDE_INDEX), box.address(_INSIDE_INDEX, address, 32), way])
                box.close()
            finally:
                syscalls.setns(self.own, syscalls.CLONE_NEWNET)
        finally:
            os.close(network)


def restore(told):
    # type: (str) -> None
    """Take back what the host forwards because of routers, unless there are others. `told`: the uplinks of those that
    have gone, a line each."""
    for uplink in told.splitlines():
        deadline = time.monotonic() + _GONE_WITHIN_S
        while os.path.exists("/sys/class/net/" + uplink) and time.monotonic() < deadline:
            time.sleep(0.005)
        with _Locked():
            if not _uplinks():
                for name in _opened():
                    _write(_SYSCTL % (name, "forwarding"), "0", missing_ok=True)
                    _write(_SYSCTL % (name, "tag"), "0", missing_ok=True)


class _Locked:
    """One router of the machine at a time."""

    def __enter__(self):
        # type: () -> None
        self.fd = os.open("/proc/sys/net", os.O_RDONLY)
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def __exit__(self, *error):
        # type: (object) -> None
        os.close(self.fd)


def _uplinks():
    # type: () -> list
    return [name for name in os.listdir("/sys/class/net") if name.startswith(PREFIX)]


def _opened():
    # type: () -> list
    """The interfaces that forward because of a router."""
    names = sorted(os.listdir("/proc/sys/net/ipv4/conf"))
    return [name for name in names if _read(_SYSCTL % (name, "tag"), "") == _MARK]


def _open(names):
    # type: (list) -> None
    """Have the host forward what these interfaces bring."""
    if not names:
        return
    with _Locked():
        for name in names:
            if _read(_SYSCTL % (name, "forwarding"), "") == "0":
                _write(_SYSCTL % (name, "tag"), _MARK, missing_ok=True)
                _write(_SYSCTL % (name, "forwarding"), "1", missing_ok=True)


def _routed():
    # type: () -> list
    """The interfaces that have routes."""
    with open("/proc/self/net/route") as file:
        names = {line.split()[0] for line in file.readlines()[1:]}
    return sorted(name for name in names if not name.startswith(PREFIX))


def _egress_mtu():
    # type: () -> int
    with open("/proc/self/net/route") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    ways = [row[0] for row in rows if row[1] == "00000000"]
    return min([int(_read("/sys/class/net/%s/mtu" % name, "1500")) for name in ways] or [1500])


def _network_of(pidfd):
    # type: (int) -> int
    """The network namespace of a process, which is alive: its pidfd says its pid as this /proc has it."""
    with open("/proc/self/fdinfo/%d" % pidfd) as file:
        pid = next(line.split()[1] for line in file if line.startswith("Pid:"))
    return os.open("/proc/%s/ns/net" % pid, os.O_RDONLY)


def _read(path, otherwise=None):
    # type: (str, str | None) -> str
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        if otherwise is None:
            raise
        return otherwise


def _write(path, text, missing_ok=False):
    # type: (str, str, bool) -> None
    try:
        with open(path, "w") as file:
            file.write(text)
    except FileNotFoundError:
        if not missing_ok:
            raise
