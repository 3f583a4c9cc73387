"""Functions from container images: what runs, and in what root (facts/lambda-runtime.md §2.2, §3)."""

import io
import json
import tarfile
import threading
from pathlib import Path

import pytest
from images import Member, folder, link
from registry import Registry
from roots import PYTHON, python_image, python_layer

from .conftest import ROLE, ROOMY

LOOKER = """
    import os, subprocess

    def handler(event, context):
        return eval(event["look"], {"os": os, "subprocess": subprocess, "context": context})
"""


@pytest.fixture(scope="module")
def seen(platform):
    """An image that several tests look around in."""
    registry = Registry(platform)
    platform.client("lambda").create_function(
        FunctionName="looker",
        Role=ROLE,
        PackageType="Image",
        **ROOMY,
        Code={"ImageUri": registry.push(python_image(LOOKER), "looker")},
    )
    function = platform.function("looker")
    function.settle()
    yield function
    function.delete()


@pytest.fixture
def looker(seen):
    """Evaluates an expression inside."""
    return lambda expression: seen({"look": expression}).result


def test_an_image_runs_with_the_client_that_aws_documents(run):
    function = run(python_image("def handler(event, context): return {'got': event, 'name': context.function_name}"))
    assert function({"a": 1}).result == {"got": {"a": 1}, "name": function.name}
    assert function({"a": 2}).result["got"] == {"a": 2}


