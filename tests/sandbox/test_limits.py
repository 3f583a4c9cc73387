"""What a function can use up is its own: memory, processes, descriptors, disk, the log, its own runtime.

Every test ends by asking two things: does the function work afterwards, and does everybody else?
"""

import concurrent.futures
import contextlib
import time
from pathlib import Path

import pytest

from samovar.sandbox.cgroup import Hierarchies

pytestmark = pytest.mark.root


@pytest.fixture
def fresh(platform, probe_source):
    """Deploys probes of a test's own."""
    made = []

    def deploy(**configuration):
        made.append(platform.deploy(probe_source, **({"Timeout": 20, "MemorySize": 512} | configuration)))
        return made[-1]

    yield deploy
    for function in made:
        function.delete()


@pytest.fixture(autouse=True)
def _others_live_on(platform, probe):
    """Another function keeps answering, and the server is the one that it was."""
    yield
    assert platform.process.poll() is None, platform.said()
    assert probe({"code": "result = 1"}).result == {"result": 1}


def run(function, code, **options):
    """The whole answer to statements."""
    return function({"code": code}, **options)


def alive(function):
    return run(function, "result = 'alive'").result == {"result": "alive"}


def memory_mb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def ended(answer):
    """(errorType, reason) of an invocation that the platform ended."""
    kind, message = answer.failure
    return kind, message.partition(" Error: ")[2]


KILLED = ("Runtime.ExitError", "Runtime exited with error: signal: killed")
EXITED = ("Runtime.ExitError", "Runtime exited without providing a reason")


# --- memory, processes, descriptors, disk ---------------------------------------------------------------------------


def test_a_memory_hog_is_killed(fresh):
    """facts/lambda-runtime.md §3, "killed (also out of memory)"."""
    function = fresh(MemorySize=128)
    assert ended(run(function, "x = [bytearray(b'x' * (1 << 20)) for _ in range(4096)]")) == KILLED
    assert alive(function)


def test_memory_in_tmp_and_in_children_counts(fresh):
    """Memory is limited for the environment, whichever way it's used."""
    function = fresh(MemorySize=128)
    code = "subprocess.run([sys.executable, '-c', 'x = bytearray(b\"x\") * (300 << 20); print(len(x))'], check=True)"
    answer = run(function, code)
    assert answer.error == "Unhandled"
    assert "314572800" not in answer.log
    assert alive(function)


@pytest.mark.parametrize("bomb", ["os.fork()", "subprocess.Popen(['/bin/sh', '-c', ':() { : | : & }; :'])"])
def test_a_fork_bomb_stays_in_its_box(fresh, bomb):
    """1024 processes and threads at most."""
    function = fresh(Timeout=2, MemorySize=256)
    answer = run(function, f"""
while True:
    try:
        {bomb}
    except OSError:
        pass
""")
    assert answer.error == "Unhandled"
    assert alive(function)


def test_it_has_1024_processes_and_threads_at_most(fresh):
    """facts/lambda-runtime.md §2.2."""
    function = fresh(MemorySize=2048)
    answer = run(function, """
stop = threading.Event()
made = 0
threading.stack_size(64 * 1024)
try:
    while made < 3000:
        threading.Thread(target=stop.wait).start()
        made += 1
except RuntimeError:
    pass
stop.set()
result = made
""")
    assert 900 <= answer.result["result"] < 1024
    assert alive(function)


def test_it_has_1024_descriptors(fresh):
    """facts/lambda-runtime.md §2.2: a leak is EMFILE, and an error of the function."""
    function = fresh()
    leak = "handler.leak = leak = []\nwhile True: leak.append(os.open('/dev/null', 0))"
    assert run(function, leak).result == {"refused": "EMFILE"}
    assert run(function, "result = 1000 < len(handler.leak) < 1024").result == {"result": True}
    assert run(function, "open('/dev/null')").result == {"refused": "EMFILE"}
    assert run(function, "for fd in handler.leak: os.close(fd)").result == {"result": None}
    assert alive(function)


