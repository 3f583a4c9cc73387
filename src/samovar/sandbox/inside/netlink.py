"""Netlink messages: links, addresses, routes, and the rules of nftables.

Owns: numbers and layouts of rtnetlink(7) and of the kernel's nf_tables (linux/netfilter/nf_tables.h). Refuses: policy,
which is `router`'s. IPv4 only. Every refusal of the kernel is an OSError.
"""

from __future__ import annotations

import os
import socket
import struct

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHiII")
_ROUTE, _NETFILTER = 0, 12
_REQUEST, _ACK, _REPLACE, _EXCLUSIVE, _CREATE, _APPEND = 1, 4, 0x100, 0x200, 0x400, 0x800
_ERROR = 2
_NESTED = 0x8000
_UP = 1
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = 16, 20, 24
_ON_LINK = 4
_BATCH_BEGIN, _BATCH_END = 16, 17
_TABLES = 10 << 8
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE, _DELETE_RULE = _TABLES, _TABLES | 3, _TABLES | 6, _TABLES | 8
_OWNED = 2

HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "postrouting": 4}
DROP, ACCEPT = 0, 1
ESTABLISHED = 2 | 4
"""Bits of a connection's state: established, or related to one that is."""
NEW = 8
"""One that begins."""
DESTINATION_CHANGED = 32
"""Bit of a connection's status."""


def attribute(kind, content):
    # type: (int, bytes) -> bytes
    size = _ATTRIBUTE.size + len(content)
    return _ATTRIBUTE.pack(size, kind) + content + bytes(-size % 4)


def nest(kind, *contents):
    # type: (int, *bytes) -> bytes
    return attribute(kind | _NESTED, b"".join(contents))


def _name(text):
    # type: (str) -> bytes
    return text.encode() + b"\0"


def _number(value):
    # type: (int) -> bytes
    """As nf_tables has its numbers."""
    return struct.pack(">I", value & 0xFFFFFFFF)


class Netlink:
    """A netlink socket, for the network that the process is in when it is made."""

    def __init__(self, protocol):
        # type: (int) -> None
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self.socket.bind((0, 0))
        self.sequence = 0

    def close(self):
        # type: () -> None
        self.socket.close()

    def send(self, messages):
        # type: (list) -> None
        """Send (type, flags, body) in one go, and wait until every one that asks for it is acknowledged."""
        data = b""
        waiting = set()
        for kind, flags, body in messages:
            self.sequence += 1
            data += _HEADER.pack(_HEADER.size + len(body), kind, flags | _REQUEST, self.sequence, 0) + body
            if flags & _ACK:
                waiting.add(self.sequence)
        self.socket.send(data)
        failed = 0
        while waiting:
            answer = self.socket.recv(1 << 16)
            at = 0
            while at < len(answer):
                length, kind, _, sequence, _ = _HEADER.unpack_from(answer, at)
                if kind == _ERROR:
                    code = struct.unpack_from("=i", answer, at + _HEADER.size)[0]
                    waiting.discard(sequence)
                    failed = failed or code
                at += length + -length % 4
            if failed and all(kind >= _TABLES or kind == _BATCH_BEGIN for kind, _, _ in messages):
                break  # a batch that fails is not acknowledged to its end
        if failed:
            raise OSError(-failed, "netlink: %s" % os.strerror(-failed))


