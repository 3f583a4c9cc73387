"""The registry through kill -9: what was acknowledged goes on, what wasn't has left nothing; large layers in little
memory."""

import hashlib
import http.client
import json
import os
import signal
import urllib.parse
from pathlib import Path

import pytest

SIZE = 256 * 1024**2
PIECE = bytes(range(256)) * 4096
REPOSITORY = "/v2/123456789012.dkr.ecr.us-east-1/app"


@pytest.fixture
def up(start, tmp_path):
    """A server on the test's data directory, once more after each `kill -9`."""
    running = []

    def up():
        running.append(start(tmp_path))
        return running[-1]

    yield up
    running[-1].stop()


def kill(server):
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def ask(server, method, path, body=None, **headers):
    """(status, headers, body)."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.endpoint).netloc, timeout=60)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def begin(server):
    status, headers, _ = ask(server, "POST", f"{REPOSITORY}/blobs/uploads/")
    assert status == 202
    return headers["Location"]


def upload(server, data):
    assert ask(server, "PUT", f"{begin(server)}?digest={digest(data)}", data)[0] == 201


def sending(server, path, size):
    """A request whose body is still to be sent."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.endpoint).netloc, timeout=60)
    connection.putrequest("PATCH", path)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    return connection


def files(data: Path) -> list[Path]:
    return [path for path in (data / "images").rglob("*") if path.is_file()]


def manifest(config, *layers):
    kind = "application/vnd.oci.image.manifest.v1+json"
    described = [{"mediaType": "x/y", "digest": digest(each), "size": len(each)} for each in (config, *layers)]
    return kind, json.dumps(
        {"schemaVersion": 2, "mediaType": kind, "config": described[0], "layers": described[1:]}
    ).encode()


def test_a_push_goes_on_after_kill_9_where_it_was_acknowledged(up, tmp_path, wait):
    server = up()
    server.client("ecr").create_repository(repositoryName="app")
    whole, config = os.urandom(3_000_000), b"{}"
    upload(server, config)
    place, never, broken = begin(server), begin(server), os.urandom(2_000_000)
    assert ask(server, "PATCH", place, whole[:1_000_000])[1]["Range"] == "0-999999"
    connection, other = sending(server, place, 2_000_000), sending(server, never, 3_000_000)
    connection.send(whole[1_000_000:2_500_000])
    other.send(broken)
    # Bytes that nobody acknowledges are in the file.
    wait(lambda: sum(path.stat().st_size for path in files(tmp_path)) > 1_000_000 + len(config))
    kill(server)
    connection.close()
    other.close()

    server = up()
    status, headers, _ = ask(server, "GET", place)
    assert (status, headers["Range"]) == (204, "0-999999")
    assert ask(server, "GET", never)[1]["Range"] == "0-0"
    assert ask(server, "PUT", f"{place}?digest={digest(whole)}", whole[1_000_000:])[0] == 201
    assert ask(server, "DELETE", never)[0] == 204
    kind, text = manifest(config, whole)
    assert ask(server, "PUT", f"{REPOSITORY}/manifests/v1", text, Content_Type=kind)[0] == 201
    kill(server)

    server = up()
    assert ask(server, "GET", f"{REPOSITORY}/manifests/v1")[2] == text
    assert ask(server, "GET", f"{REPOSITORY}/blobs/{digest(whole)}")[2] == whole
    assert ask(server, "GET", f"{REPOSITORY}/blobs/{digest(config)}")[2] == config
    assert len(files(tmp_path)) == 2
    server.client("ecr").delete_repository(repositoryName="app", force=True)
    assert files(tmp_path) == []


def test_the_same_layer_takes_its_room_once(up, tmp_path):
    server = up()
    ecr = server.client("ecr")
    data = os.urandom(1_000_000)
    for name in ("app", "app/two", "app/three"):
        ecr.create_repository(repositoryName=name)
        path = REPOSITORY.removesuffix("app") + name
        location = ask(server, "POST", f"{path}/blobs/uploads/")[1]["Location"]
        assert ask(server, "PUT", f"{location}?digest={digest(data)}", data)[0] == 201
    assert len({path.stat().st_ino for path in files(tmp_path)}) == 1
    ecr.delete_repository(repositoryName="app", force=True)
    assert ask(server, "GET", f"{REPOSITORY}/two/blobs/{digest(data)}")[2] == data
    for name in ("app/two", "app/three"):
        ecr.delete_repository(repositoryName=name, force=True)
    assert files(tmp_path) == []


def test_a_large_layer_goes_through_in_constant_memory(up):
    server = up()
    server.client("ecr").create_repository(repositoryName="app")
    upload(server, PIECE)
    before = highest(server.pid)
    hashed = hashlib.sha256()
    place = begin(server)
    connection = sending(server, place, SIZE)
    for _ in range(SIZE // len(PIECE)):
        connection.send(PIECE)
        hashed.update(PIECE)
    assert connection.getresponse().status == 202
    connection.close()
    name = f"sha256:{hashed.hexdigest()}"
    assert ask(server, "PUT", f"{place}?digest={name}")[0] == 201
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.endpoint).netloc, timeout=60)
    connection.request("GET", f"{REPOSITORY}/blobs/{name}")
    got, again = connection.getresponse(), hashlib.sha256()
    while piece := got.read(len(PIECE)):
        again.update(piece)
    connection.close()
    assert again.digest() == hashed.digest()
    assert highest(server.pid) - before < 64 * 1024 * 1024


def highest(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