@pytest.mark.parametrize("size_mb", [512, 700])
def test_tmp_holds_its_configured_size_whatever_the_memory(fresh, size_mb):
    """facts/lambda-runtime.md §2.2: /tmp read-write, 512-10240 MB. It is disk: a function of 128 MB can fill it."""
    function = fresh(EphemeralStorage={"Size": size_mb}, MemorySize=128, Timeout=60)
    answer = run(function, """
block, written = b"x" * (1 << 20), 0
with open("/tmp/full", "wb", 0) as file:
    try:
        while True:
            written += file.write(block)
    except OSError as error:
        reason = error.errno
os.remove("/tmp/full")
result = [written >> 20, errno.errorcode[reason]]
""")
    megabytes, reason = answer.result["result"]
    assert reason == "ENOSPC"
    assert size_mb - 2 <= megabytes <= size_mb * 1.1
    assert run(function, "open('/tmp/again', 'w').write('x'); result = 1").result == {"result": 1}


def test_files_without_content_have_an_end_too(fresh):
    """Empty files without number would take the memory of the host."""
    function = fresh(MemorySize=128, Timeout=30)
    answer = run(function, """
made = 0
while made < 2_000_000:
    os.close(os.open(f"/tmp/{made}", os.O_CREAT))
    made += 1
""")
    assert answer.result == {"refused": "ENOSPC"}
    assert alive(function)


SPIN = """
began, used = time.monotonic(), time.process_time()
while time.process_time() - used < spend:
    pass
result = [time.process_time() - used, time.monotonic() - began]
"""
PERIOD_S = 0.1


def held(platform, memory_mb):
    """The folder of the control group that holds the environment of so much memory to its share of the CPU."""
    version, base = Hierarchies().where["cpu"]
    quota = str(int(memory_mb / 1769 * PERIOD_S * 1_000_000))
    found = []
    for file in base.glob(f"samovar-{platform.pid}-*/*/{'cpu.max' if version == 2 else 'cpu.cfs_quota_us'}"):
        with contextlib.suppress(OSError):  # groups come and go
            if file.read_text().split()[0] == quota:
                found.append(file.parent)
    assert len(found) == 1, f"groups with a quota of {quota} us: {found}"
    return found[0]


def counted(group):
    """The kernel's account of a group: periods in which it has run, and those in which its quota was used up."""
    counts = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    return int(counts["nr_periods"]), int(counts["nr_throttled"])


@pytest.mark.parametrize(("memory_mb", "spend_s"), [(179, 0.1), (887, 0.5)])
def test_cpu_is_shared_by_memory(fresh, platform, memory_mb, spend_s):
    """facts/lambda-runtime.md §7, "CPU": 1769 MB are one vCPU, below that a share of one.

    Whatever else the machine has to do: the kernel holds its group to that quota, the function never gets more than its
    share of the time that passes, and it waits only in periods in which it has had its share.
    """
    share = memory_mb / 1769
    function = fresh(MemorySize=memory_mb, Timeout=60)
    assert alive(function)
    group = held(platform, memory_mb)
    before = counted(group)
    used, passed = run(function, f"spend = {spend_s}\n{SPIN}").result["result"]
    periods, waits = (now - then for now, then in zip(counted(group), before, strict=True))
    assert periods >= spend_s / (share * PERIOD_S) / 2
    # The first and the last period aren't whole, and one period's share can be saved up.
    assert used <= share * (passed + 3 * PERIOD_S)
    assert used >= 0.7 * share * PERIOD_S * waits  # a timer that is late counts periods that had no share


