"""A server where signatures and permissions count."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

REGION = "us-east-1"


class Secured:
    """Makes clients that sign with given credentials."""

    def __init__(self, endpoint: str, key: str, secret: str) -> None:
        self.endpoint = endpoint
        self.key, self.secret = key, secret
        self._clients: dict[str, Any] = {}

    def client(self, service: str, credentials: dict[str, Any] | None = None, **options: Any) -> Any:
        """Of the root of 000000000000, or with the credentials that an API has answered."""
        given = credentials or {"AccessKeyId": self.key, "SecretAccessKey": self.secret}
        known = repr((service, given, options))
        if known in self._clients:
            return self._clients[known]
        made = boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=options.pop("region", REGION),
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}, **options),
        )
        self._clients[known] = made
        return made

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory) -> Any:
    return tmp_path_factory.mktemp("auth")


@pytest.fixture(scope="session")
def guarded(platforms, data_dir) -> Iterator[Any]:
    """The server: its data survives, its first start has printed a key."""
    running = platforms("--data-dir", str(data_dir), "--auth", "on")
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture(scope="session")
def secured(guarded) -> Iterator[Secured]:
    banner = guarded.banner
    found = dict(re.findall(r"export (AWS_\w+)=(\S+)", banner))
    made = Secured(guarded.endpoint, found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"])
    yield made
    made.close()


@pytest.fixture(scope="session")
def iam(secured) -> Any:
    return secured.client("iam")


@pytest.fixture
def user(iam) -> Iterator[Callable[..., dict[str, str]]]:
    """Makes users: `user("ada", statements...)` gives the credentials of one who may do that."""
    made = []

    def make(name: str, *statements: dict[str, Any]) -> dict[str, str]:
        iam.create_user(UserName=name)
        made.append(name)
        allow(name, *statements)
        return iam.create_access_key(UserName=name)["AccessKey"]

    def allow(name: str, *statements: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))

    make.allow = allow
    yield make
    for name in made:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="p")
        iam.delete_user(UserName=name)


@pytest.fixture(scope="session")
def keys(guarded, data_dir) -> Callable[[str], dict[str, str]]:
    """Root keys of further accounts, made by the operator."""
    command = [sys.executable, "-c", "from samovar.cli import main; main()", "keys"]

    def make(account: str) -> dict[str, str]:
        options = ["--endpoint", guarded.endpoint, "--data-dir", str(data_dir)]
        done = subprocess.run(
            [*command, "create", "--account", account, *options], capture_output=True, text=True, timeout=60, check=True
        )
        made = dict(line.split("=", 1) for line in done.stdout.splitlines())
        return {"AccessKeyId": made["AWS_ACCESS_KEY_ID"], "SecretAccessKey": made["AWS_SECRET_ACCESS_KEY"]}

    return make
