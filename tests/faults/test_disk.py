"""A full disk, and one that can't be written: errors that say so, and no half functions."""

import subprocess

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


def test_a_server_doesnt_start_on_a_data_directory_that_it_cannot_write(platforms, disk):
    """A message, not a traceback."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(Exception, match=r"(?i)read-only") as refused:
        platforms("--data-dir", str(disk / "data"))
    assert str(disk / "data") in str(refused.value)
    assert "Traceback" not in str(refused.value)
