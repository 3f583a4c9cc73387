"""What the platform calls by itself goes through the gateway's table, in the name of a service."""

import asyncio

from samovar.core.context import Acting, Context, Params


class Table:
    def __init__(self) -> None:
        self.seen: list[tuple[Context, str, str, Params]] = []

    async def call(self, ctx: Context, service: str, operation: str, params: Params) -> Params:
        self.seen.append((ctx, service, operation, params))
        return {"MessageId": "1"}


def test_calls_made_before_there_is_a_gateway_wait_for_it() -> None:
    async def test() -> None:
        acting, table = Acting(), Table()
        ctx = acting("123456789012", "eu-west-1", "events.amazonaws.com", "arn:aws:events:::rule/r", "Root=1")
        call = asyncio.ensure_future(ctx.call("sqs", "SendMessage", {"QueueUrl": "q"}))
        await asyncio.sleep(0)
        acting.attach(table, "http://127.0.0.1:4566")
        assert await call == {"MessageId": "1"}
        [(seen, *rest)] = table.seen
        assert rest == ["sqs", "SendMessage", {"QueueUrl": "q"}]
        assert (seen.account, seen.region, seen.principal) == ("123456789012", "eu-west-1", "events.amazonaws.com")
        assert (seen.source_arn, seen.trace_id) == ("arn:aws:events:::rule/r", "Root=1")
        assert seen.endpoint == "http://127.0.0.1:4566"

    asyncio.run(test())


def test_a_call_that_is_given_up_while_it_waits_doesnt_hinder_the_others() -> None:
    async def test() -> None:
        acting, table = Acting(), Table()
        ctx = acting("123456789012", "eu-west-1", "lambda.amazonaws.com")
        given_up, other = (asyncio.ensure_future(ctx.call("sns", "Publish", {})) for _ in range(2))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait([given_up])
        acting.attach(table, "http://here")
        assert await other == {"MessageId": "1"}
        assert acting("1", "r", "p").endpoint == "http://here"
        assert acting("1", "r", "p").request_id != ctx.request_id

    asyncio.run(test())
