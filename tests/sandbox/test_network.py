"""What functions reach of the outside, of the host and of each other, with a machine of the test's own as the outside.

It is a network namespace behind a veth pair, in a part of 198.51.100.0/24. It serves HTTP, telling who asked, and DNS,
for `outside.test`.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import pytest

from samovar.sandbox.inside import netlink

pytestmark = pytest.mark.root

FILTERED = "EHOSTUNREACH"
MACHINE = """
import http.server, os, socket, socketserver, struct, sys, threading
sys.path.insert(0, sys.argv[1])
import netlink, syscalls

syscalls.unshare(syscalls.CLONE_NEWNET)
print("here", flush=True)
ADDRESS = sys.stdin.readline().strip()
links, index = netlink.Links(), socket.if_nametoindex("eth0")
links.send([links.raise_link(1), links.raise_link(index), links.address(index, ADDRESS, 30)])

class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
    def log_message(self, *args): pass

class Names(socketserver.BaseRequestHandler):
    def handle(self):
        data, answers = self.request
        end = data.index(b"\\0", 12) + 5
        kind = struct.unpack("!H", data[end - 4 : end - 2])[0]
        found = data[12:end].lower().startswith(b"\\7outside\\4test\\0") and kind == 1
        code = 0x8183 if kind == 1 and not found else 0x8180
        head = data[:2] + struct.pack("!HHHHH", code, 1, int(found), 0, 0)
        record = b"\\xc0\\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(ADDRESS)
        answers.sendto(head + data[12:end] + (record if found else b""), self.client_address)

web = http.server.ThreadingHTTPServer(("0.0.0.0", 80), Web)
threading.Thread(target=web.serve_forever, daemon=True).start()
names = socketserver.ThreadingUDPServer(("0.0.0.0", 53), Names)
threading.Thread(target=names.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
"""
PROBE = """
    import errno, os, socket, threading, urllib.request

    def reach(address, port, seconds=5):
        try:
            with socket.create_connection((address, port), timeout=seconds) as connection:
                connection.settimeout(seconds)
                return connection.recv(100).decode()
        except OSError as error:
            return errno.errorcode.get(error.errno, type(error).__name__)

    def get(url):
        return urllib.request.urlopen(url, timeout=8).read().decode()

    def own_address():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("198.51.100.2", 9))
            return probe.getsockname()[0]

    def wait_for_a_visitor(port, seconds):
        with socket.create_server(("0.0.0.0", port)) as listener:
            listener.settimeout(seconds)
            try:
                listener.accept()[0].close()
                return True
            except TimeoutError:
                return False

    def handler(event, context):
        return eval(event)
