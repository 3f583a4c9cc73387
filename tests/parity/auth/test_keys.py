"""`samovar keys` on a running server, and where secrets lie."""

import os
import stat
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

COMMAND = [sys.executable, "-c", "from samovar.cli import main; main()", "keys"]


@pytest.fixture
def samovar_keys(guarded, data_dir):
    def run(*arguments, directory=data_dir, status=0):
        command = [*COMMAND, *arguments, "--endpoint", guarded.endpoint, "--data-dir", str(directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    return run


def test_the_operator_makes_lists_and_deletes_keys_of_accounts(secured, samovar_keys):
    made = dict(line.split("=", 1) for line in samovar_keys("create", "--account", "111111111111").splitlines())
    key = {"AccessKeyId": made["AWS_ACCESS_KEY_ID"], "SecretAccessKey": made["AWS_SECRET_ACCESS_KEY"]}
    assert secured.client("sts", key).get_caller_identity()["Arn"] == "arn:aws:iam::111111111111:root"
    assert f"{key['AccessKeyId']}  111111111111  root" in samovar_keys("list")
    assert key["SecretAccessKey"] not in samovar_keys("list")
    samovar_keys("delete", key["AccessKeyId"])
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        secured.client("sts", key).get_caller_identity()
    assert "12 digits" in samovar_keys("create", "--account", "1", status=1)


def test_only_who_reads_the_key_file_is_the_operator(samovar_keys, tmp_path):
    assert "secret.key" in samovar_keys("list", directory=tmp_path, status=1)
    (tmp_path / "secret.key").write_bytes(os.urandom(32))
    (tmp_path / "secret.key").chmod(0o600)
    assert "does not match" in samovar_keys("list", directory=tmp_path, status=1)


def test_secrets_are_sealed_and_their_key_is_the_owners_alone(secured, data_dir):
    assert stat.S_IMODE((data_dir / "secret.key").stat().st_mode) == 0o600
    for file in data_dir.glob("samovar.db*"):
        content = file.read_bytes()
        assert secured.secret.encode() not in content
    assert secured.key.encode() in b"".join(file.read_bytes() for file in data_dir.glob("samovar.db*"))


def test_a_key_is_printed_at_the_first_start_only_and_still_signs_after_a_restart(platforms, tmp_path):
    first = platforms("--data-dir", str(tmp_path), "--auth", "on")
    assert "AWS_SECRET_ACCESS_KEY" in first.banner
    first.stop()
    second = platforms("--data-dir", str(tmp_path), "--auth", "on")
    assert "AWS_SECRET_ACCESS_KEY" not in second.banner
    second.stop()
    (tmp_path / "secret.key").chmod(0o644)
    with pytest.raises(Exception, match="can be read by others"):
        platforms("--data-dir", str(tmp_path), "--auth", "on")
