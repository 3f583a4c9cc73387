"""The level `process`: where the machine allows nothing better, functions still run, as the server's user."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from images import Image, Member, layer
from registry import Registry

# A machine that allows no more, played: everything behind the examination is real.
FORCED = """
from samovar.sandbox import doctor
from samovar.sandbox.spec import Isolation
doctor.Examination.result = lambda examination: doctor.Machine(Isolation.PROCESS, [])
from samovar.cli import main
main()
"""


@pytest.fixture(scope="module", params=["--ephemeral", "--data-dir"])
def forced(request: pytest.FixtureRequest, platforms: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    flags = [request.param] + ([str(tmp_path_factory.mktemp("data"))] if request.param == "--data-dir" else [])
    platform = platforms(*flags, command=[sys.executable, "-c", FORCED])
    yield platform
    platform.stop()


def test_python_functions_run_crash_and_run_again(forced):
    function = forced.deploy("""
        import os
        def handler(event, context):
            if event == "crash":
                os._exit(3)
            return os.path.basename(__file__)
    """)
    assert function("look").result == "h.py"
    assert function("crash").failure[0] == "Runtime.ExitError"
    assert function("look").result == "h.py"


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
def test_nodejs_functions_run(forced):
    major = subprocess.check_output(["node", "--version"], text=True)[1:].split(".")[0]
    code = {"h.mjs": "export const handler = async event => event;"}
    function = forced.deploy(code, Runtime=f"nodejs{major}.x", Handler="h.handler")
    assert function({"a": 1}).result == {"a": 1}


def test_container_images_are_refused(forced):
    uri = Registry(forced).push(Image(layer(Member("app"))), "v1")
    lambda_ = forced.client("lambda")
    with pytest.raises(lambda_.exceptions.InvalidParameterValueException) as caught:
        lambda_.create_function(
            FunctionName="image", Role="arn:aws:iam::123456789012:role/r", PackageType="Image", Code={"ImageUri": uri}
        )
    assert "A container image needs a network of its own" in caught.value.response["Error"]["Message"]


def test_a_folder_is_reloaded_where_it_is(forced, tmp_path):
    (tmp_path / "h.py").write_text("def handler(event, context): return 1\n")
    function = forced.deploy("")
    lambda_ = forced.client("lambda")
    lambda_.update_function_code(FunctionName=function.name, S3Bucket="hot-reload", S3Key=str(tmp_path))
    function.settle("function_updated_v2")
    assert function().result == 1
    (tmp_path / "h.py").write_text("def handler(event, context): return 22\n")
    assert function().result == 22


@pytest.mark.parametrize("variable", ["AWS_LAMBDA_EXEC_WRAPPER", "SAMOVAR_DEBUG"])
def test_what_needs_a_network_of_its_own_says_so(forced, variable):
    function = forced.deploy("", Environment={"Variables": {variable: "5678"}})
    error_type, message = function().failure
    assert error_type == "Runtime.InvalidEntrypoint"
    assert f"{variable} needs a network of its own" in message
