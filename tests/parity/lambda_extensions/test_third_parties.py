"""Extensions that others have made, unmodified, as their registries have them.

They are fetched, so only on demand: SAMOVAR_TEST_DOWNLOADS=1.
"""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile

import pytest

SWITCH = "SAMOVAR_TEST_DOWNLOADS"
pytestmark = [pytest.mark.skipif(not os.environ.get(SWITCH), reason=f"fetches packages ({SWITCH})")]
needs_node = pytest.mark.skipif(not (shutil.which("npm") and shutil.which("node")), reason="no Node.js with npm")


def npm(package, folder):
    """An npm package's files, by name."""
    packed = subprocess.check_output(["npm", "pack", package], cwd=folder, text=True, timeout=90)
    with tarfile.open(folder / packed.split()[-1]) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {m.name.removeprefix("package/"): archive.extractfile(m).read() for m in members}


@pytest.fixture
def layer(platform):
    made = []

    def layer(content):
        published = platform.client("lambda").publish_layer_version(LayerName="third", Content={"ZipFile": content})
        made.append(published)
        return published["LayerVersionArn"]

    yield layer
    for published in made:
        platform.client("lambda").delete_layer_version(
            LayerName=published["LayerArn"], VersionNumber=published["Version"]
        )


def zipped(files, executable=()):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | (0o755 if name in executable else 0o644)) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


@needs_node
def test_serverless_inc_s_opentelemetry_extension_gets_reports_from_the_logs_api(deploy, layer, lines, tmp_path):
    """npm: @serverless/aws-lambda-otel-extension-dist. It subscribes with schema 2021-03-18, and logs what it gets."""
    content = npm("@serverless/aws-lambda-otel-extension-dist@0.1.11", tmp_path)["extension.zip"]
    variables = {"DEBUG_SLS_OTEL_LAYER": "1", "DO_NOT_WAIT": "1"}
    function = deploy(
        "def handler(event, context): return event",
        Layers=[layer(content)],
        Environment={"Variables": variables},
        MemorySize=1769,
        Timeout=20,
    )
    first = function(1)
    assert [first.result, function(2).result] == [1, 2]
    function.configure(Description="new")
    found = lines(function, "DONE...", within_s=30)
    assert "LOGS\tName: otel-extension\tState: Subscribed\tTypes: [Platform]\n" in found
    told = next(line for line in found if line.startswith("LOGS: ") and first.request_id in line)
    batch = json.loads(told.partition(" ")[2])
    [report] = [event["record"] for each in batch for event in each if event["record"]["requestId"] == first.request_id]
    assert report["metrics"]["memorySizeMB"] == 1769


@needs_node
def test_sentry_s_extension_passes_on_what_a_function_gives_it(deploy, layer, tmp_path):
    """npm: @sentry/aws-serverless. Its extension listens at port 9000, and sends envelopes to their DSN."""
    files = npm("@sentry/aws-serverless@10.75.2", tmp_path)
    inside = "build/lambda-extension/"
    content = zipped(
        {
            "extensions/sentry-extension": files[f"{inside}sentry-extension"],
            "sentry-extension/index.mjs": files[f"{inside}index.mjs"],
        },
        executable=("extensions/sentry-extension", "sentry-extension/index.mjs"),
    )
    code = """
        import http.server, json, threading, urllib.request

        class Sentry(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append([self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()])
                self.send_response(200)
                self.end_headers()
                came.set()

        got, came = [], threading.Event()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 7000), Sentry)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def handler(event, context):
            envelope = json.dumps({"dsn": "http://key@127.0.0.1:7000/42"}) + "\\n{}\\n" + json.dumps(event)
            urllib.request.urlopen("http://127.0.0.1:9000/envelope", envelope.encode())
            assert came.wait(10)
            return got
    """
    function = deploy(code, Layers=[layer(content)], MemorySize=1769, Timeout=20)
    [[path, body]] = function({"message": "it broke"}).result
    assert path.startswith("/api/42/envelope/")
    assert "it broke" in body


def test_lambda_sigterm_lets_a_function_hear_of_its_end(deploy, lines, tmp_path):
    """PyPI: lambda-sigterm, an internal extension."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", tmp_path, "lambda-sigterm==0.1.2"]
    subprocess.run(command, check=True, timeout=90)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        module = wheel.read("lambda_sigterm/__init__.py").decode()
    code = """
        import os, signal
        import lambda_sigterm

        lambda_sigterm.register()
        signal.signal(signal.SIGTERM, lambda number, frame: (print("goodbye", flush=True), os._exit(0)))

        def handler(event, context): return event
    """
    function = deploy({"h.py": code, "lambda_sigterm/__init__.py": module}, MemorySize=1769)
    assert function(1).result == 1
    function.configure(Description="new")
    assert "goodbye\n" in lines(function, "goodbye")
