"""What a function must not reach: the host's files, processes, kernel and network, and other functions.

Each attempt says how it has to be refused.
"""

import concurrent.futures
import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

# what is tried: (statements, errno names that are a refusal)
FILES = {
    "the host's passwords": ("open('/etc/shadow')", {"ENOENT"}),
    "the host's ssh keys": ("open('/root/.ssh/authorized_keys')", {"EACCES"}),
    "the host's TLS keys": ("os.listdir('/etc/ssl/private')", {"EACCES", "ENOENT"}),
    "the folder /root": ("os.listdir('/root')", {"EACCES"}),
    "the host's folders": ("os.listdir('/work')", {"ENOENT"}),
    "the folder /var/lib": ("os.listdir('/var/lib')", {"ENOENT"}),
    "system services' sockets": ("os.listdir('/run/systemd')", {"ENOENT"}),
    "sysfs": ("os.listdir('/sys')", {"ENOENT"}),
    "control groups": ("os.listdir('/sys/fs/cgroup')", {"ENOENT"}),
    "a disk": ("open('/dev/vda')", {"ENOENT"}),
    "the kernel's memory": ("open('/dev/mem')", {"ENOENT"}),
    "the kernel's log": ("open('/dev/kmsg')", {"ENOENT"}),
    "a terminal": ("open('/dev/tty')", {"ENOENT", "ENXIO"}),
    "fuse": ("open('/dev/fuse')", {"ENOENT"}),
    "kvm": ("open('/dev/kvm')", {"ENOENT"}),
    "the kernel's image in /proc": ("open('/proc/kcore', 'rb')", {"EACCES", "EPERM", "ENOENT"}),
    "sysrq": ("open('/proc/sysrq-trigger', 'w')", {"EACCES", "EROFS", "ENOENT"}),
    "a kernel setting": ("open('/proc/sys/kernel/core_pattern', 'w')", {"EACCES", "EROFS"}),
    "the host name": ("open('/proc/sys/kernel/hostname', 'w')", {"EACCES", "EROFS"}),
    "pid 1's memory": ("open('/proc/1/mem', 'r+b')", {"ENOENT", "EACCES"}),
    "pid 1's root": ("os.listdir('/proc/1/root')", {"ENOENT", "EACCES"}),
    "pid 1's environment": ("open('/proc/1/environ')", {"ENOENT", "EACCES"}),
    "its own uid map": ("open('/proc/self/uid_map', 'wb', 0).write(b'0 0 1')", {"EPERM", "EACCES"}),
    "its own oom score": ("open('/proc/self/oom_score_adj', 'wb', 0).write(b'-1000')", {"EACCES", "EPERM"}),
}

WRITES = {
    folder: (f"open('{folder}/samovar-test', 'w')", {"EROFS", "EACCES"})
    for folder in "/ /var/task /opt /var/runtime /var/lang /var/cache/samovar /usr /usr/bin /etc /etc/ssl /dev".split()
} | {
    "the code, by a change of mode": ("os.chmod('/var/task/h.py', 0o777)", {"EROFS"}),
    "the code, by removing it": ("os.remove('/var/task/h.py')", {"EROFS"}),
    "the runtime client": ("open('/var/runtime/samovar_runtime.py', 'a')", {"EROFS", "EACCES"}),
    "the shell": ("open(os.path.realpath('/bin/sh'), 'r+b')", {"EROFS", "ETXTBSY", "EACCES"}),
}

