"""Environments that are forked from a version's snapshot: what each has for itself, and what all have in common."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.root

SLEEPER = """
    import json, os, random, secrets, ssl, tempfile, time, uuid, boto3
    import snapshot_restore_py

    print("initialised", flush=True)
    BORN, HOOKS = uuid.uuid4().hex, []
    tempfile.gettempdir()
    USED = random.random(), ssl.RAND_bytes(8), tempfile.mktemp()  # each has its generator from here on
    open("/tmp/from-init", "w").write("written once")
    os.makedirs("/tmp/folder/below", exist_ok=True)
    os.symlink("/tmp/from-init", "/tmp/folder/link")
    READING = open("/var/task/h.py")
    READING.read(10)
    snapshot_restore_py.register_before_snapshot(HOOKS.append, "before 1")
    snapshot_restore_py.register_before_snapshot(HOOKS.append, "before 2")
    snapshot_restore_py.register_after_restore(HOOKS.append, "after 1")
    snapshot_restore_py.register_after_restore(HOOKS.append, "after 2")

    def is_there(group):
        return boto3.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]

    def handler(event, context):
        while event.get("gate") and not is_there(event["gate"]):
            time.sleep(0.05)
        known = os.path.exists("/tmp/mine")
        open("/tmp/mine", "w").close()
        return {
            "born": BORN,
            "hooks": HOOKS,
            "known": known,
            "random": [random.random(), secrets.token_hex(8), ssl.RAND_bytes(8).hex(), uuid.uuid4().hex],
            "name": os.path.basename(tempfile.mktemp()),
            "tmp": sorted(os.listdir("/tmp")),
            "link": open("/tmp/folder/link").read(),
            "position": READING.tell(),
            "next": READING.read(5),
            "ids": [os.getpid(), os.getuid(), os.getgid()],
            "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
            "environ": dict(os.environ),
            "stream": context.log_stream_name,
        }
