"""examples/image-optimizer as its user runs it: a folder of pictures through API, bucket, queue and functions.

It needs Pillow from a package index; where there is none, the tests are skipped with pip's words.
"""

import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MAIN = EXAMPLES / "image-optimizer" / "main.py"
pytestmark = pytest.mark.timeout(400)  # the first run fetches Pillow


def bitmap(width, height, seed):
    """A picture in the simplest of formats: random pixels, which no format makes small."""
    pixels = random.Random(seed).randbytes((width * 3 + 3) // 4 * 4 * height)
    file = struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
    return file + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + pixels


@pytest.fixture
def run(endpoint, account):
    def run(*arguments):
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAMOVAR_"))}
        environ |= {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "any"}
        done = subprocess.run(
            [sys.executable, str(MAIN), "--endpoint", endpoint, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            env=environ,
        )
        if "pip could not fetch" in done.stderr:
            pytest.skip(done.stderr[-500:])
        return done

    return run


@pytest.fixture
def folder(tmp_path):
    """Five pictures: a large one, two of one name, one of them once more, and half a one."""
    files = {
        "large.bmp": bitmap(1400, 1200, 1),
        "a/holiday.bmp": bitmap(300, 200, 2),
        "b/holiday.bmp": bitmap(200, 300, 3),
        "b/copy of holiday.bmp": bitmap(300, 200, 2),
        "half.bmp": bitmap(300, 200, 4)[:90_000],
        "notes.txt": b"not for the optimizer",
    }
    for name, content in files.items():
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "pictures"


def test_a_folder_goes_through_and_what_fails_is_in_the_dead_letter_queue(run, folder, client, account, tmp_path):
    done = run("--pictures", str(folder), "--rate", "50", "--save", str(tmp_path / "saved"))
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert "\x1b" not in said  # plain where it isn't a terminal
    assert "Sending 5 pictures" in said and "1 had been sent before" in said
    [failed] = [line for line in said.splitlines() if line.strip().startswith("half.bmp")]
    assert failed.split()[1] == "2" and "truncated" in failed
    [total] = [line for line in said.splitlines() if line.strip().startswith("5 pictures ")]
    assert float(total.split()[-1].replace(",", "")) > 0
    assert "the bill is too low" not in said
    for line in ("Lambda: requests", "API Gateway: requests", "SQS: sent", "S3: PUT", "S3: optimised"):
        assert line in said

    bucket = f"image-optimizer-{account}-us-east-1"
    keys = [each["Key"] for each in client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    kinds = [key.partition("/")[0] for key in keys]
    assert (kinds.count("originals"), kinds.count("optimised"), kinds.count("failed")) == (4, 6, 1)
    url = client("sqs").get_queue_url(QueueName="image-optimizer-dead")["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    waiting = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert sum(int(attributes[name]) for name in waiting) == 1
    saved = list((tmp_path / "saved").iterdir())
    assert len(saved) == 4 and all(b"ftypavif" in path.read_bytes()[:32] for path in saved)

    removed = run("--remove")
    assert removed.returncode == 0, removed.stderr
    assert client("s3").list_buckets()["Buckets"] == [] and client("lambda").list_functions()["Functions"] == []


def test_a_platform_that_is_not_there_is_told_at_once(run):
    done = run("--endpoint", "http://127.0.0.1:1")
    assert done.returncode == 1 and "No Samovar answers at http://127.0.0.1:1. Start one: samovar up" in done.stderr