# The calls are made by number: neither libc nor Python refuses them first.
KERNEL = {
    "mount": ("syscall(165, 40, b'none', b'/tmp', b'tmpfs', 0, None)", {"EPERM"}),
    "mount, read-write again": ("syscall(165, 40, b'none', b'/var/task', None, 0x1020, None)", {"EPERM"}),
    "umount": ("syscall(166, 39, b'/var/task', 2)", {"EPERM"}),
    "the new mount calls: open_tree": ("syscall(428, 428, -100, b'/', 1)", {"EPERM"}),
    "the new mount calls: fsopen": ("syscall(430, 430, b'tmpfs', 0)", {"EPERM"}),
    "the new mount calls: mount_setattr": ("syscall(442, 442, -100, b'/', 0, None, 0)", {"EPERM"}),
    "pivot_root": ("syscall(155, 41, b'/tmp', b'/tmp')", {"EPERM"}),
    "chroot": ("os.chroot('/tmp')", {"EPERM"}),
    "mknod": ("os.mknod('/tmp/vda', 0o60666, os.makedev(254, 0))", {"EPERM"}),
    "a new user namespace": ("syscall(272, 97, 0x10000000)", {"EPERM"}),
    "a new mount namespace": ("syscall(272, 97, 0x20000)", {"EPERM"}),
    "a new network": ("syscall(272, 97, 0x40000000)", {"EPERM"}),
    "clone into a user namespace": ("syscall(56, 220, 0x10000000 | 17, 0, 0, 0, 0)", {"EPERM"}),
    "clone into a pid namespace": ("syscall(56, 220, 0x20000000 | 17, 0, 0, 0, 0)", {"EPERM"}),
    "clone3": ("syscall(435, 435, ctypes.create_string_buffer(88), 88)", {"ENOSYS"}),
    "setns": ("syscall(308, 268, os.open('/proc/self/ns/net', 0), 0)", {"EPERM"}),
    "ptrace, as the traced": ("syscall(101, 117, 0, 0, 0, 0)", {"EPERM"}),
    "ptrace, as the tracer": ("syscall(101, 117, 16, 1, 0, 0)", {"EPERM"}),
    "another process's memory": ("syscall(310, 270, 1, None, 0, None, 0, 0)", {"EPERM"}),
    "another process's descriptors": ("syscall(438, 438, os.pidfd_open(os.getpid()), 3, 0)", {"EPERM"}),
    "comparing processes": ("syscall(312, 272, 1, 2, 0, 0, 0)", {"EPERM"}),
    "files by handle": ("syscall(304, 265, -100, None, 0)", {"EPERM"}),
    "the keyring": ("syscall(250, 219, 0, -3, 1)", {"EPERM"}),
    "adding a key": ("syscall(248, 217, b'user', b'k', b'v', 1, -3)", {"EPERM"}),
    "bpf": ("syscall(321, 280, 0, ctypes.create_string_buffer(128), 128)", {"EPERM"}),
    "perf": ("syscall(298, 241, ctypes.create_string_buffer(128), 0, -1, -1, 0)", {"EPERM"}),
    "io_uring": ("syscall(425, 425, 8, ctypes.create_string_buffer(128))", {"ENOSYS"}),
    "userfaultfd": ("syscall(323, 282, 0)", {"EPERM"}),
    "a kernel module": ("syscall(313, 273, 0, b'', 0)", {"EPERM"}),
    "kexec": ("syscall(246, 104, 0, 0, None, 0)", {"EPERM"}),
    "the kernel's log": ("syscall(103, 116, 3, ctypes.create_string_buffer(16), 16)", {"EPERM"}),
    "reboot": ("syscall(169, 142, 0xfee1dead, 672274793, 0, 0)", {"EPERM"}),
    "the clock": ("time.clock_settime(time.CLOCK_REALTIME, 0)", {"EPERM"}),
    "swap": ("syscall(167, 224, b'/tmp/swap', 0)", {"EPERM"}),
    "quotas": ("syscall(179, 60, 0, None, 0, None)", {"EPERM"}),
    "personality": ("syscall(135, 92, 0x0040000)", {"EPERM"}),
    "the host name": ("socket.sethostname('owned')", {"EPERM"}),
    "a priority above others": ("os.nice(-5)", {"EPERM", "EACCES"}),
    "real-time scheduling": ("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", {"EPERM"}),
    "another user": ("os.setuid(0)", {"EPERM", "EINVAL"}),
    "another group": ("os.setgid(0)", {"EPERM", "EINVAL"}),
    "other groups": ("os.setgroups([0])", {"EPERM"}),
    "more processes": ("syscall(302, 261, 0, 6, struct.pack('QQ', 4096, 4096), None)", {"EPERM"}),
    "more descriptors": ("syscall(302, 261, 0, 7, struct.pack('QQ', 4096, 4096), None)", {"EPERM"}),
    "x32 calls": ("syscall(0x40000000 | 165, 0, b'none', b'/tmp', b'tmpfs', 0, None)", {"ENOSYS"}),
}