"""


class Outside(NamedTuple):
    link: str
    """The host's end."""
    host: str
    """The host, as it is seen from there."""
    address: str
    command: list[str]
    """Runs a server whose resolver is there."""


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """The other machine."""
    inside = str(pathlib.Path(netlink.__file__).parent)
    machine = subprocess.Popen(
        [sys.executable, "-c", MACHINE, inside],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    links = netlink.Links()
    with contextlib.ExitStack() as stack:
        stack.callback(links.close)
        stack.callback(machine.stdout.close)
        stack.callback(machine.stdin.close)
        stack.callback(machine.wait)
        stack.callback(machine.kill)
        assert machine.stdout.readline() == "here\n"
        network = os.open(f"/proc/{machine.pid}/ns/net", os.O_RDONLY)
        stack.callback(os.close, network)
        number = connect(links, network)
        place = Outside(f"smtest{number}", f"198.51.100.{4 * number + 1}", f"198.51.100.{4 * number + 2}", [])
        index = socket.if_nametoindex(place.link)
        links.send([links.address(index, place.host, 30), links.raise_link(index)])
        machine.stdin.write(place.address + "\n")
        machine.stdin.flush()
        assert machine.stdout.readline() == "ready\n"
        resolver = tmp_path_factory.mktemp("etc") / "resolv.conf"
        resolver.write_text(f"nameserver {place.address}\n")
        serve = f'mount --bind {resolver} /etc/resolv.conf && exec "{sys.executable}" -c "$@"'
        program = "from samovar.cli import main; main()"
        place.command.extend(["unshare", "--mount", "--propagation", "private", "sh", "-c", serve, "sh", program])
        yield place


def connect(links, network):
    """A pair of links from here to there; the first name that is free makes the addresses."""
    for number in range(63):
        with contextlib.suppress(FileExistsError):
            links.add_pair(f"smtest{number}", 0, "eth0", 0, network, 1500)
            return number
    raise AssertionError("63 other tests are running")


@pytest.fixture(scope="module")
def host_services():
    """Listeners of the host that greet, on all its addresses and on its loopback: their ports."""
    with contextlib.ExitStack() as stack:
        ports = []
        for address in ("0.0.0.0", "127.0.0.1"):
            listener = stack.enter_context(socket.create_server((address, 0)))
            threading.Thread(target=greet, args=[listener], daemon=True).start()
            ports.append(listener.getsockname()[1])
        yield ports


def greet(listener):
    with contextlib.suppress(OSError):
        while True:
            visitor, _ = listener.accept()
            with visitor, contextlib.suppress(OSError):
                visitor.sendall(b"hello")


@pytest.fixture(scope="module")
def connected(platforms, outside, host_services, tmp_path_factory):
    anywhere, loopback = host_services
    hosts = f"everywhere={outside.host}:{anywhere},database=localhost:{loopback}"
    data = str(tmp_path_factory.mktemp("data"))
    flags = ("--data-dir", data, "--function-network", "outbound", "--function-hosts", hosts)
    running = platforms(*flags, command=outside.command)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def function(connected):
    return connected.deploy(PROBE, Timeout=20, MemorySize=512)


def test_a_function_reaches_the_outside_by_name_and_looks_like_the_host_there(function, outside):
    assert function("get('http://outside.test/')").result == outside.host
    assert function(f"get('http://{outside.address}/')").result == outside.host
    assert function("reach('nowhere.test', 80)").result == "gaierror"


def test_it_reaches_nothing_of_the_host(connected, function, outside, host_services):
    anywhere, loopback = host_services
    for address in (outside.host, f"198.19.{uplink_of(connected).removeprefix('smv')}.1", "198.18.0.1"):
        assert function(f"reach('{address}', {anywhere})").result == FILTERED, address
    assert function(f"reach('127.0.0.1', {anywhere}) + reach('127.0.0.1', {loopback})").result == (
        "ECONNREFUSED" * 2
    )


def test_what_the_host_publishes_for_others_is_the_hosts(function, outside):
    """A port that is redirected elsewhere, as container tools do."""
    table = netlink.Table(f"published-{outside.link}")
    table.chain("prerouting", "nat", -100)
    match = (netlink.goes_to(outside.host), netlink.port_is(6, 7777))
    table.rule("prerouting", *match, netlink.redirect_to(outside.address, 80))
    table.commit()
    try:
        assert function(f"reach('{outside.host}', 7777)").result == FILTERED
    finally:
        table.close()


def test_it_reaches_what_was_admitted_by_name_and_only_at_that_port(function, host_services):
    anywhere, loopback = host_services
    assert function(f"reach('everywhere', {anywhere})").result == "hello"
    assert function(f"reach('database', {loopback})").result == "hello"
    assert function(f"reach('database', {anywhere})").result == FILTERED


def test_the_platform_is_where_it_always_is(function):
    code = "get(os.environ['AWS_ENDPOINT_URL'] + '/_samovar/health')"
    assert function(code).error is None


def test_link_local_addresses_are_out_of_reach(function):
    """Where clouds keep the host's credentials."""
    assert function("reach('169.254.169.254', 80)").result == FILTERED


def test_environments_do_not_reach_each_other(connected, function):
    address = function("own_address()").result
    assert address.startswith("198.18.")
    other = connected.deploy(PROBE, Timeout=20, MemorySize=512)
    assert other("own_address()").result != address
    met = []
    waiting = threading.Thread(target=lambda: met.append(function("wait_for_a_visitor(8000, 4)").result))
    waiting.start()
    time.sleep(0.5)
    assert other(f"reach('{address}', 8000)").result == FILTERED
    waiting.join()
    assert met == [False]


def test_a_reset_keeps_the_way_out(function, outside):
    function("os._exit(1)")
    assert function(f"get('http://{outside.address}/')").result == outside.host


def test_a_router_that_died_is_replaced(connected, function, outside):
    os.kill(router_of(connected), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while (answer := function(f"get('http://{outside.address}/')")).error is not None:
        assert time.monotonic() < deadline, answer
    assert answer.result == outside.host


def test_a_new_resolver_of_the_host_and_a_new_interface_count_for_the_next_environment(connected, function, outside):
    page = pathlib.Path(f"/proc/{connected.pid}/root/etc/resolv.conf")
    before = page.read_text()
    folder = pathlib.Path(f"/proc/sys/net/ipv4/conf/{outside.link}")
    assert function("reach('outside.test', 80, 1)").result != "gaierror"
    try:
        page.write_text("nameserver 192.0.2.254\n")
        (folder / "forwarding").write_text("0")
        newer = connected.deploy(PROBE, Timeout=20, MemorySize=384)
        assert newer(f"get('http://{outside.address}/')").result == outside.host
        page.write_text(before)
        newest = connected.deploy(PROBE, Timeout=20, MemorySize=640)
        assert newest("get('http://outside.test/')").result == outside.host
    finally:
        page.write_text(before)


def test_isolated_leaves_only_the_platform(platforms, outside, tmp_path):
    running = platforms("--data-dir", str(tmp_path), "--function-network", "isolated", command=outside.command)
    try:
        function = running.deploy(PROBE, Timeout=20, MemorySize=512)
        assert function(f"reach('{outside.address}', 80)").result == "ENETUNREACH"
        assert function("get(os.environ['AWS_ENDPOINT_URL'] + '/_samovar/health')").error is None
    finally:
        running.stop()


def test_nothing_is_left_of_a_server_that_was_killed(platforms, outside, tmp_path):
    """No link, no rule, and the host forwards no more than before, once the last router has gone."""
    running = platforms("--data-dir", str(tmp_path), "--function-network", "outbound", command=outside.command)
    function = running.deploy(PROBE, Timeout=20, MemorySize=512)
    assert function(f"get('http://{outside.address}/')").result == outside.host
    name = uplink_of(running)
    mine = uplinks()[name]
    assert forwards(outside.link) == "1"
    everything = {pid: born(pid) for pid in children(running.pid)}
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    deadline = time.monotonic() + 20
    # Another server may have the name, or a process the pid, as soon as it is free.
    while mine in uplinks().values() or any(when and born(pid) == when for pid, when in everything.items()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.forget()
    if shutil.which("nft") and name not in uplinks():
        rules = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
        assert f"samovar-{name}\n" not in rules or name in uplinks()
    while forwards(outside.link) == "1" and not uplinks():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def uplinks():
    """Name -> index, which the kernel never gives twice."""
    return {name: index for index, name in socket.if_nameindex() if name.startswith("smv")}


def forwards(name):
    return pathlib.Path(f"/proc/sys/net/ipv4/conf/{name}/forwarding").read_text().strip()


def children(pid):
    """All descendants of a process."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found += [int(entry.parent.name), *children(int(entry.parent.name))]
    return found


def born(pid):
    """When a process began, which tells it from another of its pid; empty when it isn't there any more."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


def router_of(server):
    [router] = [pid for pid in children(server.pid) if name_of(pid) == "samovar-router"]
    return router


def uplink_of(server):
    """Named by the number that is also in its addresses, as the router has them."""
    routes = pathlib.Path(f"/proc/{router_of(server)}/net/route").read_text().splitlines()
    gateway = next(line.split()[2] for line in routes if line.split()[1] == "00000000")
    return f"smv{bytes.fromhex(gateway)[1]}"


def name_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