def test_its_root_is_the_image_and_nothing_else(looker, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    secret.chmod(0o644)
    with tarfile.open(fileobj=io.BytesIO(python_layer())) as layer:
        brought = {name.partition("/")[0] for name in layer.getnames()}
    furnished = {"dev", "etc", "mnt", "opt", "proc", "tmp", "var"}
    assert set(looker("os.listdir('/')")) == brought | furnished
    assert looker(f"os.path.exists({str(secret)!r})") is False
    mounted = looker("sorted(line.split()[4] for line in open('/proc/self/mountinfo'))")
    assert {"/", "/tmp", "/proc", "/etc/hosts"} <= set(mounted)
    further = [each for each in mounted if not each.startswith(("/dev", "/proc", "/tmp", "/etc")) and each != "/"]
    assert further == ["/var/runtime/ca-certs"]
    assert looker("(os.listdir('/mnt'), os.path.exists('/etc/passwd'))") == [[], False]


def test_its_root_is_read_only(looker):
    for path in ("/file", "/var/task/file", "/usr/file", "/dev/file", "/etc/hosts", "/mnt/file"):
        done = looker(
            f"subprocess.run(['/bin/sh', '-c', 'echo 1 > {path}'], capture_output=True, text=True).returncode"
        )
        assert done != 0, path


def test_tmp_is_its_own_and_can_be_written(looker):
    assert looker("os.listdir('/tmp')") == []
    assert looker("open('/tmp/mine', 'w').write('x' * 1000)") == 1000
    assert looker("os.listdir('/tmp')") == ["mine"]


def test_the_least_privileged_user_reads_all_of_it_and_sees_only_itself(run):
    odd = python_image(
        LOOKER,
        folder("secret", 0o700),
        Member("secret/key", b"k", 0o600),
        Member("tool", b"#!/bin/sh\necho hi", 0o4700),
    )
    look = run(odd)
    assert look({"look": "open('/secret/key').read()"}).result == "k"
    assert look({"look": "subprocess.run(['/tool'], capture_output=True, text=True).stdout"}).result == "hi\n"
    assert look({"look": "(os.getuid(), os.getgid())"}).result == [993, 990]
    assert look({"look": "len([each for each in os.listdir('/proc') if each.isdigit()])"}).result <= 2


def test_devices_are_few(looker):
    assert looker("sorted(os.listdir('/dev'))") == [
        "fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"
    ]  # fmt: skip
    assert looker("len(open('/dev/urandom', 'rb').read(9)) + open('/dev/null', 'w').write('x')") == 10


def test_its_variables_are_those_of_the_image_below_the_users_and_the_platforms(run):
    image = python_image(
        LOOKER,
        start={
            "Env": ["FIRST=image", "SECOND=image", "AWS_REGION=mars-1", "LD_LIBRARY_PATH=/x", "PATH=/usr/bin", "broken"]
        },
    )
    function = run(image, Environment={"Variables": {"SECOND": "user"}})
    variables = function({"look": "dict(os.environ)"}).result
    assert {name: variables.get(name) for name in ("FIRST", "SECOND", "LD_LIBRARY_PATH", "PATH")} == {
        "FIRST": "image", "SECOND": "user", "LD_LIBRARY_PATH": "/x", "PATH": "/usr/bin"
    }  # fmt: skip
    assert variables["AWS_REGION"] == "us-east-1"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_Image"
    assert (variables["_HANDLER"], variables["LAMBDA_TASK_ROOT"]) == ("", "/var/task")
    assert not {"PYTHONPATH", "LANG", "TZ"} & variables.keys()


def test_sdks_in_it_are_told_to_trust_the_platform_and_nothing_else_changes(run, deploy, platform):
    caller = run(
        python_image("""
            import os, ssl, urllib.request

            def handler(event, context):
                context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
                said = urllib.request.urlopen(event["url"], context=context).read().decode()
                return [said, sorted(name for name in os.environ if "CA_" in name or "CERT" in name)]
        """)
    )
    called = deploy("def handler(event, context): return {'statusCode': 200, 'body': 'hello'}")
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{called.name}"
    apis = platform.client("apigatewayv2")
    api = apis.create_api(Name="h", ProtocolType="HTTP", Target=arn)["ApiId"]
    said = caller({"url": f"https://{api}.execute-api.us-east-1.amazonaws.com/"}).result
    assert said == ["hello", ["AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]]
    apis.delete_api(ApiId=api)


def test_an_image_without_room_for_certificates_runs_without(run):
    look = run(python_image(LOOKER, Member("var/runtime", b"a file")))
    assert look({"look": "os.environ.get('AWS_CA_BUNDLE')"}).result is None


def test_a_program_without_a_slash_is_found_by_path(run):
    function = run(python_image(LOOKER, start={"Entrypoint": ["python3", "-m", "awslambdaric"]}))
    assert function({"look": "1 + 1"}).result == 2


def test_image_config_overrides_entry_point_command_and_working_directory(run):
    other = Member("elsewhere/other.py", b"import os\ndef handler(event, context): return os.getcwd()")
    image = python_image(LOOKER, other, start={"Entrypoint": ["/never"]})
    config = {
        "EntryPoint": [PYTHON, "-m", "awslambdaric"],
        "Command": ["other.handler"],
        "WorkingDirectory": "/elsewhere",
    }
    function = run(image, ImageConfig=config)
    assert function().result == "/elsewhere"
    function.configure(ImageConfig={"EntryPoint": [PYTHON, "-m", "awslambdaric"]})
    assert function({"look": "os.getcwd()"}).result == "/var/task"


def test_an_image_like_aws_base_images_starts_its_bootstrap_with_the_handler(run):
    """They start /lambda-entrypoint.sh, which runs /var/runtime/bootstrap unless it is run outside of Lambda."""
    entry = b'#!/bin/sh\n[ "$AWS_LAMBDA_RUNTIME_API" ] || exit 42\n_HANDLER="$1" exec /var/runtime/bootstrap\n'
    bootstrap = b'#!/bin/sh\nexec /usr/bin/python3 -m awslambdaric "$_HANDLER"\n'
    files = (Member("lambda-entrypoint.sh", entry, 0o755), Member("var/runtime/bootstrap", bootstrap, 0o755))
    function = run(python_image(LOOKER, *files, start={"Entrypoint": ["/lambda-entrypoint.sh"]}))
    assert function({"look": "os.environ['_HANDLER']"}).result == "app.handler"


def test_a_crash_and_a_timeout_leave_tmp_and_the_root_as_they_were(run):
    function = run(python_image(LOOKER), Timeout=5)
    assert function({"look": "open('/tmp/kept', 'w').write('1')"}).result == 1
    assert function({"look": "os._exit(3)"}).failure[0] == "Runtime.ExitError"
    assert function({"look": "(os.listdir('/tmp'), os.path.exists('/lib64'), os.listdir('/mnt'))"}).result[0] == [
        "kept"
    ]
    assert function({"look": "__import__('time').sleep(30)"}).failure[0] == "Sandbox.Timedout"
    assert function({"look": "os.listdir('/tmp')"}).result == ["kept"]


def test_environments_side_by_side_share_one_root(run, platform):
    function = run(
        python_image(
            "import os, time\ndef handler(e, c):\n    time.sleep(1)\n    return os.stat('/var/task/app.py').st_ino"
        )
    )
    found = []
    threads = [threading.Thread(target=lambda: found.append(function().result)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1


def test_extensions_of_the_image_run_beside_the_function(run):
    extension = b"""#!/usr/bin/python3
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
headers = {"Lambda-Extension-Name": "beside"}
api.request("POST", "/2020-01-01/extension/register", json.dumps({"events": ["INVOKE"]}), headers)
answer = api.getresponse()
answer.read()
headers = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
print("extension here", flush=True)
while True:
    api.request("GET", "/2020-01-01/extension/event/next", headers=headers)
    api.getresponse().read()
"""
    function = run(
        python_image(LOOKER, Member("opt/extensions/beside", extension, 0o755), link("opt/extensions/sh", "/nowhere"))
    )
    assert function({"look": "1"}).result == 1
    [lines] = function.log().values()
    assert [line for line in lines if line.startswith("EXTENSION\tName: beside\tState: Ready")]


def test_no_runtime_version_is_logged(seen):
    assert seen({"look": "1"}).result == 1
    assert not [line for lines in seen.log().values() for line in lines if "INIT_START" in line]


_MISSING = "no such file or directory"
_UNLAUNCHABLE = [
    ({"EntryPoint": ["/never"], "Command": ["a", "b"]}, f"fork/exec /never: {_MISSING}", "[/never]", "[a,b]", ""),
    (
        {"EntryPoint": ["never"]},
        'exec: "never": executable file not found in $PATH',
        "[never]",
        "[app.handler]",
        "",
    ),
    (
        {"EntryPoint": ["/var/task/app.py"]},
        "fork/exec /var/task/app.py: permission denied",
        "[/var/task/app.py]",
        "[app.handler]",
        "",
    ),
    (
        {"WorkingDirectory": "/nowhere"},
        f"chdir /nowhere: {_MISSING}",
        f"[{PYTHON},-m,awslambdaric]",
        "[app.handler]",
        "/nowhere",
    ),
]


@pytest.mark.parametrize(("config", "why", "entry", "command", "directory"), _UNLAUNCHABLE, ids=range(4))
def test_what_cannot_be_launched_says_why(registry, create, config, why, entry, command, directory):
    function = create(registry.push(python_image(LOOKER), "looker"), ImageConfig=config)
    function.settle()
    answer = function()
    error_type = "Runtime.InvalidWorkingDir" if directory else "Runtime.InvalidEntrypoint"
    assert answer.failure == (error_type, f"RequestId: {answer.request_id} Error: {why}")
    line = f"IMAGE\tLaunch error: {why}\tEntrypoint: {entry}\tCmd: {command}\tWorkingDir: [{directory or '/var/task'}]"
    assert line in [text.rstrip("\n") for lines in function.log().values() for text in lines]


def test_an_image_that_says_nothing_of_its_start_says_why_it_did_not(run):
    answer = run(python_image(LOOKER, start={"Entrypoint": None, "Cmd": None}))()
    message = f"RequestId: {answer.request_id} Error: no entry point and no command"
    assert answer.failure == ("Runtime.InvalidEntrypoint", message)


def test_a_snapshot_is_taken_of_a_published_version(run, platform):
    function = run(python_image(LOOKER), SnapStart={"ApplyOn": "PublishedVersions"})
    lambda_ = platform.client("lambda")
    lambda_.publish_version(FunctionName=function.name)
    waiter = lambda_.get_waiter("published_version_active")
    waiter.wait(FunctionName=function.name, Qualifier="1", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
    assert function({"look": "os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']"}, Qualifier="1").result == "snap-start"


def test_the_root_below_the_image_cannot_be_reached(looker):
    """The root that a box of no image has is covered, not gone."""
    below = "os.path.exists('/..' * 9 + '/var/lang')"
    assert looker(below) is False
    assert looker("len([each for each in open('/proc/self/mountinfo') if each.split()[4] == '/'])") == 1
    libc = "__import__('ctypes').CDLL(None)"
    assert looker(f"({libc}.umount2(b'/', 2), {libc}.chroot(b'/proc/1/root'), {libc}.unshare(0x20000))") == [-1, -1, -1]
    for path in ("/proc/1/root", "/proc/1/cwd", "/proc/1/exe", "/proc/1/map_files"):
        assert looker(f"os.access({path!r}, os.R_OK)") is False, path


def test_no_link_of_an_image_reaches_the_host(run, tmp_path):
    """Where the platform looks into an image, its links mean places in the image."""
    tmp_path.chmod(0o755)
    (tmp_path / "extension").write_text("#!/bin/sh\n")
    (tmp_path / "extension").chmod(0o755)
    image = python_image(
        LOOKER, link("opt/extensions", str(tmp_path)), link("etc", "/usr"), link("host", "/proc/1/root")
    )
    function = run(image)
    assert function({"look": "os.path.exists('/opt/extensions')"}).result is False
    inside = json.dumps(str(Path(__file__).parent))
    assert function({"look": f"os.path.exists('/host' + {inside})"}).result is False
