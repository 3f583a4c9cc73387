"""Kills the server at random moments while events flow from end to end, and counts what arrives.

    python pipeline.py [KILLS [EVENTS [SEED]]]

An object that is put into a bucket is told to a topic, which sends it to a queue, whose function sends its key to the
destination, another queue. Beside it, groups of a FIFO queue go through the same function to a FIFO destination. After
each kill -9 the server starts again on what the last one left. At the end every event that was acknowledged has
arrived, groups in their order, and no message is left in the queues between, visible or not. What arrived twice is
counted, by the step that sent it again: a kill costs at most a few, and of many events less than one in a hundred.
"""

import collections
import contextlib
import itertools
import json
import random
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from crew import Platform, faults

_BATCH, _AT_ONCE = 2, 2
_FACTOR = 0.01
_MANY = 1000
"""From so many events on, one kill doesn't decide the share of what came twice."""
_PUTTERS, _GROUPS = 3, 2
_FIFO_SHARE = 5
"""One message to the FIFO queue for so many objects."""
_LONGEST_S = 2.5
_SETTLE_S = 120
_VISIBILITY_S = "6"
_FLAGS = ("--prefork", "1", "--no-rate-limits")

_FUNCTION = """
    import boto3, json, urllib.parse
    sqs = boto3.client("sqs")
    urls = {name: sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("out", "out.fifo")}

    def handler(event, context):
        plain, ordered = [], []
        for record in event["Records"]:
            if record["eventSourceARN"].endswith(".fifo"):
                group = record["attributes"]["MessageGroupId"]
                more = {"MessageGroupId": group, "MessageDeduplicationId": record["body"]}
                ordered.append({"MessageBody": record["body"], **more})
                continue
            notification = json.loads(record["body"])
            for each in json.loads(notification["Message"]).get("Records", ()):  # none when it is the test event
                way = (each["s3"]["object"]["key"], notification["MessageId"], record["messageId"])
                plain.append({"MessageBody": " ".join(way)})
        for name, entries in (("out", plain), ("out.fifo", ordered)):
            for number, entry in enumerate(entries):
                entry["Id"] = str(number)
            if entries:
                answer = sqs.send_message_batch(QueueUrl=urls[name], Entries=entries)
                assert not answer.get("Failed"), answer
"""


