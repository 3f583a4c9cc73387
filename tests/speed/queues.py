"""Queues and what they set off: durable sends, the way from a send into a function, and draining a backlog.

Numbers of sends are beside writing and synchronising one small file on the same disk.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
import servers
from botocore.config import Config
from client import Connection, Functions, request
from measure import Numbers, durable_write, in_turns

_SIGNED = (
    "X-Amz-Date: 20260101T000000Z\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/sqs/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}\r\n"
    "Content-Type: application/x-amz-json-1.0\r\n"
)
_BODY = "x" * 200
_WARMING = 5
"""Messages before those that count: the function's environments are there then."""
_TELLS = """
import json, time
def handler(event, context):
    now = time.time()
    print(json.dumps([now - float(record["body"]) for record in event["Records"]]))
"""
_NOTHING = "def handler(event, context):\n    pass\n"


def _call(operation: str, params: dict[str, Any]) -> bytes:
    headers = f"{_SIGNED}X-Amz-Target: AmazonSQS.{operation}\r\n"
    return request("POST", "/", json.dumps(params).encode(), headers)


def sends(thorough: bool) -> dict[str, Numbers]:
    """SendMessage and SendMessageBatch, each answered after its commit: by one client, and by sixteen at once."""
    seconds = 4.0 if thorough else 1.0
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as folder:
        data, beside = Path(folder, "data"), Path(folder, "beside")
        beside.mkdir()
        with servers.samovar("--data-dir", str(data)) as server, Connection(server.port) as connection:
            url = json.loads(connection.exchange(_call("CreateQueue", {"QueueName": "bench"})))["QueueUrl"]
            send = _call("SendMessage", {"QueueUrl": url, "MessageBody": _BODY})
            entries = [{"Id": str(number), "MessageBody": _BODY} for number in range(10)]
            batch = _call("SendMessageBatch", {"QueueUrl": url, "Entries": entries})
            write = durable_write(beside, _BODY.encode())
            took = in_turns(20, 200 if thorough else 30, write=write, send=lambda: connection.timed(send))
            one, sixteen, tens = (
                per_second(server.port, clients, seconds, each)
                for clients, each in ((1, send), (16, send), (16, batch))
            )
    values = {
        "x a durable write": took["send"] / took["write"],
        "messages a second from 1 client": one,
        "from 16": sixteen,
        "in batches of 10 from 16": tens * 10,
    }
    return {"sqs-send": Numbers(values, f"write {took['write']:.2f} ms, send {took['send']:.2f} ms")}


def into_functions(thorough: bool) -> dict[str, Numbers]:
    """From SendMessage, before it is sent, to the first line of the function that it runs; one message at a time."""
    count = 300 if thorough else 50
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as data, servers.samovar("--data-dir", data) as server:
        sqs, lambda_ = client(server, "sqs"), client(server, "lambda")
        name = Functions(server.port, servers.RUNTIME).create(_TELLS, 1769)
        url = _map(sqs, lambda_, name, "latency", BatchSize=1)
        for number in range(_WARMING + count):
            sqs.send_message(QueueUrl=url, MessageBody=repr(time.time()))
            if number < _WARMING:
                _wait_until_empty(sqs, url)
            time.sleep(0.01)
        took = sorted(_told(server, name, _WARMING + count)[_WARMING:])
    late = took[int(len(took) * 0.99)]
    values = {"ms at the median": statistics.median(took) * 1000, "ms at the 99th percentile": late * 1000}
    return {"sqs-latency": Numbers(values)}


def drains(thorough: bool) -> dict[str, Numbers]:
    """A backlog that functions work off, until nothing is left in the queue."""
    count = 5000 if thorough else 1000
    values = {}
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as data, servers.samovar("--data-dir", data) as server:
        sqs, lambda_ = client(server, "sqs"), client(server, "lambda")
        for size in (1, 10):
            name = Functions(server.port, servers.RUNTIME).create(_NOTHING, 1769)
            url = _map(sqs, lambda_, name, f"drain-{size}", BatchSize=size, Enabled=False)
            for _ in range(count // 10):
                entries = [{"Id": str(number), "MessageBody": _BODY} for number in range(10)]
                sqs.send_message_batch(QueueUrl=url, Entries=entries)
            [mapping] = lambda_.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            began = time.perf_counter()
            lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
            _wait_until_empty(sqs, url)
            values[f"messages a second in batches of {size}"] = count / (time.perf_counter() - began)
            lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    return {"sqs-drain": Numbers(values)}


def _map(sqs: Any, lambda_: Any, function: str, queue: str, **options: Any) -> str:
    url: str = sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    while lambda_.get_function_configuration(FunctionName=function)["State"] != "Active":
        time.sleep(0.05)
    lambda_.create_event_source_mapping(EventSourceArn=arn, FunctionName=function, **options)
    return url


def _wait_until_empty(sqs: Any, url: str) -> None:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while any(int(n) for n in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()):
        time.sleep(0.01)


def _told(server: servers.Started, function: str, count: int) -> list[float]:
    """The latencies that a function has printed, when there are so many."""
    logs = client(server, "logs")
    end = time.monotonic() + 60
    found: list[float] = []
    while len(found) < count and time.monotonic() < end:
        time.sleep(0.1)
        if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]:
            continue  # nothing is written yet
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
        lines = [event["message"] for page in pages for event in page["events"]]
        found = [each for line in lines if line.startswith("[") for each in json.loads(line)]
    return found


def client(server: servers.Started, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{server.port}",
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="bench",
        config=Config(retries={"total_max_attempts": 1}),
    )


def per_second(port: int, connections: int, seconds: float, sent: bytes) -> float:
    load = [sys.executable, str(servers.HERE / "load.py"), str(port), str(connections), str(seconds)]
    output = subprocess.run(load, input=sent, stdout=subprocess.PIPE, check=True, timeout=seconds + 60).stdout
    return float(output.split()[-2])