SOCKETS = {
    "raw IP": ("socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)", {"EPERM", "EACCES"}),
    "packets": ("socket.socket(17, socket.SOCK_RAW, 0)", {"EAFNOSUPPORT", "EPERM"}),
    "vsock, to a hypervisor": ("socket.socket(40, socket.SOCK_STREAM)", {"EAFNOSUPPORT"}),
    "Bluetooth": ("socket.socket(31, socket.SOCK_RAW, 1)", {"EAFNOSUPPORT"}),
    "the kernel's crypto": ("socket.socket(38, socket.SOCK_SEQPACKET, 0)", {"EAFNOSUPPORT"}),
    "XDP": ("socket.socket(44, socket.SOCK_RAW, 0)", {"EAFNOSUPPORT"}),
    "a low port": ("s = socket.socket(); s.bind(('127.0.0.1', 80))", {"EACCES"}),
    "the internet, by IPv6": (
        "socket.create_connection(('2606:4700:4700::1111', 80), 3)",
        {"ENETUNREACH", "EADDRNOTAVAIL"},
    ),
    "a cloud's metadata": ("socket.create_connection(('169.254.169.254', 80), 3)", {"ENETUNREACH", "EHOSTUNREACH"}),
}


@pytest.mark.parametrize(
    ("statements", "refusals"),
    [
        pytest.param(*row, id=f"{group}: {what}")
        for group, rows in (("read", FILES), ("write", WRITES), ("kernel", KERNEL), ("socket", SOCKETS))
        for what, row in rows.items()
    ],
)
def test_a_function_is_refused(attempt, statements, refusals):
    assert attempt(statements) in refusals


def test_the_probe_can_do_what_is_allowed(attempt):
    """Or else every attempt above would be refused for nothing."""
    assert attempt("open('/tmp/x', 'w').write('x'); result = open('/tmp/x').read()") == "x"
    assert attempt("result = syscall(39, 172) == os.getpid()") is True
    assert attempt("socket.socket(socket.AF_INET); socket.socket(socket.AF_UNIX); result = 'made'") == "made"
    assert attempt("open('/absent')") == "ENOENT"


def test_it_sees_its_own_processes_only(attempt):
    """Pid namespace, own /proc."""
    found = attempt("result = [sorted(int(n) for n in os.listdir('/proc') if n.isdigit()), os.getpid()]")
    assert found == [[found[1]], found[1]]


def test_it_sees_neither_the_servers_data_nor_its_own_folder_on_the_host(attempt, tmp_path):
    """The data directory, the host's home."""
    (tmp_path / "secret").write_text("x")
    for place in (tmp_path, tmp_path / "secret", Path(__file__), Path.home() / ".local", Path.home() / ".pyenv"):
        assert place.exists() or place.name.startswith(".")
        assert attempt(f"os.stat({str(place)!r})") in {"ENOENT", "EACCES"}


