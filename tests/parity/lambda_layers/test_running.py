"""What a function finds of its layers, in a real sandbox; every test is a sentence of facts/lambda-runtime.md §2.2."""

import io
import itertools
import os
import stat
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

_NAMES = itertools.count(1)
LANG = f"python{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"python/lib/{LANG}/site-packages"

IMPORT = """
    import mine

    def handler(event, context):
        return [mine.TEXT, mine.__file__]
"""


def zipped(files):
    """`files`: path -> text, bytes, or (text or bytes, mode)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            content, mode = content if isinstance(content, tuple) else (content, 0o644)
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(entry, textwrap.dedent(content) if isinstance(content, str) else content)
    return buffer.getvalue()


@pytest.fixture
def lambda_(platform):
    return platform.client("lambda")


@pytest.fixture
def layer(lambda_):
    """Publishes a layer, under a name of its own unless it is given; returns the version's ARN."""
    made = []

    def layer(files, name=""):
        answer = lambda_.publish_layer_version(
            LayerName=name or f"layer-{next(_NAMES)}", Content={"ZipFile": zipped(files)}
        )
        made.append((answer["LayerArn"], answer["Version"]))
        return answer["LayerVersionArn"]

    yield layer
    for arn, number in made:
        lambda_.delete_layer_version(LayerName=arn, VersionNumber=number)


# --- Python -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["python", SITE])
def test_a_function_imports_from_a_layer(deploy, layer, folder):
    """Python `python/`, `python/lib/python3.x/site-packages/`."""
    arn = layer({f"{folder}/mine.py": "TEXT = 'layer'\n"})
    assert deploy(IMPORT, Layers=[arn])().result == ["layer", f"/opt/{folder}/mine.py"]


def test_the_site_packages_of_layers_win_over_their_python_folders(deploy, layer):
    """`sys.path`: /opt/python/lib/python3.x/site-packages, then /opt/python."""
    arns = [layer({f"{SITE}/mine.py": "TEXT = 'site'\n"}), layer({"python/mine.py": "TEXT = 'plain'\n"})]
    assert deploy(IMPORT, Layers=arns)().result[0] == "site"


def test_the_functions_own_module_wins_over_the_layers(deploy, layer):
    """Function code and layers: /var/task is first in `sys.path`."""
    arn = layer({"python/mine.py": "TEXT = 'layer'\n"})
    function = deploy({"h.py": IMPORT, "mine.py": "TEXT = 'own'\n"}, Layers=[arn])
    assert function().result == ["own", "/var/task/mine.py"]


@pytest.mark.parametrize("name", ["boto3", "botocore", "six", "urllib3"])
def test_a_layers_module_wins_over_a_bundled_one(deploy, layer, name):
    """boto3 is bundled; function code and layers win over it. The rest of the SDK still works beside a layer's six."""
    code = f"""
        import {name}

        def handler(event, context):
            return [{name}.TEXT, {name}.__file__]
    """
    arn = layer({f"python/{name}/__init__.py": "TEXT = 'layer'\n"})
    assert deploy(code, Layers=[arn])().result == ["layer", f"/opt/python/{name}/__init__.py"]
    own = deploy({"h.py": code, f"{name}/__init__.py": "TEXT = 'own'\n"}, Layers=[arn])
    assert own().result == ["own", f"/var/task/{name}/__init__.py"]


def test_the_bundled_boto3_takes_what_a_layer_has_of_its_dependencies(deploy, layer):
    """A layer with another six: every module of the SDK then comes after it, from where it is found."""
    six = Path(next(path for path in map(Path, sys.path) if (path / "six.py").exists()), "six.py").read_text()
    code = """
        import boto3, six

        def handler(event, context):
            return [six.TEXT, boto3.__file__, boto3.client("sts").meta.service_model.service_name]
    """
    arn = layer({"python/six.py": six + "\nTEXT = 'layer'\n"})
    assert deploy(code, Layers=[arn])().result == ["layer", "/var/runtime/boto3/__init__.py", "sts"]


def test_a_handler_may_be_in_a_layer(deploy, layer):
    arn = layer({"python/shared.py": "def handler(event, context):\n    return 'shared'\n"})
    assert deploy("", Handler="shared.handler", Layers=[arn])().result == "shared"


