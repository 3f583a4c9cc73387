"""`--auth soft`: everything is checked and done; what would be refused is logged, once."""

import json
import re

import pytest
from botocore.exceptions import ClientError

from .conftest import Secured


@pytest.fixture(scope="module")
def soft(platforms):
    running = platforms("--ephemeral", "--auth", "soft")
    yield running
    assert running.stop() == 0


def test_what_would_be_refused_is_done_and_said_once(soft):
    found = dict(re.findall(r"export (AWS_\w+)=(\S+)", soft.banner))
    root = Secured(soft.endpoint, found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"])
    iam = root.client("iam")
    iam.create_user(UserName="ada")
    ada = iam.create_access_key(UserName="ada")["AccessKey"]
    sqs = root.client("sqs", ada)
    for name in ("one", "one", "two"):
        sqs.create_queue(QueueName=name)
    said = soft.said()
    assert said.count("user/ada is not authorized to perform: sqs:CreateQueue on resource: ") == 2
    unsigned = root.client("sts", {"AccessKeyId": "test", "SecretAccessKey": "test"})
    assert unsigned.get_caller_identity()["Account"] == "000000000000"
    assert "The security token included in the request is invalid." in soft.said()
    assert ada["SecretAccessKey"] not in soft.said() and root.secret not in soft.said()
    role = {"RoleArn": "arn:aws:iam::000000000000:role/ghost", "RoleSessionName": "session"}
    assert root.client("sts").assume_role(**role)["Credentials"]["SessionToken"]
    assert "sts:AssumeRole on resource: arn:aws:iam::000000000000:role/ghost" in soft.said()
    with pytest.raises(ClientError):  # what is wrong for other reasons stays wrong
        iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=json.dumps({"Statement": 1}))
    root.close()
