"""Code={"S3Bucket": "hot-reload", "S3Key": "/a/folder"}: the function is what is in the folder at each invocation."""

import itertools
import os
import shutil
import threading
import time

import pytest
from botocore.exceptions import ClientError
from tests.conftest import ACCOUNT, RUNTIME

NAMES = (f"hot-{number}" for number in itertools.count(1))
SAYS = "import time\nLOADED = time.time_ns()\ndef handler(event, context): return {!r}\n"
WAITS = """
import os, time
def handler(event, context):
    print("waiting")
    while not os.path.exists("/var/task/go"):
        time.sleep(0.01)
    return 1
"""
LOADED = "import time\nLOADED = time.time_ns()\ndef handler(event, context): return LOADED\n"


@pytest.fixture
def folder(tmp_path):
    """One that the function's user can read, as a project's usually is."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def hot(platform):
    made = []

    def hot(folder, **configuration):
        function = platform.function(next(NAMES))
        wanted = {"Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Runtime": RUNTIME, "Handler": "h.handler", "Timeout": 20}
        code = {"S3Bucket": "hot-reload", "S3Key": str(folder)}
        platform.client("lambda").create_function(FunctionName=function.name, **{"Code": code} | wanted | configuration)
        made.append(function)
        function.settle()
        return function

    yield hot
    for function in made:
        function.delete()


def test_what_is_saved_runs_at_the_next_invocation(hot, folder):
    (folder / "h.py").write_text(SAYS.format("first"))
    function = hot(folder)
    assert function().result == "first"
    for number in range(20):
        (folder / "h.py").write_text(SAYS.format(number))
        assert function().result == number


def test_without_a_change_the_environment_is_used_again(hot, folder):
    (folder / "h.py").write_text(LOADED)
    function = hot(folder)
    assert len({function().result for _ in range(3)}) == 1


def test_new_folders_renames_links_and_deletions_are_changes(hot, folder):
    """Editors save by writing another file and renaming it."""
    (folder / "h.py").write_text("import sub.m\ndef handler(event, context): return sub.m.WORD\n")
    function = hot(folder)
    assert function().failure[0] == "Runtime.ImportModuleError"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "sub" / "m.py").write_text("WORD = 1\n")
    assert function().result == 1
    (folder / "sub" / ".m.py.new").write_text("WORD = 22\n")
    os.replace(folder / "sub" / ".m.py.new", folder / "sub" / "m.py")
    assert function().result == 22
    shutil.rmtree(folder / "sub")
    assert function().failure[0] == "Runtime.ImportModuleError"
    (folder / "other").mkdir()
    (folder / "other" / "m.py").write_text("WORD = 333\n")
    (folder / "sub").symlink_to("other")
    assert function().result == 333
    (folder / "other" / "m.py").write_text("WORD = 4444\n")
    assert function().result == 4444


def test_what_editors_and_interpreters_leave_beside_the_files_is_no_change(hot, folder):
    (folder / "h.py").write_text(LOADED)
    function = hot(folder)
    loaded = function().result
    for name in (".h.py.swp", "h.py~", ".#h.py", "4913"):
        (folder / name).write_text("x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "h.cpython-312.pyc").write_text("x")
    assert function().result == loaded


def test_a_syntax_error_is_told_and_its_correction_runs(hot, folder):
    (folder / "h.py").write_text("def handler(event, context) return 1\n")
    function = hot(folder)
    assert function().failure[0] == "Runtime.UserCodeSyntaxError"
    (folder / "h.py").write_text(SAYS.format("fixed"))
    assert function().result == "fixed"


def test_a_running_invocation_finishes_on_the_code_that_it_began_with(hot, folder):
    (folder / "h.py").write_text(WAITS)
    function = hot(folder)
    answers = []
    running = threading.Thread(target=lambda: answers.append(function().result))
    running.start()
    deadline = time.monotonic() + 60
    while not any("waiting\n" in messages for messages in function.log().values()):
        assert time.monotonic() < deadline
    (folder / "h.py").write_text(SAYS.format(2))
    assert function().result == 2
    assert answers == []
    (folder / "go").write_text("")
    running.join(20)
    assert answers == [1]


def test_a_folder_that_goes_fails_the_function_until_it_is_back(hot, folder):
    (folder / "h.py").write_text(SAYS.format("here"))
    function = hot(folder)
    assert function().result == "here"
    moved = folder.rename(folder.parent / "elsewhere")
    assert function().failure[0] == "Runtime.ImportModuleError"
    moved.rename(folder)
    assert function().result == "here"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "h.py").write_text(SAYS.format("new"))
    assert function().result == "new"


def test_the_function_cannot_write_to_the_folder(hot, folder):
    code = "def handler(event, context):\n  try: open('/var/task/x', 'w')\n  except OSError as e: return e.strerror\n"
    (folder / "h.py").write_text(code)
    folder.chmod(0o777)
    assert hot(folder)().result == "Read-only file system"


def test_an_update_leads_to_the_folder_and_away_from_it(platform, deploy, folder):
    (folder / "h.py").write_text(SAYS.format("folder"))
    function = deploy(SAYS.format("zip"))
    lambda_ = platform.client("lambda")
    assert function().result == "zip"
    lambda_.update_function_code(FunctionName=function.name, S3Bucket="hot-reload", S3Key=f"{folder}/")
    function.settle("function_updated_v2")
    assert function().result == "folder"
    found = lambda_.get_function(FunctionName=function.name)
    assert found["Code"]["Location"] == folder.as_uri()
    assert found["Configuration"]["CodeSize"] == 0
    function.update(SAYS.format("zip again"))
    assert function().result == "zip again"


def test_a_layer_may_be_a_folder_as_well(platform, hot, folder):
    lambda_ = platform.client("lambda")
    layer = folder / "layer"
    (layer / "python").mkdir(parents=True)
    (layer / "python" / "shared.py").write_text("WORD = 1\n")
    arn = lambda_.publish_layer_version(
        LayerName="hot", Content={"S3Bucket": "hot-reload", "S3Key": str(layer)}
    )["LayerVersionArn"]  # fmt: skip
    code = {"ZipFile": platform.package("import shared\ndef handler(event, context): return shared.WORD\n")}
    function = hot(folder, Code=code, Layers=[arn])
    assert function().result == 1
    (layer / "python" / "shared.py").write_text("WORD = 2\n")
    assert function().result == 2
    other = lambda_.publish_layer_version(LayerName="cold", Content={"ZipFile": platform.package("")})
    with pytest.raises(ClientError, match="can only be a function's one layer"):
        function.configure(Layers=[arn, other["LayerVersionArn"]])


@pytest.mark.parametrize("path", ["relative/path", "/no/such/folder", "/etc/passwd", "/", "/proc/1", "/sys/"])
def test_only_folders_are_taken(hot, path):
    with pytest.raises(ClientError):
        hot(path)


def test_a_server_that_does_not_allow_it_says_so(platforms, folder):
    server = platforms("--ephemeral", "--allow-hot-reload", "never")
    try:
        with pytest.raises(ClientError, match="--allow-hot-reload"):
            server.client("lambda").create_function(
                FunctionName="f",
                Role=f"arn:aws:iam::{ACCOUNT}:role/r",
                Runtime=RUNTIME,
                Handler="h.handler",
                Code={"S3Bucket": "hot-reload", "S3Key": str(folder)},
            )
    finally:
        server.stop()


def test_it_is_there_again_after_a_restart(platforms, folder, tmp_path):
    (folder / "h.py").write_text(SAYS.format("before"))
    data = str(tmp_path / "data")
    server = platforms("--data-dir", data)
    server.client("lambda").create_function(
        FunctionName="f",
        Role=f"arn:aws:iam::{ACCOUNT}:role/r",
        Runtime=RUNTIME,
        Handler="h.handler",
        Code={"S3Bucket": "hot-reload", "S3Key": str(folder)},
    )
    server.function("f").settle()
    assert server.function("f")().result == "before"
    server.stop()
    (folder / "h.py").write_text(SAYS.format("after"))
    server = platforms("--data-dir", data)
    try:
        assert server.function("f")().result == "after"
    finally:
        server.stop()