# --- bin, lib, files --------------------------------------------------------------------------------------------------


def test_a_program_in_a_layers_bin_is_found(deploy, layer):
    """Any `bin` (PATH)."""
    arn = layer({"bin/greet": ("#!/bin/sh\necho hello $1\n", 0o755)})
    code = """
        import subprocess

        def handler(event, context):
            return subprocess.run(["greet", event], capture_output=True, text=True, check=True).stdout
    """
    assert deploy(code, Layers=[arn])("you").result == "hello you\n"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """A shared library with one function, `answer`."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "answer.c").write_text("int answer(void) { return 42; }\n")
    try:
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-o", "libanswer.so", "answer.c"], cwd=folder, check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("no C compiler here (cc)")
    return (folder / "libanswer.so").read_bytes()


LIBRARY = """
    import ctypes, subprocess, sys

    PROGRAM = "import ctypes; print(ctypes.CDLL('libanswer.so').answer())"

    def handler(event, context):
        child = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        return [ctypes.CDLL("libanswer.so").answer(), int(child.stdout)]
"""


def test_a_library_in_a_layers_lib_is_found(deploy, layer, library):
    """Any `lib` (LD_LIBRARY_PATH): by the function itself and by what it starts."""
    assert deploy(LIBRARY, Layers=[layer({"lib/libanswer.so": (library, 0o755)})])().result == [42, 42]


@pytest.mark.parametrize("folder", ["", "lib/"])
def test_a_library_in_the_function_is_found(deploy, lambda_, library, folder):
    """LD_LIBRARY_PATH has /var/task and /var/task/lib as well (facts/lambda-runtime.md §2.1)."""
    function = deploy(LIBRARY)
    files = {"h.py": LIBRARY, f"{folder}libanswer.so": (library, 0o755)}
    lambda_.update_function_code(FunctionName=function.name, ZipFile=zipped(files))
    function.settle("function_updated_v2")
    assert function().result == [42, 42]


LOOK = """
    import errno, os, pathlib

    def handler(event, context):
        files = {}
        for path in sorted(pathlib.Path("/opt").rglob("*")):
            if not path.is_dir():
                files[str(path)] = [path.read_text(), oct(path.stat().st_mode & 0o7777)]
        refused = []
        for path in ["/opt/new", "/opt/share/both"]:
            try:
                open(path, "w")
            except OSError as error:
                refused.append(errno.errorcode[error.errno])
        return {"files": files, "refused": refused, "mode": oct(os.stat("/opt").st_mode & 0o7777)}