class Pipeline:
    def __init__(self, data: Path, events: int, seed: int) -> None:
        self.data = data
        self.dice = random.Random(seed)
        self.events = events
        self.put: list[str] = []
        self.sent: list[str] = []
        """Acknowledged: objects, and messages of the FIFO queue."""
        self.refused: collections.Counter[str] = collections.Counter()
        self.kills = 0
        self.wrong: list[str] = []
        self.platform: Any = None
        self._keys = itertools.count()
        self._numbers = [itertools.count() for _ in range(_GROUPS)]

    def run(self, kills: int) -> None:
        began = time.monotonic()
        self._start()
        self._build()
        while self.kills < kills:
            threads = self._flow((self.kills + 1) * self.events // kills)
            time.sleep(self.dice.random() * _LONGEST_S)
            self.platform.process.kill()
            self.kills += 1
            for thread in threads:
                thread.join()
            self.platform.kill()
            self._start()
            if self.kills % 20 == 0:
                print(f"{self.kills} kills, {len(self.put)} events, {time.monotonic() - began:.0f} s", flush=True)
        for thread in self._flow(self.events):
            thread.join()
        self._judge()
        if self.platform.stop() != 0:
            self.wrong.append("the server didn't stop in order")

    def _start(self) -> None:
        self.platform = Platform("--data-dir", str(self.data), *_FLAGS)
        for service in ("s3", "sqs"):  # made before the threads want them
            self.platform.client(service)

    def _build(self) -> None:
        client = self.platform.client
        sqs, sns, s3 = client("sqs"), client("sns"), client("s3")
        arns = {}
        for name in ("in", "in.fifo", "out", "out.fifo"):
            fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
            url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": _VISIBILITY_S, **fifo})["QueueUrl"]
            arns[name] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        function = self.platform.deploy(_FUNCTION, name="f", Timeout=int(_VISIBILITY_S), MemorySize=512)
        for name in ("in", "in.fifo"):
            client("lambda").create_event_source_mapping(
                EventSourceArn=arns[name],
                FunctionName=function.name,
                BatchSize=_BATCH,
                ScalingConfig={"MaximumConcurrency": _AT_ONCE},
            )
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns["in"])
        s3.create_bucket(Bucket="bucket")
        wiring = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
        s3.put_bucket_notification_configuration(Bucket="bucket", NotificationConfiguration=wiring)

    def _flow(self, until: int) -> list[threading.Thread]:
        """Threads that send until so many objects are acknowledged, or the server is gone."""
        s3, sqs = self.platform.client("s3"), self.platform.client("sqs")
        url = f"{self.platform.endpoint}/123456789012/in.fifo"

        def put() -> None:
            key = f"k{next(self._keys)}"
            s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
            self.put.append(key)

        def send(group: int) -> None:
            body = f"{group}-{next(self._numbers[group]):06}"
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=str(group), MessageDeduplicationId=body)
            self.sent.append(body)

        jobs: list[tuple[Callable[[], None], list[str], int]] = [(put, self.put, until)] * _PUTTERS
        for group in range(_GROUPS):
            jobs.append((lambda group=group: send(group), self.sent, until // _FIFO_SHARE))  # type: ignore[misc]
        threads = [threading.Thread(target=self._sender, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        return threads

    def _sender(self, step: Callable[[], None], acknowledged: list[str], until: int) -> None:
        while len(acknowledged) < until:
            try:
                step()
            except BotoCoreError:
                self.refused["connection"] += 1
                return
            except ClientError as error:
                self.refused[error.response["Error"]["Code"]] += 1
                self.wrong.append(f"a server that lived refused: {error}")
                return

    def _judge(self) -> None:
        arrived = {"out": list[str](), "out.fifo": list[str]()}
        missing: list[str] = []

        def done() -> bool:
            for name, bodies in arrived.items():
                bodies += self._received(name)
            there = {body.partition(" ")[0] for bodies in arrived.values() for body in bodies}
            missing[:] = sorted({*self.put, *self.sent} - there)
            return not missing and not any(map(self._left, ("in", "in.fifo", "out", "out.fifo")))

        try:
            faults.until(done, within_s=_SETTLE_S)
        except AssertionError:
            left = {name: self._left(name) for name in ("in", "in.fifo", "out", "out.fifo")}
            self.wrong.append(f"{len(missing)} acknowledged events never arrived, such as {missing[:10]}; left: {left}")
        self._judge_twice(arrived["out"])
        self._judge_order(arrived["out.fifo"])

    def _judge_twice(self, bodies: list[str]) -> None:
        ways = [body.split(" ") for body in bodies]
        keys, notified, queued = (len({tuple(way[:parts]) for way in ways}) for parts in (1, 2, 3))
        twice = len(bodies) - keys
        print(f"arrived: {len(bodies)}, more than once: {twice} ({twice / len(self.put):.2%})", flush=True)
        print(f"by S3: {notified - keys}, SNS: {queued - notified}, SQS: {len(bodies) - queued}", flush=True)
        if twice > self.kills * _BATCH * _AT_ONCE:
            self.wrong.append(f"{twice} came again, which is more than functions can hold at {self.kills} kills")
        if len(self.put) >= _MANY and twice >= len(self.put) * _FACTOR:
            self.wrong.append(f"{twice} of {len(self.put)} came again")

    def _judge_order(self, bodies: list[str]) -> None:
        for group in range(_GROUPS):
            own = [body for body in bodies if body.startswith(f"{group}-")]
            if own != sorted(set(own)):
                at = next(number for number, (a, b) in enumerate(itertools.pairwise(own)) if a >= b)
                self.wrong.append(f"group {group} is out of order: {own[max(0, at - 3) : at + 5]}")

    def _received(self, name: str) -> Iterator[str]:
        """What is visible in a queue, which is then deleted."""
        sqs, url = self.platform.client("sqs"), f"{self.platform.endpoint}/123456789012/{name}"
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(found)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            yield from (each["Body"] for each in found)

    def _left(self, name: str) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        url = f"{self.platform.endpoint}/123456789012/{name}"
        found = self.platform.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))


def main() -> None:
    given = [int(text) for text in sys.argv[1:]]
    kills, events, seed = [*given, *(200, 5000, random.randrange(1_000_000))[len(given) :]]
    print(f"{kills} kills, {events} events, seed {seed}", flush=True)
    # A client whose server was killed while it answered leaves its socket to the garbage collector.
    warnings.simplefilter("ignore", ResourceWarning)
    with tempfile.TemporaryDirectory(prefix="samovar-pipeline-") as folder:
        pipeline = Pipeline(Path(folder), events, seed)
        try:
            pipeline.run(kills)
        finally:
            if pipeline.platform is not None:
                print(json.dumps({"said": pipeline.platform.said()}) if pipeline.wrong else "", file=sys.stderr)
                with contextlib.suppress(OSError):
                    pipeline.platform.forget()
    print(f"kills: {pipeline.kills}, events: {len(pipeline.put)}, in groups: {len(pipeline.sent)}")
    print("wrong:", len(pipeline.wrong))
    for text in pipeline.wrong[:30]:
        print(" ", text[:1000])
    sys.exit(bool(pipeline.wrong))


if __name__ == "__main__":
    main()
