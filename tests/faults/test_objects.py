"""S3 through kill -9: what was acknowledged is there, what wasn't has left nothing; large objects in little memory."""

import http.client
import os
import signal
import urllib.parse
from pathlib import Path

import pytest

SIZE = 1024**3
PIECE = bytes(range(256)) * 4096


@pytest.fixture
def s3(start, tmp_path):
    """(server, client) on the test's data directory, once more after each `kill -9`."""
    running = []

    def up():
        server = start(tmp_path)
        running.append(server)
        return server, server.client("s3")

    yield up
    running[-1].stop()


def kill(server):
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()


def files(data: Path) -> list[Path]:
    return [path for path in (data / "objects").rglob("*") if path.is_file()]


def test_what_was_acknowledged_survives_and_nothing_else(s3, tmp_path):
    server, client = s3()
    client.create_bucket(Bucket="bucket")
    bodies = {f"{n}": os.urandom(size) for n, size in enumerate((10, 70_000, 2_000_000))}
    for key, body in bodies.items():
        client.put_object(Bucket="bucket", Key=key, Body=body)
    begun = client.create_multipart_upload(Bucket="bucket", Key="m")
    upload = {"Bucket": "bucket", "Key": "m", "UploadId": begun["UploadId"]}
    part = client.upload_part(**upload, PartNumber=1, Body=b"part")
    connection, _ = begin(server, "/bucket/half", 10 * len(PIECE))
    connection.send(PIECE * 3)  # and the rest never comes
    kill(server)
    connection.close()

    server, client = s3()
    assert len(files(tmp_path)) == 3  # two objects and a part: the half one is gone
    listed = [each["Key"] for each in client.list_objects_v2(Bucket="bucket")["Contents"]]
    assert listed == sorted(bodies)
    for key, body in bodies.items():
        assert client.get_object(Bucket="bucket", Key=key)["Body"].read() == body
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert client.get_object(Bucket="bucket", Key="m")["Body"].read() == b"part"
    for key in (*bodies, "m"):
        client.delete_object(Bucket="bucket", Key=key)
    assert files(tmp_path) == []


def test_a_gigabyte_goes_through_in_constant_memory(s3):
    server, client = s3()
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="warm", Body=PIECE)
    before = highest(server.pid)
    connection, answer = begin(server, "/bucket/big", SIZE)
    for _ in range(SIZE // len(PIECE)):
        connection.send(PIECE)
    done = answer()
    assert (done.status, done.read()) == (200, b"")
    connection.request("GET", "/bucket/big")
    got = connection.getresponse()
    size = 0
    while piece := got.read(len(PIECE)):
        size += len(piece)
        assert piece == PIECE[: len(piece)] or len(piece) < len(PIECE)
    connection.close()
    assert size == SIZE
    assert highest(server.pid) - before < 64 * 1024 * 1024


def begin(server, path, size):
    """An upload whose body is still to be sent, and its answer."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.endpoint).netloc, timeout=60)
    connection.putrequest("PUT", path)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    return connection, connection.getresponse


def highest(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
