"""Events: how many are accepted for later, how many run, and what a bus with many rules takes.

Everything is on disk, and answered after its commit; beside it stands writing and synchronising one small file there.
"""

import json
import tempfile
import time
from pathlib import Path

import servers
from client import SIGNED, Connection, Functions, request
from measure import Numbers, durable_write, in_turns
from queues import client, per_second

_EVENT = json.dumps({"key": "v" * 180}).encode()
_NOTHING = "def handler(event, context):\n    pass\n"
_RULES = 300
_TARGETS = f"{SIGNED.replace('/lambda/', '/events/')}Content-Type: application/x-amz-json-1.1\r\n"


def accepted(thorough: bool) -> dict[str, Numbers]:
    """Invoke with `Event`, by one client and by sixteen, while one environment works off what it can."""
    seconds = 4.0 if thorough else 1.0
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as folder:
        data, beside = Path(folder, "data"), Path(folder, "beside")
        beside.mkdir()
        with servers.samovar("--data-dir", str(data)) as server, Connection(server.port) as connection:
            name = Functions(server.port, servers.RUNTIME).create(_NOTHING, 1769)
            lambda_ = client(server, "lambda")
            lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0})
            lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
            send = request(
                "POST",
                f"/2015-03-31/functions/{name}/invocations",
                _EVENT,
                f"{SIGNED}X-Amz-Invocation-Type: Event\r\n",
            )
            write = durable_write(beside, _EVENT)
            took = in_turns(20, 200 if thorough else 30, write=write, send=lambda: connection.timed(send))
            one, sixteen = (per_second(server.port, clients, seconds, send) for clients in (1, 16))
    values = {
        "x a durable write": took["send"] / took["write"],
        "events a second from 1 client": one,
        "from 16": sixteen,
    }
    return {"event-accept": Numbers(values, f"write {took['write']:.2f} ms, accepted in {took['send']:.2f} ms")}


def ran(thorough: bool) -> dict[str, Numbers]:
    """A backlog of events that a function works off, all the concurrency its own."""
    count = 3000 if thorough else 600
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as data, servers.samovar("--data-dir", data) as server:
        lambda_, sqs = client(server, "lambda"), client(server, "sqs")
        name = Functions(server.port, servers.RUNTIME).create(_NOTHING, 1769)
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0})
        url = sqs.create_queue(QueueName="done")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        lambda_.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
        )
        lambda_.invoke(FunctionName=name)  # a new server's interpreter takes its time
        began = time.perf_counter()
        for _ in range(count):
            lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=_EVENT)
        names = ["ApproximateNumberOfMessages"]
        while int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]]) < count:
            time.sleep(0.01)
        rate = count / (time.perf_counter() - began)
    return {"event-run": Numbers({"events a second": rate})}


def put(thorough: bool) -> dict[str, Numbers]:
    """PutEvents of one event to a bus with 300 rules of which one matches, its target a queue."""
    seconds = 4.0 if thorough else 1.0
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as folder:
        data, beside = Path(folder, "data"), Path(folder, "beside")
        beside.mkdir()
        with servers.samovar("--data-dir", str(data)) as server, Connection(server.port) as connection:
            events, sqs = client(server, "events"), client(server, "sqs")
            url = sqs.create_queue(QueueName="q")["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            for number in range(_RULES):
                pattern = {"source": ["bench"], "detail": {"kind": [f"k{number}"], "n": [{"numeric": [">", 0]}]}}
                events.put_rule(Name=f"r{number}", EventPattern=json.dumps(pattern))
            events.put_targets(Rule="r7", Targets=[{"Id": "q", "Arn": arn}])
            entry = {"Source": "bench", "DetailType": "t", "Detail": json.dumps({"kind": "k7", "n": 1})}
            body = json.dumps({"Entries": [entry]}).encode()
            send = request("POST", "/", body, f"{_TARGETS}X-Amz-Target: AWSEvents.PutEvents\r\n")
            write = durable_write(beside, _EVENT)
            took = in_turns(20, 200 if thorough else 30, write=write, send=lambda: connection.timed(send))
            rate = per_second(server.port, 16, seconds, send)
    values = {"x a durable write": took["send"] / took["write"], "ms": took["send"], "a second from 16 clients": rate}
    return {"put-events-300": Numbers(values, f"write {took['write']:.2f} ms")}
