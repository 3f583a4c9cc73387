"""How environments with extensions leave: idle ones, and those of a server that stops. facts/lambda-runtime.md §4."""

import io
import json
import stat
import time
import zipfile


def layer(platform, source):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("extensions/watcher")
        entry.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(entry, source)
    return platform.client("lambda").publish_layer_version(LayerName="l", Content={"ZipFile": buffer.getvalue()})


def test_an_idle_environment_and_a_stopping_server_tell_their_extensions(platforms, tmp_path, source_of_quiet):
    """Shutdown with SPINDOWN: removed when idle, and when the server stops."""
    running = platforms("--data-dir", str(tmp_path), "--idle-timeout-s", "1")
    arn = layer(running, source_of_quiet)["LayerVersionArn"]
    function = running.deploy("def handler(event, context): return event", Layers=[arn], MemorySize=512)
    assert function(1).result == 1
    until = time.monotonic() + 20
    while "SPINDOWN" not in json.dumps(function.log()):
        assert time.monotonic() < until, function.log()
    assert function(2).result == 2
    assert len(function.log()) == 2
    assert running.stop() == 0
    again = platforms("--data-dir", str(tmp_path))
    try:
        logs = again.function(function.name).log()
        assert json.dumps(logs).count("SPINDOWN") == 2
    finally:
        again.stop()