class Links(Netlink):
    """Links, addresses and routes of one network."""

    def __init__(self):
        # type: () -> None
        Netlink.__init__(self, _ROUTE)

    def add_pair(self, name, index, peer, peer_index, peer_network, mtu):
        # type: (str, int, str, int, int, int) -> None
        """A veth pair; the peer is in the network of that descriptor, and not up yet. Indexes: both 0 for any."""
        # It would get a queue for each CPU, and lose all but one, for which the kernel waits for all its CPUs.
        queues = attribute(31, struct.pack("=I", 1)) + attribute(32, struct.pack("=I", 1))
        size = attribute(4, struct.pack("=I", mtu)) + queues
        inner = _LINK.pack(0, 0, peer_index, 0, 0) + attribute(3, _name(peer)) + size
        inner += attribute(28, struct.pack("=I", peer_network))
        body = _LINK.pack(0, 0, index, _UP, _UP) + attribute(3, _name(name)) + size
        body += nest(18, attribute(1, _name("veth")), nest(2, nest(1, inner)))
        self.send([(_NEW_LINK, _ACK | _CREATE | _EXCLUSIVE, body)])

    @staticmethod
    def raise_link(index):
        # type: (int) -> tuple
        return _NEW_LINK, _ACK, _LINK.pack(0, 0, index, _UP, _UP)

    @staticmethod
    def address(index, address, prefix):
        # type: (int, str, int) -> tuple
        packed = socket.inet_aton(address)
        body = struct.pack("=BBBBI", socket.AF_INET, prefix, 0, 0, index)
        return _NEW_ADDRESS, _ACK | _CREATE | _REPLACE, body + attribute(2, packed) + attribute(1, packed)

    @staticmethod
    def route(destination, prefix, index, gateway=""):
        # type: (str, int, int, str) -> tuple
        """Through a gateway, which is on that link although no address says so; or right on the link."""
        scope, flags = (0, _ON_LINK) if gateway else (253, 0)
        body = struct.pack("=BBBBBBBBI", socket.AF_INET, prefix, 0, 0, 254, 4, scope, 1, flags)
        if prefix:
            body += attribute(1, socket.inet_aton(destination))
        body += attribute(4, struct.pack("=I", index))
        if gateway:
            body += attribute(5, socket.inet_aton(gateway))
        return _NEW_ROUTE, _ACK | _CREATE | _REPLACE, body


class Table(Netlink):
    """A table of nftables' family `ip`. Owned by this socket: the kernel removes it when that is closed, however the
    process ends."""

    def __init__(self, name):
        # type: (str) -> None
        Netlink.__init__(self, _NETFILTER)
        self.name = name
        self.messages = [self._message(_NEW_TABLE, attribute(1, _name(name)) + attribute(2, _number(_OWNED)))]

    def chain(self, hook, kind, priority, policy=ACCEPT, name=""):
        # type: (str, str, int, int, str) -> None
        """A base chain, named as its hook or otherwise; `kind`: `filter` or `nat`."""
        place = nest(4, attribute(1, _number(HOOKS[hook])), attribute(2, _number(priority)))
        body = attribute(1, _name(self.name)) + attribute(3, _name(name or hook)) + place
        body += attribute(5, _number(policy)) + attribute(7, _name(kind))
        self.messages.append(self._message(_NEW_CHAIN, body))

    def clear(self, chain):
        # type: (str) -> None
        """Take all rules out of it."""
        body = attribute(1, _name(self.name)) + attribute(2, _name(chain))
        self.messages.append(self._message(_DELETE_RULE, body))

    def rule(self, chain, *expressions):
        # type: (str, *bytes) -> None
        body = attribute(1, _name(self.name)) + attribute(2, _name(chain)) + nest(4, *expressions)
        self.messages.append(self._message(_NEW_RULE, body))

    def commit(self):
        # type: () -> None
        """Do what has been asked for, all of it or nothing."""
        frame = struct.pack(">BBH", 0, 0, 10)
        self.send([(_BATCH_BEGIN, 0, frame), *self.messages, (_BATCH_END, 0, frame)])
        self.messages = []

    @staticmethod
    def _message(kind, body):
        # type: (int, bytes) -> tuple
        return kind, _ACK | _CREATE | _APPEND, struct.pack(">BBH", socket.AF_INET, 0, 0) + body


# --- expressions of rules: each a match that has to hold, or what is done then. Register 1 is used by all. ------------


def _expression(name, *contents):
    # type: (str, *bytes) -> bytes
    return nest(1, attribute(1, _name(name)), nest(2, *contents))


