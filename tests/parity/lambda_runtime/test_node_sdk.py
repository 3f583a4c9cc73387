"""AWS's SDK for JavaScript: AWS's Node.js runtimes bring it along, and `samovar runtimes prepare` fetches it here.

No registry is asked: what plays npm puts packages of the same names where npm would.
"""

import io
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

pytestmark = [pytest.mark.root, pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")]

NPM = """\
#!/bin/sh
# Called as: npm install --prefix FOLDER ...options packages
echo "$@" >"$3/asked"
made="$3/node_modules/@aws-sdk/client-s3"
mkdir -p "$made" "$3/node_modules/.bin"
echo '{"name": "@aws-sdk/client-s3", "main": "index.js"}' >"$made/package.json"
echo 'exports.whose = "the runtime";' >"$made/index.js"
"""
REQUIRES = "const { whose } = require('@aws-sdk/client-s3');\nexports.handler = async () => whose;\n"
IMPORTS = "import { whose } from '@aws-sdk/client-s3';\nexport const handler = async () => whose;\n"


def samovar(*arguments, path):
    command = [sys.executable, "-c", "from samovar.cli import main; main()", *arguments]
    environ = os.environ | {"PATH": path}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """With a pack that `samovar runtimes prepare` has made."""
    folder = tmp_path_factory.mktemp("prepared")
    npm = folder / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(NPM)
    npm.chmod(0o755)
    data = folder / "data"
    arguments = ["runtimes", "--data-dir", str(data), "prepare", "nodejs20.x", "left-pad@1.3.0"]
    done = samovar(*arguments, path=f"{npm.parent}:{os.environ['PATH']}")
    assert (done.returncode, done.stderr) == (0, "")
    return data


@pytest.fixture(scope="module")
def prepared(platforms, data_dir):
    running = platforms("--data-dir", str(data_dir))
    yield running
    assert running.stop() == 0, running.said()


def test_the_used_clients_and_what_was_named_are_asked_for(data_dir):
    asked = (data_dir / "runtimes" / "nodejs20.x" / "asked").read_text().split()
    assert {"@aws-sdk/client-s3", "@aws-sdk/client-dynamodb", "@aws-sdk/lib-dynamodb", "left-pad@1.3.0"} <= set(asked)
    assert "--ignore-scripts" in asked


def test_what_is_no_package_is_not_asked_for(tmp_path):
    arguments = ["runtimes", "--data-dir", str(tmp_path), "prepare", "nodejs20.x", "--", "-g"]
    done = samovar(*arguments, path=os.environ["PATH"])
    assert "'-g' is not the name of an npm package" in done.stderr
    assert not list((tmp_path / "runtimes").iterdir())


@pytest.mark.parametrize(("file", "code"), [("h.js", REQUIRES), ("h.mjs", IMPORTS)])
def test_functions_require_and_import_it(prepared, file, code):
    assert prepared.deploy({file: code}, Runtime="nodejs20.x", Timeout=30)().result == "the runtime"


@pytest.mark.parametrize(("file", "code"), [("h.js", REQUIRES), ("h.mjs", IMPORTS)])
def test_a_layers_own_copy_wins(prepared, file, code):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        folder = "nodejs/node_modules/@aws-sdk/client-s3/"
        archive.writestr(folder + "package.json", '{"name": "@aws-sdk/client-s3", "main": "index.js"}')
        archive.writestr(folder + "index.js", 'exports.whose = "the layer";')
    layer = prepared.client("lambda").publish_layer_version(LayerName="sdk", Content={"ZipFile": content.getvalue()})
    function = prepared.deploy({file: code}, Runtime="nodejs20.x", Timeout=30, Layers=[layer["LayerVersionArn"]])
    assert function().result == "the layer"


@pytest.mark.parametrize(("file", "code"), [("h.js", REQUIRES), ("h.mjs", IMPORTS)])
def test_without_it_the_log_says_how_it_comes_there(deploy, file, code):
    function = deploy({file: code}, Runtime="nodejs20.x")
    assert "@aws-sdk/client-s3" in function().failure[1]
    lines = [line for lines in function.log().values() for line in lines]
    assert any("`samovar runtimes prepare nodejs20.x`" in line for line in lines), lines