def test_a_box_that_waited_gets_the_memory_of_its_function_and_no_swap_beside_it(fresh, platform):
    assert alive(fresh(MemorySize=700))
    name = held(platform, 700).name
    version, base = Hierarchies().where["memory"]
    [group] = base.glob(f"samovar-{platform.pid}-*/{name}")
    most = int((group / ("memory.max" if version == 2 else "memory.limit_in_bytes")).read_text())
    assert 600 < most >> 20 <= 700
    swap = group / ("memory.swap.max" if version == 2 else "memory.memsw.limit_in_bytes")
    if swap.exists():
        assert int(swap.read_text()) == (0 if version == 2 else most)


# --- the log --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def durable(platforms, tmp_path_factory):
    """A server with its log on disk: that of the other one is in its memory."""
    running = platforms("--data-dir", str(tmp_path_factory.mktemp("durable")))
    yield running
    assert running.stop() == 0


def test_a_flood_of_output_is_bounded_in_the_servers_memory(durable, probe_source):
    """100 MB on stdout. The function is held back, or ends by its timeout; the server stays small."""
    function = durable.deploy(probe_source, MemorySize=1769, Timeout=60)
    assert alive(function)
    before = most = memory_mb(durable.pid)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        flood = threads.submit(run, function, "for _ in range(100 * 1024): os.write(1, b'x' * 1023 + b'\\n')")
        while not flood.done():
            most = max(most, memory_mb(durable.pid))
            time.sleep(0.01)
    assert most - before < 100, f"the server grew from {before} to {most} MB"
    answer = flood.result()
    assert answer.error is None or answer.failure[0] == "Sandbox.Timedout"
    assert answer.log.endswith("\n")
    assert len(answer.log) <= 4096
    assert alive(function)


def test_others_are_answered_during_a_flood(fresh, probe):
    """The flood is one function's affair."""
    function = fresh(MemorySize=1769, Timeout=3)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        flood = threads.submit(run, function, "while True: os.write(1, b'x' * 65535 + b'\\n')")
        slowest = 0.0
        while not flood.done():
            began = time.monotonic()
            assert alive(probe)
            slowest = max(slowest, time.monotonic() - began)
    assert flood.result().failure[0] == "Sandbox.Timedout"
    assert slowest < 1.5
    assert alive(function)


def test_a_line_without_an_end_is_cut(fresh, platform):
    """A line is held in memory until it ends: one that never does must not be."""
    function = fresh(MemorySize=512, Timeout=30)
    before = memory_mb(platform.pid)
    answer = run(function, "for _ in range(32): os.write(1, b'x' * (1 << 20))")
    assert answer.error is None, answer
    assert memory_mb(platform.pid) - before < 100
    assert alive(function)


# --- its own runtime ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "descriptors",
    ["os.close(1)", "os.close(2)", "os.close(1); os.close(2)", "sys.stdout.close()", "sys.stderr.close()"],
)
def test_a_handler_may_close_its_output(fresh, descriptors):
    """A handler that closes its stdout."""
    function = fresh()
    assert run(function, descriptors).error is None
    for _ in range(3):
        assert alive(function)


def test_a_handler_that_closes_its_channel_ends_its_runtime_only(fresh):
    """A handler that kills its own runtime loop."""
    function = fresh(Timeout=3)
    answer = run(function, "os.closerange(3, 1024)")
    assert answer.error == "Unhandled"
    assert alive(function)


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("os.kill(os.getpid(), 9)", KILLED),
        ("os._exit(0)", EXITED),
        ("os.killpg(0, 9)", KILLED),
        ("subprocess.Popen(['sleep', '60']); os.kill(-1, 9); os.kill(os.getpid(), 9)", KILLED),
        ("ctypes.string_at(0)", ("Runtime.ExitError", "Runtime exited with error: signal: segmentation fault")),
    ],
)
def test_a_runtime_that_ends_itself_is_started_again(fresh, end, how):
    """facts/lambda-runtime.md §3 and §7, "reset"."""
    function = fresh()
    assert ended(run(function, end)) == how
    assert alive(function)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param("b'\\0' * 5", id="a frame of no length"),
        pytest.param("struct.pack('<IB', 0xffffffff, ord('R'))", id="a frame of 4 GB"),
        pytest.param("struct.pack('<IB', 2, 0x7a) + b'z'", id="a frame of a kind that isn't there"),
        pytest.param("struct.pack('<IB', 1, ord('C'))", id="a frame that only the platform sends"),
    ],
)
def test_a_broken_rule_of_the_channel_ends_the_invocation_at_once(fresh, garbage):
    """port.py, rule 4: what comes out of a box is hostile. Nothing waits for such a runtime's timeout."""
    function = fresh(Timeout=60)
    began = time.monotonic()
    answer = run(function, f"os.write(3, {garbage}); time.sleep(60)")
    assert answer.error == "Unhandled", answer
    assert time.monotonic() - began < 10
    assert alive(function)