def _compare(value, equal=True):
    # type: (bytes, bool) -> bytes
    return _expression("cmp", attribute(1, _number(1)), attribute(2, _number(0 if equal else 1)), _data(3, value))


def _data(kind, value):
    # type: (int, bytes) -> bytes
    return nest(kind, attribute(1, value))


def comes_by(name, equal=True):
    # type: (str, bool) -> bytes
    """The packet's incoming link."""
    return _meta(6) + _compare(name.encode().ljust(16, b"\0"), equal)


def leaves_by(name, equal=True):
    # type: (str, bool) -> bytes
    return _meta(7) + _compare(name.encode().ljust(16, b"\0"), equal)


def leaves_by_one_of(prefix, equal=True):
    # type: (str, bool) -> bytes
    """A link whose name begins so."""
    return _meta(7) + _compare(prefix.encode(), equal)


def _meta(key):
    # type: (int) -> bytes
    return _expression("meta", attribute(1, _number(1)), attribute(2, _number(key)))


def goes_to(address, octets=4):
    # type: (str, int) -> bytes
    """The destination, or its first octets."""
    return _load(1, 16, octets) + _compare(socket.inet_aton(address)[:octets])


def goes_here():
    # type: () -> bytes
    """The destination is an address of this host's own."""
    kind = _expression("fib", *(attribute(each, _number(value)) for each, value in ((1, 1), (2, 3), (3, 2))))
    return kind + _compare(struct.pack("=I", 2))


def comes_from(address):
    # type: (str) -> bytes
    return _load(1, 12, 4) + _compare(socket.inet_aton(address))


def port_is(protocol, port):
    # type: (int, int) -> bytes
    """The destination's, of TCP (6) or UDP (17)."""
    return _meta(16) + _compare(bytes((protocol,))) + _load(2, 2, 2) + _compare(struct.pack(">H", port))


def _load(base, offset, size):
    # type: (int, int, int) -> bytes
    numbers = enumerate((1, base, offset, size), 1)
    return _expression("payload", *(attribute(kind, _number(number)) for kind, number in numbers))


def state_is(bits, equal=True):
    # type: (int, bool) -> bytes
    return _connection(0, bits, equal)


def more_often_than(rate, burst):
    # type: (int, int) -> bytes
    """Once so many have come in a second, beyond a burst."""
    speed = attribute(1, struct.pack(">Q", rate)) + attribute(2, struct.pack(">Q", 1))
    return _expression("limit", speed, attribute(3, _number(burst)), attribute(4, _number(0)), attribute(5, _number(1)))


def status_has(bits):
    # type: (int) -> bytes
    return _connection(2, bits, True)


def _connection(key, bits, some):
    # type: (int, int, bool) -> bytes
    load = _expression("ct", attribute(1, _number(1)), attribute(2, _number(key)))
    mask, zero = struct.pack("=I", bits), bytes(4)
    sizes = (attribute(1, _number(1)), attribute(2, _number(1)), attribute(3, _number(4)))
    return load + _expression("bitwise", *sizes, _data(4, mask), _data(5, zero)) + _compare(zero, not some)


def verdict(code):
    # type: (int) -> bytes
    return _expression("immediate", attribute(1, _number(0)), nest(2, nest(2, attribute(1, _number(code)))))


def reject():
    # type: () -> bytes
    """Drop it and say so: the packet is filtered."""
    return _expression("reject", attribute(1, _number(0)), attribute(2, bytes((13,))))


def masquerade():
    # type: () -> bytes
    return _expression("masq")


def redirect_to(address, port):
    # type: (str, int) -> bytes
    """Change the destination."""
    first = _expression("immediate", attribute(1, _number(1)), _data(2, socket.inet_aton(address)))
    second = _expression("immediate", attribute(1, _number(2)), _data(2, struct.pack(">H", port)))
    what = (attribute(1, _number(1)), attribute(2, _number(socket.AF_INET)))
    where = (attribute(3, _number(1)), attribute(5, _number(2)))
    return first + second + _expression("nat", *what, *where)
