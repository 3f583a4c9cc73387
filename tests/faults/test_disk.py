"""A full disk, and one that can't be written: errors that say so, and no half functions, objects or messages."""

import hashlib
import http.client
import subprocess
import sys
import urllib.parse

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.root

HELLO = "def handler(event, context): return 'hello'"


@pytest.fixture
def disk(tmp_path):
    """A file system of 96 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder, leave_kb):
    """Take the free space but `leave_kb`."""
    with open(folder / "filler", "wb", 0) as file:
        try:
            while file.write(bytes(64 << 10)) == 64 << 10:
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - (leave_kb << 10)))


@pytest.mark.parametrize("leave_kb", [0, 1024])
def test_a_function_that_doesnt_fit_isnt_created_and_those_that_are_there_run_on(start, disk, leave_kb):
    """`leave_kb`: nothing fits; or the log and the tables do, but the code doesn't."""
    platform = start(disk)
    lambda_ = platform.client("lambda")
    old = platform.deploy(HELLO)
    assert old().result == "hello"
    fill(disk, leave_kb)
    large = {"h.py": HELLO, "data": "".join(f"{n:x}" for n in range(900_000))}
    with pytest.raises(ClientError) as refused:
        platform.create(large, name="large")
    status = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status >= 500
    assert [item["FunctionName"] for item in lambda_.list_functions()["Functions"]] == [old.name]
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function(FunctionName="large")
    assert old().result == "hello"
    with pytest.raises(ClientError):
        lambda_.update_function_code(FunctionName=old.name, ZipFile=platform.package(large))
    assert old().result == "hello"

    (disk / "filler").unlink()
    assert platform.deploy(large, name="large")().result == "hello"
    platform.kill()
    again = start(disk)
    for name in (old.name, "large"):
        assert again.function(name)().result == "hello"
    assert again.stop() == 0


@pytest.mark.parametrize("leave_kb", [0, 1024])
def test_an_object_that_doesnt_fit_is_refused_and_leaves_nothing_and_one_that_fits_again_is_kept(start, disk, leave_kb):
    platform = start(disk)
    s3 = platform.client("s3")
    s3.create_bucket(Bucket="bucket")
    bodies = {"small": b"old", "large": bytes(range(256)) * 1024}
    for key, body in bodies.items():
        s3.put_object(Bucket="bucket", Key=key, Body=body)
    begun = s3.create_multipart_upload(Bucket="bucket", Key="m")
    upload = {"Bucket": "bucket", "Key": "m", "UploadId": begun["UploadId"]}
    before = files(disk)
    fill(disk, leave_kb)
    big = bytes(6 << 20)
    refusals = [
        lambda: s3.put_object(Bucket="bucket", Key="new", Body=big),
        lambda: s3.put_object(Bucket="bucket", Key="large", Body=big),
        lambda: s3.upload_part(**upload, PartNumber=1, Body=big),
    ]
    for refused_one in refusals:
        with pytest.raises(ClientError) as refused:
            refused_one()
        answer = refused.value.response
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (500, "InternalError")
    assert files(disk) == before
    assert kept(s3) == bodies

    (disk / "filler").unlink()
    bodies |= {"new": big, "large": b"new"}
    for key in ("new", "large"):
        s3.put_object(Bucket="bucket", Key=key, Body=bodies[key])
    part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"part")["ETag"]}
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    bodies["m"] = b"part"
    assert kept(s3) == bodies
    platform.kill()
    again = start(disk)
    assert kept(again.client("s3")) == bodies
    assert again.stop() == 0


def test_messages_that_dont_fit_are_refused_and_those_that_were_acknowledged_arrive(start, disk, wait):
    platform = start(disk)
    sqs = platform.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    acknowledged = set()

    def send(number):
        body = f"{number} " + "x" * 100_000
        sqs.send_message(QueueUrl=url, MessageBody=body)
        acknowledged.add(body)

    send(0)
    fill(disk, 512)
    with pytest.raises(ClientError) as refused:
        for number in range(1, 50):
            send(number)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    (disk / "filler").unlink()
    send(100)
    found = []

    def step():
        for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found.append(each["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return len(found) >= len(acknowledged)

    wait(step)
    assert sorted(found) == sorted(acknowledged)
    assert platform.stop() == 0


def files(data):
    return {path.name for path in (data / "objects").rglob("*") if path.is_file()}


def kept(s3):
    """Key -> content of what the bucket lists."""
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="bucket")["Contents"]]
    return {key: s3.get_object(Bucket="bucket", Key=key)["Body"].read() for key in keys}


def test_a_server_doesnt_start_on_a_data_directory_that_it_cannot_write(platforms, disk):
    """A message, not a traceback."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(Exception, match=r"(?i)read-only") as refused:
        platforms("--data-dir", str(disk / "data"))
    assert str(disk / "data") in str(refused.value)
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize("leave_kb", [0, 2048])
def test_a_layer_that_doesnt_fit_is_refused_and_takes_no_room_and_goes_on_where_there_is_some(start, disk, leave_kb):
    platform = start(disk)
    platform.client("ecr").create_repository(repositoryName="app")
    layer = bytes(range(256)) * 4096 * 8

    def ask(method, path, body=None):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(platform.endpoint).netloc, timeout=60)
        connection.request(method, path, body)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    path = "/v2/123456789012.dkr.ecr.us-east-1/app/blobs"
    place = ask("POST", f"{path}/uploads/").headers["Location"]
    assert ask("PATCH", place, layer[:1000]).status == 202
    fill(disk, leave_kb)
    assert ask("PATCH", place, layer[1000:]).status >= 500
    assert [file.stat().st_size for file in (disk / "images" / "uploads").iterdir()] == [1000]
    assert ask("GET", place).headers["Range"] == "0-999"

    (disk / "filler").unlink()
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    assert ask("PUT", f"{place}?digest={digest}", layer[1000:]).status == 201
    platform.kill()
    platform = start(disk)
    assert ask("HEAD", f"{path}/{digest}").headers["Content-Length"] == str(len(layer))
    assert platform.stop() == 0


def test_a_server_that_cannot_start_for_a_full_disk_says_so_in_a_line(disk):
    fill(disk, 0)
    command = [sys.executable, "-c", "from samovar.cli import main; main()", "up", "--port", "0"]
    done = subprocess.run(
        [*command, "--data-dir", str(disk)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"Error: cannot write to {disk}: No space left on device\n"
