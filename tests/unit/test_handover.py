"""What the platform delivers to itself ends in the transaction in which it arrives, so no crash delivers it twice."""

import asyncio
import io
import json
import zipfile
from pathlib import Path

import pytest
import uvloop

from samovar.app.platform import App
from samovar.core.errors import AwsError
from samovar.delivery.queue import Ack
from samovar.settings import Settings

ACCOUNT, REGION = "123456789012", "us-east-1"
FIFO = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
ENTRY = {"Source": "s", "DetailType": "t", "Detail": "{}"}
DELIVERIES = [
    ("sqs", "SendMessage", {"QueueUrl": f"{ACCOUNT}/q", "MessageBody": "m"}),
    ("sqs", "SendMessage", {"QueueUrl": f"{ACCOUNT}/q.fifo", "MessageBody": "m", **FIFO}),
    ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t", "Message": "m"}),
    ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t.fifo", "Message": "m", **FIFO}),
    ("events", "PutEvents", {"Entries": [ENTRY]}),
    ("lambda", "Invoke", {"FunctionName": "f", "InvocationType": "Event", "Payload": b"{}"}),
]


async def _furnish(app: App) -> None:
    ctx = app.acting(ACCOUNT, REGION, f"arn:aws:iam::{ACCOUNT}:root")
    for name in ("q", "q.fifo"):
        fifo = name.endswith("fifo")
        queue = {"FifoQueue": "true"} if fifo else {}
        await ctx.call("sqs", "CreateQueue", {"QueueName": name, "Attributes": queue})
        topic = {"FifoTopic": "true"} if fifo else {}
        await ctx.call("sns", "CreateTopic", {"Name": name.replace("q", "t"), "Attributes": topic})
    await ctx.call("events", "PutRule", {"Name": "r", "EventPattern": json.dumps({"source": ["s"]})})
    target = {"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}
    await ctx.call("events", "PutTargets", {"Rule": "r", "Targets": [target]})
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("f.py", "def handler(event, context): pass")
    function = {"FunctionName": "f", "Runtime": "provided.al2023", "Handler": "f.handler"}
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    made = await ctx.call("lambda", "CreateFunction", {**function, "Role": role, "Code": {"ZipFile": code.getvalue()}})
    while made["State"] == "Pending":
        await asyncio.sleep(0.01)
        made = await ctx.call("lambda", "GetFunctionConfiguration", {"FunctionName": "f"})


def test_queues_topics_buses_and_functions_end_a_delivery_as_they_take_it(tmp_path: Path) -> None:
    async def check() -> None:
        async with App(Settings(port=0, ephemeral=True, isolation="process")) as app:
            await _furnish(app)
            for service, operation, params in DELIVERIES:
                ack = Ack(("SELECT 1", ()))
                ctx = app.acting(ACCOUNT, REGION, "events.amazonaws.com", handover=(ack,))
                await ctx.call(service, operation, params)
                assert ack.committed, (service, params)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(check(), 60))


def test_who_refuses_it_ends_nothing() -> None:
    async def check() -> None:
        async with App(Settings(port=0, ephemeral=True, isolation="process")) as app:
            ack = Ack(("SELECT 1", ()))
            ctx = app.acting(ACCOUNT, REGION, "events.amazonaws.com", handover=(ack,))
            with pytest.raises(AwsError, match="does not exist"):
                await ctx.call("sqs", "SendMessage", {"QueueUrl": f"{ACCOUNT}/gone", "MessageBody": "m"})
            assert not ack.committed

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(check(), 60))
