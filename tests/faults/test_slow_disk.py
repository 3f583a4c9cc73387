"""A disk that stands still for a while: nobody is told "done" meanwhile, and all goes on when it does."""

import concurrent.futures
import shutil
import subprocess

import pytest

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not (shutil.which("fsfreeze") and shutil.which("mkfs.ext4")), reason="no fsfreeze or mkfs.ext4"),
]

SENDERS, SIZE = 8, 64 << 20


@pytest.fixture
def frozen(tmp_path):
    """(folder, freeze): a file system of its own, on which each write waits from `freeze(True)` to `freeze(False)`."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with open(image, "wb") as file:
        file.truncate(SIZE)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(mounted.stderr)

    def freeze(on):
        subprocess.run(["fsfreeze", "-f" if on else "-u", str(folder)], check=True)

    yield folder, freeze
    subprocess.run(["fsfreeze", "-u", str(folder)], capture_output=True)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_writes_wait_for_a_disk_that_stands_still_and_none_is_lost_or_done_twice(start, frozen, wait):
    folder, freeze = frozen
    platform = start(folder / "data")
    sqs, s3 = platform.client("sqs"), platform.client("s3")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="old", Body=b"old")
    function = platform.deploy("def handler(event, context): return 'hello'")
    assert function().result == "hello"

    freeze(True)
    with concurrent.futures.ThreadPoolExecutor(2 * SENDERS) as threads:
        try:
            calls = [
                call
                for n in range(SENDERS)
                for call in (
                    threads.submit(sqs.send_message, QueueUrl=url, MessageBody=str(n)),
                    threads.submit(s3.put_object, Bucket="bucket", Key=str(n), Body=bytes(100_000)),
                )
            ]
            # What needs no write is answered meanwhile, so those calls are with the server and wait for the disk.
            for _ in range(20):
                assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["bucket"]
            assert not any(call.done() for call in calls)
        finally:
            freeze(False)
        for call in calls:
            assert call.result(60)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert function().result == "hello"
    platform.kill()

    platform = start(folder / "data")
    sqs, s3 = platform.client("sqs"), platform.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="bucket")["Contents"]]
    assert keys == [*map(str, range(SENDERS)), "old"]
    bodies = []

    def received():
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        bodies.extend(each["Body"] for each in found)
        return len(bodies) >= SENDERS

    wait(received)
    assert sorted(bodies) == [*map(str, range(SENDERS))]
    assert platform.stop() == 0
