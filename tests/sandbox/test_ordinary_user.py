"""The level `namespaces`: what an ordinary user gets, who may make user namespaces but no control groups."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registry import Registry
from roots import python_image

NOBODY = 65534


def command_for_nobody() -> tuple[list[str], dict[str, str]]:
    """A command line and an environment that start the platform for a user who can't read this one's home."""
    source = str(Path(__file__).parents[2] / "src")
    packages = sysconfig.get_path("purelib")
    path = {"PYTHONPATH": f"{source}:{packages}", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    system = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    for python in (sys.executable, str(system)):
        start = [python, "-c", "from samovar.cli import main; main()"]
        try:
            who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            done = subprocess.run([*start, "--version"], env=path, capture_output=True, check=False, **who)
        except OSError:
            continue
        if done.returncode == 0:
            return start, path
    pytest.skip("another user can read neither this interpreter nor this checkout")


@pytest.fixture(scope="module")
def ordinary(platforms: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A platform of an ordinary user's: of this one's, or, for root, of nobody's, with a PATH as `su` leaves it: it
    begins with a folder that is root's alone."""
    if os.geteuid() != 0:
        platform = platforms("--ephemeral", "--isolation", "namespaces")
        yield platform
        platform.stop()
        return
    start, environment = command_for_nobody()
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    environment["PATH"] = f"{closed}:{environment['PATH']}"
    folder = tempfile.mkdtemp(prefix="ordinary-")
    os.chown(folder, NOBODY, NOBODY)
    flags = ("--data-dir", folder, "--isolation", "namespaces")
    platform = platforms(*flags, command=start, environ=environment, user=NOBODY, group=NOBODY, extra_groups=[])
    yield platform
    platform.stop()
    shutil.rmtree(folder)


def test_functions_of_an_ordinary_user_run_isolated(ordinary):
    """README, levels of isolation."""
    function = ordinary.deploy("""
        import os
        def handler(event, context):
            return {"uid": os.getuid(), "pids": [int(name) for name in os.listdir("/proc") if name.isdigit()]}
    """)
    answer = function()
    assert answer.result["uid"] == 993
    assert max(answer.result["pids"]) < 10
    assert "Max Memory Used: 0 MB" not in answer.report


def test_container_images_run_in_their_own_root(ordinary):
    image = python_image("import os\ndef handler(event, context): return [os.getuid(), os.path.exists(event)]")
    uri = Registry(ordinary).push(image, "v1")
    ordinary.client("lambda").create_function(
        FunctionName="image",
        Role="arn:aws:iam::123456789012:role/r",
        PackageType="Image",
        Code={"ImageUri": uri},
        Timeout=60,
    )
    function = ordinary.function("image")
    function.settle()
    assert function(__file__).result == [993, False]
    assert function("/var/task/app.py").result == [993, True]


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/root/.bashrc", "/proc/1/environ", "/proc/1/mem", "/var/lib", "/dev/kvm"]
)
def test_they_read_nothing_of_the_host(ordinary, path):
    function = ordinary.deploy("""
        import os
        def handler(event, context):
            try:
                os.listdir(event) if os.path.isdir(event) else open(event, "rb").read(1)
            except OSError as error:
                return type(error).__name__
    """)
    assert function(path).result in ("FileNotFoundError", "PermissionError")


def test_they_survive_a_crash_with_their_tmp(ordinary):
    function = ordinary.deploy("""
        import os
        def handler(event, context):
            if event == "crash":
                open("/tmp/kept", "w").close()
                os._exit(3)
            return os.listdir("/tmp")
    """)
    assert function("crash").failure[0] == "Runtime.ExitError"
    assert function("look").result == ["kept"]


def test_they_call_apis_by_name(ordinary):
    caller = ordinary.deploy("""
        import urllib.request

        def handler(event, context):
            return urllib.request.urlopen(event, timeout=20).read().decode()
    """)
    called = ordinary.deploy("def handler(event, context): return {'statusCode': 200, 'body': 'hello'}")
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{called.name}"
    api = ordinary.client("apigatewayv2").create_api(Name="h", ProtocolType="HTTP", Target=arn)["ApiId"]
    assert caller(f"https://{api}.execute-api.us-east-1.amazonaws.com/").result == "hello"


def test_an_exec_wrapper_and_a_folder_that_is_reloaded_work_for_an_ordinary_user(ordinary):
    folder = Path(tempfile.mkdtemp(prefix="ordinary-"))
    try:
        folder.chmod(0o755)
        (folder / "wrapper").write_text('#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n')
        (folder / "wrapper").chmod(0o755)
        (folder / "h.py").write_text("import os\ndef handler(event, context): return os.environ['WRAPPED']\n")
        variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
        function = ordinary.deploy("", Environment={"Variables": variables}, Timeout=30)
        lambda_ = ordinary.client("lambda")
        lambda_.update_function_code(FunctionName=function.name, S3Bucket="hot-reload", S3Key=str(folder))
        function.settle("function_updated_v2")
        assert function().result == "yes"
        (folder / "h.py").write_text("def handler(event, context): return 'changed'\n")
        assert function().result == "changed"
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed to be one without rights")
def test_outbound_access_that_was_asked_for_and_cannot_be_is_an_error_that_says_why():
    start, environment = command_for_nobody()
    flags = ["up", "--ephemeral", "--port", "0", "--function-network", "outbound"]
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    done = subprocess.run([*start, *flags], env=environment, capture_output=True, text=True, timeout=60, **who)
    assert done.returncode == 1
    assert "functions can't be connected with the outside: a way out takes root" in done.stderr
    assert "Traceback" not in done.stderr


def test_telemetry_reaches_an_ordinary_users_function(ordinary):
    """The platform's sockets into a box are made by a child of the keeper, which couldn't come back itself."""
    function = ordinary.deploy(
        """
        import http.client, http.server, json, os, threading

        kinds, came = [], threading.Event()

        class Listener(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kinds.extend(event["type"] for event in body)
                self.send_response(200)
                self.end_headers()
                came.set()

        server = http.server.ThreadingHTTPServer(("sandbox.localdomain", 4243), Listener)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def call(method, path, body=None, **headers):
            connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return answer.headers, answer.read()

        headers, _ = call("POST", "/2020-01-01/extension/register", "{}", Lambda_Extension_Name="inside")
        me = {"Lambda_Extension_Identifier": headers["Lambda-Extension-Identifier"]}
        wanted = {"schemaVersion": "2022-12-13", "types": ["platform"], "buffering": {"timeoutMs": 25},
                  "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"}}
        call("PUT", "/2022-07-01/telemetry", json.dumps(wanted), **me)
        threading.Thread(
            target=call, args=["GET", "/2020-01-01/extension/event/next"], kwargs=me, daemon=True
        ).start()

        def handler(event, context):
            assert came.wait(10)
            return kinds
        """,
        Timeout=20,
    )
    assert function().result[0] == "platform.initStart"