"""


def streams(published) -> tuple[list[str], list[list[str]]]:
    """The log of the init at publication, and those of environments."""
    found = list(published.function.log().values())
    [first] = [stream for stream in found if not any(line.startswith("START ") for line in stream)]
    return first, [stream for stream in found if stream is not first]


@pytest.fixture
def several(publish):
    """What three environments of one version say."""
    published = publish(SLEEPER, Timeout=60)
    gate = f"/gate/{published.function.name}"
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(published, {"gate": gate}) for _ in range(3)]
        deadline = time.monotonic() + 30
        while len(published.function.log()) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        published.function.platform.client("logs").create_log_group(logGroupName=gate)
        found = [answer.result().result for answer in answers]
    return published, found


def test_environments_share_what_init_made_and_have_everything_else_for_themselves(several):
    published, found = several
    assert len({each["born"] for each in found}) == 1
    assert not any(each["known"] for each in found), "one environment was used twice"
    for kind in zip(*(each["random"] for each in found), strict=True):
        assert len(set(kind)) == 3, kind
    assert len({each["name"] for each in found}) == 3
    assert len({each["environ"]["AWS_CONTAINER_AUTHORIZATION_TOKEN"] for each in found}) == 3
    for each in found:
        assert each["hooks"] == ["before 2", "before 1", "after 1", "after 2"]
        assert each["tmp"] == ["folder", "from-init", "mine"]
        assert each["link"] == "written once"
        assert (each["position"], len(each["next"])) == (10, 5)
        assert each["ids"] == [2, 993, 990]
        assert each["processes"] == [2]
        assert each["stream"] is None
    lines = [line for stream in published.function.log().values() for line in stream]
    assert lines.count("initialised\n") == 1


def test_the_log_tells_of_init_once_and_of_a_restore_for_each_environment(several):
    published, _ = several
    first, others = streams(published)
    assert [line.split(" ")[0] for line in first] == ["INIT_START", "initialised\n", "INIT_REPORT"]
    assert re.fullmatch(r"INIT_REPORT Init Duration: \d+\.\d\d ms\n", first[-1])
    assert len(others) == 3
    for stream in others:
        assert re.fullmatch(r"RESTORE_START Runtime Version: python:3\.\d+\.v1\tRuntime Version ARN: \S+\n", stream[0])
        assert re.fullmatch(r"RESTORE_REPORT Restore Duration: \d+\.\d\d ms\n", stream[1])
        assert stream[2].startswith("START ")
        report = re.fullmatch(
            r"REPORT RequestId: \S+\tDuration: (\S+) ms\tBilled Duration: (\d+) ms\tMemory Size: 128 MB"
            r"\tMax Memory Used: \d+ MB\tRestore Duration: (\S+) ms\tBilled Restore Duration: (\d+) ms\t\n",
            stream[-1],
        )
        assert report, stream[-1]
        assert int(report[2]) == -(-float(report[1]) // 1) + int(report[4])
        assert int(report[4]) <= float(report[3]) + 1


def test_a_json_log_has_the_records_of_a_restore(publish):
    published = publish(SLEEPER, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG"})
    assert published({}).result
    events = [json.loads(line) for stream in published.function.log().values() for line in stream if line[0] == "{"]
    events = [event for event in events if not event["type"].startswith("platform.init")]
    kinds = [event["type"] for event in events if "type" in event]
    assert kinds[:4] == [
        "platform.restoreStart",
        "platform.restoreRuntimeDone",
        "platform.restoreReport",
        "platform.start",
    ]
    assert events[2]["record"]["status"] == "success"
    metrics = events[-1]["record"]["metrics"]
    assert {"restoreDurationMs", "billedRestoreDurationMs"} <= metrics.keys()
    assert "initDurationMs" not in metrics


def test_credentials_come_from_an_endpoint_that_only_the_environment_can_use(publish):
    published = publish("""
        import os, urllib.error, urllib.request, boto3

        def fetch(token):
            request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
            request.add_header("Authorization", token)
            try:
                return urllib.request.urlopen(request).status
            except urllib.error.HTTPError as error:
                return error.code

        def handler(event, context):
            keys = boto3.Session().get_credentials().get_frozen_credentials()
            account = boto3.client("sts").get_caller_identity()["Account"]
            return [keys.access_key, account, fetch(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]), fetch("another")]
    """)
    key, *rest = published().result
    assert key.startswith("ASIA") and rest == ["123456789012", 200, 403]


def test_a_crash_is_told_as_ever_and_the_next_invocation_is_restored_in_the_same_environment(publish):
    published = publish("""
        import os, snapshot_restore_py
        SEEN = []
        snapshot_restore_py.register_after_restore(SEEN.append, 1)

        def handler(event, context):
            if event.get("exit"):
                open("/tmp/left", "w").close()
                os._exit(3)
            return [SEEN, os.path.exists("/tmp/left")]
    """)
    kind, message = published({"exit": True}).failure
    assert kind == "Runtime.ExitError"
    assert message.endswith("Error: Runtime exited with error: exit status 3")
    assert published({}).result == [[1], True]
    _, [stream] = streams(published)
    assert sum(line.startswith("RESTORE_REPORT ") for line in stream) == 2


def test_a_restore_that_fails_is_the_invokers_exception(publish):
    published = publish("""
        import snapshot_restore_py

        @snapshot_restore_py.register_after_restore
        def restore():
            raise ValueError("no way back")

        def handler(event, context):
            return 1
    """)
    with pytest.raises(ClientError) as caught:
        published()
    assert caught.value.response["Error"]["Code"] == "SnapStartException"
    assert caught.value.response["Error"]["Message"] == (
        "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs."
    )
    lines = [line for stream in published.function.log().values() for line in stream]
    [told] = [line for line in lines if line.startswith("RESTORE_REPORT")]
    assert "\tError Type: Runtime.AfterRestoreError" in told


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(600,), daemon=True, name='idler').start()",
            "threads run: idler",
        ),
        ("import subprocess\nCHILD = subprocess.Popen(['/bin/sleep', '600'])", "child processes are there"),
        ("import mmap\nSHARED = mmap.mmap(-1, 4096)", "memory is shared"),
        ("import os\nPIPE = os.pipe()", "pipe is open"),
        ("import asyncio\nLOOP = asyncio.new_event_loop()", " is open"),
        ("import socket\nLISTENER = socket.create_server(('127.0.0.1', 0))", "a listening socket is open"),
        ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 500)", "a timer runs"),
    ],
)
def test_what_a_fork_would_lose_is_told_in_the_log_and_each_environment_initialises_in_full(publish, what, reason):
    published = publish(
        "import os, snapshot_restore_py\n" + what + "\n"
        "HOOKS = []\n"
        "snapshot_restore_py.register_before_snapshot(HOOKS.append, 'before')\n"
        "snapshot_restore_py.register_after_restore(HOOKS.append, 'after')\n"
        "def handler(event, context):\n"
        "    return [HOOKS, os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']]\n"
    )
    assert published.configuration()["SnapStart"]["OptimizationStatus"] == "On"
    assert published().result == [["before", "after"], "snap-start"]
    first, [second] = streams(published)
    [told] = [line for line in first if "can't be restored from a snapshot here" in line]
    assert reason in told
    [report] = [line for line in first if line.startswith("INIT_REPORT")]
    assert "Status" not in report  # it has initialised well
    assert second[0].startswith("INIT_START")


def test_a_connection_that_init_opened_is_closed_after_a_restore(publish):
    """On AWS the other end has long gone; here it must not be shared."""
    published = publish("""
        import http.client, os
        CONNECTION = http.client.HTTPConnection("127.0.0.1", 4566)
        CONNECTION.request("GET", "/_samovar/health")
        CONNECTION.getresponse().read()
        DESCRIPTOR = CONNECTION.sock.fileno()

        def handler(event, context):
            try:
                CONNECTION.sock.getpeername()
            except OSError as error:
                return [CONNECTION.sock.fileno() == DESCRIPTOR, error.strerror]
    """)
    assert published().result == [True, "Transport endpoint is not connected"]


def test_a_restored_environment_is_as_locked_as_any_other(publish):
    published = publish("""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        INIT = []

        def status():
            with open("/proc/self/status") as file:
                return {line.split(":")[0]: line.split(":")[1].strip() for line in file}

        def refused(*call):
            ctypes.set_errno(0)
            return libc.syscall(*map(ctypes.c_long, call)) < 0 and ctypes.get_errno()

        def handler(event, context):
            own = os.open("/proc/self/ns/mnt", os.O_RDONLY)
            found = status()
            return {
                "capabilities": [found["CapEff"], found["CapPrm"], found["CapInh"], found["CapAmb"]],
                "seccomp": [found["Seccomp"], found["NoNewPrivs"]],
                "setns": refused(308 if os.uname().machine == "x86_64" else 268, own, 0),
                "unshare": refused(272 if os.uname().machine == "x86_64" else 97, 0x10000000),
                "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:6],
            }
    """)
    found = published().result
    assert found["capabilities"] == ["0000000000000000"] * 4
    assert found["seccomp"] == ["2", "1"]
    assert (found["setns"], found["unshare"]) == (1, 1)


def test_through_an_exec_wrapper_it_initialises_in_full_with_the_hooks_over_the_real_runtime_api(publish):
    published = publish(
        {
            "wrapper": "#!/bin/sh\nexec \"$@\"\n",
            "h.py": """
                import os, snapshot_restore_py
                SEEN = []
                snapshot_restore_py.register_before_snapshot(SEEN.append, "before")
                snapshot_restore_py.register_after_restore(SEEN.append, "after")

                def handler(event, context):
                    return [SEEN, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
            """,
        },
        modes={"wrapper": 0o755},
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}},
    )
    assert published().result == [["before", "after"], "snap-start"]
    told = [line for stream in streams(published) for line in stream if "can't be restored from a snapshot" in line]
    assert len(told) == 1 and "its runtime is a program" in told[0]