@pytest.mark.parametrize("kind", "NX")
def test_what_a_runtime_may_not_say_now_is_refused(fresh, kind):
    """facts/lambda-runtime.md §1, InvalidStateTransition: ready before the answer, an init error after init."""
    function = fresh()
    assert run(function, f"os.write(3, struct.pack('<IB', 1, ord({kind!r}))); result = 1").result == {"result": 1}
    assert alive(function)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param("os.urandom(4096)", id="noise"),
        pytest.param("struct.pack('<IB', 3 << 20, ord('R')) + b'x' * 4096", id="a frame that is never finished"),
    ],
)
def test_garbage_on_the_channel_ends_this_environment_only(fresh, garbage):
    """port.py, rule 4: what comes out of a box is hostile."""
    function = fresh(Timeout=2)
    answer = run(function, f"os.write(3, {garbage}); time.sleep(60)")
    assert answer.error == "Unhandled", answer
    assert alive(function)


def test_an_answer_to_an_invocation_that_isnt_running_is_no_answer(fresh):
    """facts/lambda-runtime.md §1: 400 Invalid request ID."""
    function = fresh()
    forged = "b'0' * 36 + b'\"forged\"'"
    answer = run(function, f"os.write(3, struct.pack('<IB', 45, ord('R')) + {forged}); result = 'true'")
    assert answer.result == {"result": "true"}
    assert alive(function)


def test_a_forged_answer_is_the_functions_own(fresh):
    """It can answer its own invocation in another way than by returning; the second answer is nobody's."""
    function = fresh()
    answer = run(function, """
content = context.aws_request_id.encode() + b'"forged"'
os.write(3, struct.pack("<IB", 1 + len(content), ord("R")) + content)
""")
    assert answer.result == "forged"
    for _ in range(3):
        assert run(function, "result = context.aws_request_id").error in (None, "Unhandled")
    assert alive(function)


@pytest.mark.parametrize("kind", "RN")
def test_a_flood_of_frames_is_held_off(fresh, probe, kind, platform):
    """A box that sends without end must not fill the server's memory or starve others."""
    function = fresh(Timeout=2)
    before, slowest = memory_mb(platform.pid), 0.0
    with concurrent.futures.ThreadPoolExecutor() as threads:
        flood = threads.submit(run, function, f"""
frame = struct.pack("<IB", 1 + 1000, ord({kind!r})) + b"0" * 1000
channel = socket.socket(fileno=os.dup(3))
channel.setblocking(True)
while True:
    channel.sendall(frame * 100)
""")
        while not flood.done():
            began = time.monotonic()
            assert alive(probe)
            slowest = max(slowest, time.monotonic() - began)
    assert flood.result().error == "Unhandled"
    assert slowest < 1
    assert memory_mb(platform.pid) - before < 50
    assert alive(function)


def test_garbage_on_the_output_is_logged_as_text(fresh):
    """facts/lambda-runtime.md §6: framed records share the pipe; a forged one harms nobody."""
    function = fresh()
    run(function, """
os.write(1, os.urandom(100_000))
os.write(1, struct.pack(">IIQ", 0xa55a0003, 0xffffffff, 0) + b"never")
os.write(1, struct.pack(">IIQ", 0xa55a0003, 10_000, 0) + b"unfinished")
""")
    assert alive(function)
    ((_, lines),) = function.log().items()
    assert any("unfinished" in line for line in lines)
    assert sum(line.startswith("REPORT ") for line in lines) == 2