def test_it_has_no_capabilities_and_cannot_get_new_privileges(attempt):
    """No capabilities, no_new_privs, seccomp."""
    status = dict(attempt("result = [line.split(':\\t') for line in open('/proc/self/status').read().splitlines()]"))
    assert [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == ["0" * 16] * 4
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")


def test_a_setuid_program_gives_it_nothing(attempt):
    """Nosuid, no_new_privs."""
    found = attempt("""
result = []
for folder in ("/usr/bin", "/usr/sbin", "/usr/lib/openssh"):
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.stat(path).st_mode & 0o6000:
            result.append(path)
""")
    assert found, "this machine has no setuid program to try"
    user = "open('/proc/self/status').read().split('Uid:')[1].split('\\n')[0].split()"
    assert attempt(f"result = {user}") == ["993"] * 4
    assert attempt("""
result = subprocess.run(["su", "root", "-c", "id -u"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
""") == ""
    if "/usr/bin/mount" in found:
        mount = "subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp'], capture_output=True).returncode"
        assert attempt(f"result = {mount}") != 0
    flags = attempt("""
result = [line.split()[5].split(",") for line in open("/proc/self/mountinfo")]
""")
    assert all("nosuid" in options for options in flags)


def test_a_setuid_file_of_its_own_gives_it_nothing(attempt):
    """/tmp is nosuid."""
    assert attempt("""
import shutil
shutil.copy("/usr/bin/id", "/tmp/id")
os.chmod("/tmp/id", 0o4755)
result = subprocess.run(["/tmp/id", "-u"], capture_output=True, text=True).stdout
""") == "993\n"


def test_it_cannot_signal_what_isnt_its_own(attempt):
    """Pid 1 of its namespace is the platform's; a signal to all reaches its own processes only."""
    for number in (1, *range(3, 40)):
        assert attempt(f"os.kill({number}, 9)") in {"EPERM", "ESRCH"}


def test_its_listening_sockets_are_its_own(platform, attempt, probe_source):
    """Two functions bind the same port and the same abstract name: each has its own network."""
    bind = """
s, a = socket.socket(), socket.socket(socket.AF_UNIX)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 18080)); s.listen()
a.bind("\\0samovar-test"); a.listen()
handler.kept, result = (s, a), "bound"
"""
    other = platform.deploy(probe_source, Timeout=20)
    try:
        assert attempt(bind) == "bound"
        assert attempt("socket.create_connection(('127.0.0.1', 18080), 3); result = 'reached'") == "reached"
        assert attempt("socket.create_connection(('127.0.0.1', 18080), 3)", function=other) == "ECONNREFUSED"
        assert attempt("socket.socket(socket.AF_UNIX).connect('\\0samovar-test')", function=other) == "ECONNREFUSED"
        assert attempt(bind, function=other) == "bound"
    finally:
        other.delete()


def test_the_hosts_ports_and_abstract_sockets_are_out_of_reach(platform, attempt):
    """Own net namespace; reaches only the platform's endpoint."""
    with contextlib.ExitStack() as open_:
        port = open_.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        everywhere = open_.enter_context(socket.create_server(("0.0.0.0", 0))).getsockname()[1]
        abstract = open_.enter_context(socket.socket(socket.AF_UNIX))
        name = f"samovar-host-{os.getpid()}"
        abstract.bind("\0" + name)
        abstract.listen()
        server = int(platform.endpoint.rsplit(":", 1)[1])
        for number in (port, everywhere, server):
            assert attempt(f"socket.create_connection(('127.0.0.1', {number}), 3)") == "ECONNREFUSED"
        assert attempt(f"socket.socket(socket.AF_UNIX).connect('\\0{name}')") == "ECONNREFUSED"
        assert attempt("result = [name for _, name in socket.if_nameindex()]") in (["lo"], ["lo", "eth0"])
        for address in _own_addresses():
            refusal = attempt(f"socket.create_connection(({address!r}, {everywhere}), 3)")
            assert refusal in ("ENETUNREACH", "EHOSTUNREACH")


def _own_addresses():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        return [probe.getsockname()[0]]


def test_the_only_ports_that_answer_are_the_platforms(attempt):
    """The endpoint at 127.0.0.1:4566, also at 443 for its APIs' names, and its own Runtime API at 9001."""
    assert attempt("""
result = []
for port in range(1, 65536):
    s = socket.socket()
    # A socket may come to connect to itself: its own port is as good as any.
    if s.connect_ex(("127.0.0.1", port)) == 0 and s.getsockname() != s.getpeername():
        result.append(port)
    s.close()
""") in ([443, 4566, 9001], [443, 4566, 9001, 18080])  # the last one: another test's, of its own


def test_what_answers_in_the_box_is_the_platform(attempt):
    """The endpoint listens inside the box through a socket that the platform holds."""
    assert attempt("""
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 4566)
connection.request("GET", "/_samovar/health")
answer = connection.getresponse()
result = [answer.status, "lambda" in json.loads(answer.read())["services"]]
""") == [200, True]


def test_the_runtime_api_of_a_box_knows_its_own_invocation_only(platform, attempt, probe_source):
    """In no mode does an environment reach another's Runtime API."""
    other = platform.deploy(probe_source, Timeout=20)
    post = """
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 9001, timeout=3)
connection.request("POST", f"/2018-06-01/runtime/invocation/{target}/response", b'"stolen"')
answer = connection.getresponse()
result = [answer.status, json.loads(answer.read()).get("errorType")]
"""
    try:
        with concurrent.futures.ThreadPoolExecutor() as threads:
            running = threads.submit(other, {"code": "print('id', context.aws_request_id); time.sleep(1); result = 1"})
            while not (target := _running_id(other)):
                time.sleep(0.01)
            assert attempt(post, target=target) == [400, "InvalidRequestID"]
            assert running.result().result == {"result": 1}
    finally:
        other.delete()


def _running_id(function):
    lines = (line for lines in function.log().values() for line in lines)
    return next((line.split()[1] for line in lines if line.startswith("id ")), None)


def test_descriptors_of_the_platform_are_not_inherited(deploy):
    """execution.md §1, traps: descriptors leak into children without close_range."""
    function = deploy("""
        import os
        def handler(event, context):
            links = ("/proc/self/fd/" + fd for fd in os.listdir("/proc/self/fd"))
            return {link.rpartition("/")[2]: os.readlink(link) for link in links if os.path.islink(link)}
    """)
    found = {int(fd): target for fd, target in function().result.items()}
    assert (found[0], found[3].split(":")[0]) == ("/dev/null", "socket")
    output = found[1]
    assert output.startswith("pipe:")
    # Nothing but these, the output again (for framed logs) and Python's /dev/urandom.
    assert set(found.values()) - {output, found[3]} <= {"/dev/null", "/dev/urandom"}, found


def test_its_channel_leads_nowhere_else(attempt):
    """The channel is a socket pair: it has no name to connect to, and the platform sends no descriptors."""
    assert attempt("""
channel = socket.socket(fileno=os.dup(3))
result = [channel.family, repr(channel.getsockname()), repr(channel.getpeername())]
""") == [1, "''", "''"]


def test_another_functions_tmp_is_another_tmp(platform, attempt, probe_source):
    """README, levels of isolation."""
    other = platform.deploy(probe_source, Timeout=20)
    try:
        assert attempt("open('/tmp/mine', 'w').write('x'); result = 'written'", function=other) == "written"
        assert attempt("result = os.path.exists('/tmp/mine')", function=other) is True
        assert attempt("result = os.path.exists('/tmp/mine')") is False
        assert attempt("result = os.stat('/tmp').st_dev", function=other) != attempt("result = os.stat('/tmp').st_dev")
    finally:
        other.delete()


def test_environments_are_different_users_of_the_host(platform):
    """Unprivileged uid; per-user limits of the kernel aren't shared between environments."""
    function = platform.deploy("def handler(event, context): pass")
    try:
        function()
        boxes = [user for user in _users_below(platform.pid) if user >= 0x7000_0000]
        assert len(boxes) >= 2
        assert len(boxes) == len(set(boxes)), boxes
    finally:
        function.delete()


def _users_below(pid):
    """Users of the processes that descend from `pid`, itself left out."""
    users = []
    for child in _children(pid):
        with contextlib.suppress(FileNotFoundError):
            status = Path(f"/proc/{child}/status").read_text()
            users.append(int(status.split("Uid:")[1].split()[0]))
        users += _users_below(child)
    return users


def _children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def test_shared_memory_and_semaphores_arent_the_hosts(attempt):
    """IPC namespace."""
    assert attempt("result = open('/proc/sysvipc/shm').read().count('\\n')") == 1
    assert attempt("os.listdir('/dev/shm')") == "ENOENT"


def test_the_box_has_its_own_host_name(attempt):
    """UTS namespace."""
    assert attempt("result = socket.gethostname()") == "sandbox"


def test_a_box_that_is_reset_has_its_host_name_tmp_and_processes_as_before(platform, probe_source):
    """A new init joins the mounts and the network of the old one; what it makes anew looks the same."""
    function = platform.deploy(probe_source, Timeout=20)
    try:
        function({"code": "open('/tmp/kept', 'w').close(); os._exit(1)"})
        answer = function({"code": """
numbers = [name for name in os.listdir('/proc') if name.isdigit()]
result = [socket.gethostname(), os.path.exists('/tmp/kept'), numbers == [str(os.getpid())]]
"""})
        assert answer.result["result"] == ["sandbox", True, True]
    finally:
        function.delete()


def test_a_child_is_as_locked_as_its_parent(attempt):
    """Seccomp and no_new_privs are inherited."""
    assert attempt("""
code = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); print(libc.unshare(0x10000000), ctypes.get_errno())"
result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
""") == "-1 1\n"
