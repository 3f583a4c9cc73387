"""A queue as the poller of one mapping uses it: in the name of the function's role, by SQS's own operations."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from samovar.core import arn
from samovar.core.arn import Arn
from samovar.core.context import Acting, Context, Params
from samovar.core.errors import AwsError
from samovar.delivery.mapping import Mapping, sqs_letter
from samovar.store.errors import StoreError
from samovar.store.sqlite import Statement

_MOST = 10
"""Messages of one receive, and of one delete."""

log = logging.getLogger("samovar.delivery")


class PolledQueue:
    def __init__(self, mapping: Mapping, acting: Acting, session: Callable[[], str]) -> None:
        """`session`: the ARN in whose name the function acts now; empty when it has none."""
        queue = arn.parse(mapping.source_arn)
        assert queue is not None, "a mapping's source was checked"
        self._arn = mapping.source_arn
        self._queue = queue
        self._acting = acting
        self._session = session

    @property
    def is_fifo(self) -> bool:
        return self._queue.resource.endswith(".fifo")

    async def receive(self, most: int, wait_s: int) -> list[Params]:
        """Ten messages at most."""
        asked = {
            "MaxNumberOfMessages": min(most, _MOST),
            "WaitTimeSeconds": wait_s,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        messages: list[Params] = (await self._call("ReceiveMessage", asked)).get("Messages", [])
        return messages

    async def delete(self, records: Sequence[Params], *also: Statement) -> bool:
        """Delete messages; whether `also` was committed with the first of them."""
        parts = [records[start : start + _MOST] for start in range(0, len(records), _MOST)]
        if len(parts) == 1:
            return await self._delete_some(parts[0], *also)
        deleted = await asyncio.gather(
            *(self._delete_some(part, *(() if number else also)) for number, part in enumerate(parts))
        )
        return bool(deleted) and deleted[0]

    async def hidden_s(self) -> float:
        """How long what was received stays hidden."""
        answer = await self._call("GetQueueAttributes", {"AttributeNames": ["VisibilityTimeout"]})
        return float(answer["Attributes"]["VisibilityTimeout"])

    async def dead_letters(self) -> Arn | None:
        """The queue for what can't be worked off, if there is one."""
        answer = await self._call("GetQueueAttributes", {"AttributeNames": ["RedrivePolicy"]})
        policy = answer.get("Attributes", {}).get("RedrivePolicy")
        return None if policy is None else arn.parse(msgspec.json.decode(policy)["deadLetterTargetArn"])

    async def move(self, record: Params, to: Arn) -> None:
        letter = sqs_letter(record)
        ctx = self._context(record["attributes"].get("AWSTraceHeader", ""))
        letter["QueueUrl"] = f"{ctx.endpoint}/{to.account}/{to.resource}"
        await ctx.call("sqs", "SendMessage", letter)
        await self.delete([record])

    async def _delete_some(self, records: Sequence[Params], *also: Statement) -> bool:
        entries = [
            {"Id": str(number), "ReceiptHandle": record["receiptHandle"]} for number, record in enumerate(records)
        ]
        try:
            await self._call("DeleteMessageBatch", {"Entries": entries}, *also)
        except (AwsError, StoreError) as error:  # they come again
            log.warning("cannot delete from %s: %s", self._arn, error)
            return False
        return True

    async def _call(self, operation: str, params: Params, *also: Statement) -> Params:
        ctx = self._context(also=also)
        url = f"{ctx.endpoint}/{self._queue.account}/{self._queue.resource}"
        return await ctx.call("sqs", operation, {"QueueUrl": url, **params})

    def _context(self, trace_id: str = "", also: tuple[Statement, ...] = ()) -> Context:
        session = self._session() or "lambda.amazonaws.com"
        return self._acting(self._queue.account, self._queue.region, session, trace_id=trace_id, handover=also)