def test_a_forged_report_is_in_the_log_but_not_believed(fresh):
    """REPORT is written by the platform; the function may print what it wants."""
    function = fresh()
    answer = run(function, "print('REPORT RequestId: 0\\tDuration: 0.00 ms')")
    assert answer.log.split("\n")[-2].startswith(f"REPORT RequestId: {answer.request_id}\tDuration: ")


def test_a_handler_that_never_returns_ends_by_its_timeout(fresh):
    """facts/lambda-runtime.md §3, "Timeout", whatever it does about it."""
    function = fresh(Timeout=1)
    stubborn = "for n in set(signal.valid_signals()) - {9, 19}: signal.signal(n, signal.SIG_IGN)\nwhile True: pass"
    answer = run(function, stubborn)
    assert ended(answer) == ("Sandbox.Timedout", "Task timed out after 1.00 seconds")
    assert alive(function)


def test_children_that_dont_want_to_go_go_with_the_reset(fresh):
    """facts/lambda-runtime.md §7, "reset": nothing of the old runtime runs on."""
    function = fresh(Timeout=30)
    answer = run(function, """
code = "import os, signal, time; signal.signal(15, signal.SIG_IGN); os.setsid(); open('/tmp/%d' % os.getpid(), 'w')"
code += "\\nwhile True: time.sleep(0.01); open('/tmp/beat', 'a').write('x')"
for _ in range(5):
    subprocess.Popen([sys.executable, "-c", code])
while not os.path.exists("/tmp/beat"):
    time.sleep(0.01)
os._exit(1)
""")
    assert answer.failure[0] == "Runtime.ExitError"
    size = run(function, "result = os.path.getsize('/tmp/beat')").result["result"]
    found = run(function, """
time.sleep(0.2)
result = [os.path.getsize("/tmp/beat"), sum(name.isdigit() for name in os.listdir("/proc"))]
""")
    assert found.result["result"] == [size, 1]


def test_orphans_are_reaped(fresh):
    """execution.md §1, traps: each environment has a pid 1, which must reap."""
    function = fresh()
    answer = run(function, """
for _ in range(50):
    subprocess.run(["/bin/sh", "-c", "sleep 0 &"])
time.sleep(0.3)
result = sum(name.isdigit() for name in os.listdir("/proc"))
""")
    assert answer.result == {"result": 1}


def test_a_runtime_thats_replaced_under_way_is_still_held(fresh):
    """A function may exec another program over its runtime: the channel then ends, and so does the invocation."""
    function = fresh(Timeout=2)
    answer = run(function, "os.execv('/bin/sh', ['sh', '-c', 'exit 5'])")
    assert ended(answer) == ("Runtime.ExitError", "Runtime exited with error: exit status 5")
    assert alive(function)


def test_a_stopped_runtime_ends_by_its_timeout(fresh):
    """SIGSTOP of itself is a handler that never returns."""
    function = fresh(Timeout=1)
    assert run(function, "os.kill(os.getpid(), signal.SIGSTOP)").failure[0] == "Sandbox.Timedout"
    assert alive(function)


def test_many_connections_to_the_platform_dont_shut_others_out(fresh, probe):
    """The endpoint in the box: a function that opens all it can takes its own descriptors, not the server's."""
    function = fresh()
    code = """
handler.kept = kept = []
try:
    while True:
        kept.append(socket.create_connection(("127.0.0.1", 4566), 3))
except OSError as error:
    result = errno.errorcode.get(error.errno, repr(error))
"""
    assert run(function, code).result["result"] in {"EMFILE", "TimeoutError('timed out')"}
    assert alive(probe)
    assert run(function, "for s in handler.kept: s.close()").error is None
    assert alive(function)