"""


def test_layers_are_extracted_in_their_order_and_later_ones_overwrite(deploy, layer):
    one = layer({"share/both": "one", "share/one": ("one", 0o755)})
    two = layer({"share/both": ("two", 0o600), "share/two": "two"})
    function = deploy(LOOK, Layers=[one, two])
    assert function().result["files"] == {
        "/opt/share/both": ["two", "0o644"],
        "/opt/share/one": ["one", "0o755"],
        "/opt/share/two": ["two", "0o644"],
    }
    function.configure(Layers=[two, one])
    assert function().result["files"]["/opt/share/both"] == ["one", "0o644"]


def test_opt_is_read_only_whether_of_one_layer_of_several_or_of_none(deploy, layer):
    """`/opt` merged layers (read-only), root:root 755."""
    one, two = (layer({"share/both": text}) for text in ("one", "two"))
    function = deploy(LOOK, Layers=[one])
    for layers in ([one], [one, two], []):
        function.configure(Layers=layers)
        found = function().result
        assert (found["refused"], found["mode"]) == (["EROFS", "EROFS" if layers else "ENOENT"], "0o755")


def test_five_layers_are_there_together_and_a_sixth_is_refused(deploy, layer, lambda_):
    """facts/lambda-limits.md §1: 5 layers per function."""
    arns = [layer({f"python/m{number}.py": f"N = {number}\n", "share/last": str(number)}) for number in range(6)]
    code = """
        import m0, m1, m2, m3, m4

        def handler(event, context):
            return [m0.N, m1.N, m2.N, m3.N, m4.N, open("/opt/share/last").read()]
    """
    function = deploy(code, Layers=arns[:5])
    assert function().result == [0, 1, 2, 3, 4, "4"]
    with pytest.raises(ClientError, match="Cannot reference more than 5 layers"):
        lambda_.update_function_configuration(FunctionName=function.name, Layers=arns)


# --- life -------------------------------------------------------------------------------------------------------------


def test_other_layers_are_seen_by_the_next_invocation(deploy, layer):
    """An update of the configuration replaces the environments."""
    name = f"layer-{next(_NAMES)}"
    one, two = (layer({"python/mine.py": f"TEXT = {text!r}\n"}, name) for text in ("one", "two"))
    function = deploy(IMPORT, Layers=[one])
    assert function().result[0] == "one"
    function.configure(Layers=[two])
    assert function().result[0] == "two"
    function.configure(Layers=[])
    assert function().failure[0] == "Runtime.ImportModuleError"


def test_a_deleted_layer_version_works_on_in_the_functions_that_have_it(deploy, layer, lambda_):
    """facts/lambda-api.md §8: in environments that are there and in new ones, but it can't be attached again."""
    arns = [layer({"python/mine.py": "TEXT = 'kept'\n"}), layer({"share/other": "x"})]
    function = deploy(IMPORT, Layers=arns)
    assert function().result[0] == "kept"
    for arn in arns:
        name, _, number = arn.rpartition(":")
        lambda_.delete_layer_version(LayerName=name, VersionNumber=int(number))
    assert function().result[0] == "kept"
    function.configure(Timeout=9)  # new environments
    assert function().result[0] == "kept"
    with pytest.raises(ClientError, match=r"Layer version .* does not exist\."):
        lambda_.update_function_configuration(FunctionName=function.name, Layers=arns)


def test_layers_survive_a_restart_and_the_loss_of_what_is_only_a_cache(platforms, tmp_path):
    """Zips are the truth; trees, also those of several layers together, are made again."""
    first = platforms("--data-dir", str(tmp_path))
    arns = []
    for number, text in enumerate(("one", "two")):
        content = zipped({"python/mine.py": f"TEXT = {text!r}\n"})
        answer = first.client("lambda").publish_layer_version(LayerName=f"l{number}", Content={"ZipFile": content})
        arns.append(answer["LayerVersionArn"])
    first.deploy(IMPORT, "f", Layers=arns)
    first.client("lambda").delete_layer_version(LayerName="l1", VersionNumber=1)
    first.kill()
    merged = [path for path in (tmp_path / "trees").iterdir() if path.name.startswith("layers-")]
    assert len(merged) == 1
    subprocess.run(["rm", "-rf", *(tmp_path / "trees").iterdir()], check=True)
    second = platforms("--data-dir", str(tmp_path))
    answer = second.client("lambda").invoke(FunctionName="f")
    assert answer["Payload"].read() == b'["two", "/opt/python/mine.py"]'
    assert os.path.isdir(merged[0])
    second.client("lambda").delete_function(FunctionName="f")
    assert second.stop() == 0, second.said()


# --- runtimes ---------------------------------------------------------------------------------------------------------

BOOTSTRAP = """\
#!/usr/bin/env python3
import os, urllib.request

api = "http://%s/2018-06-01/runtime/invocation" % os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    with urllib.request.urlopen(api + "/next") as event:
        answer = b'{"from": "layer", "event": %s}' % event.read()
    urllib.request.urlopen("%s/%s/response" % (api, event.headers["Lambda-Runtime-Aws-Request-Id"]), answer).close()
"""


def test_a_layer_may_bring_a_custom_runtime(deploy, layer):
    """`bootstrap` is looked up in /var/task/bootstrap, then /opt/bootstrap."""
    if not Path("/usr/bin/python3").exists():
        pytest.skip("no /usr/bin/python3 for a bootstrap in Python")
    arns = [layer({"bootstrap": (BOOTSTRAP, 0o755)}), layer({"share/other": "x"})]
    function = deploy("", Runtime="provided.al2023", Layers=arns)
    assert function(1).result == {"from": "layer", "event": 1}
