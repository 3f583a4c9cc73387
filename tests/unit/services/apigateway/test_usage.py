"""What API keys have used is known before it is written."""

import asyncio
from datetime import UTC, date, datetime
from types import SimpleNamespace

from samovar.core.clock import FakeClock
from samovar.core.context import Context
from samovar.services.apigateway.ops import usage
from samovar.services.apigateway.plane.keys import Usage
from samovar.services.apigateway.state import Item, Rest
from samovar.store.sqlite import open_store
from samovar.store.vault import Vault
from samovar.web.account_rate import AccountRate
from samovar.web.domains import Domains

CTX = Context("1" * 12, "us-east-1", "r", "", "http://localhost", None)
KEY = (CTX.account, CTX.region, "plan", "key")
QUOTA = {"limit": 3, "period": "DAY"}


def test_what_was_just_counted_is_shown_and_an_extension_counts_from_there(tmp_path):
    async def run():
        clock = FakeClock(1_700_000_000.0)
        store = await open_store(None)
        state = await Rest.open(
            store, clock, await Domains.open(store, clock), AccountRate(1.0), Vault.open(tmp_path)
        )
        await state.plans.put(KEY[:3], Item({"id": "plan", "apiStages": [], "quota": QUOTA}))
        await state.plan_keys.put(KEY, Item({}))
        counted = Usage(state)
        desk, today = SimpleNamespace(state=state, usage=counted), _today(clock)

        def take(times):
            return [counted.take(KEY, QUOTA, today) for _ in range(times)]

        assert take(4) == [True, True, True, False]
        asked = {"usagePlanId": "plan", "startDate": today.isoformat(), "endDate": today.isoformat()}
        assert (await usage.get_usage(desk, CTX, asked))["items"] == {"key": [[3, 0]]}
        more = [{"op": "replace", "path": "/remaining", "value": "2"}]
        given = {"usagePlanId": "plan", "keyId": "key", "patchOperations": more}
        assert (await usage.update_usage(desk, CTX, given))["items"] == {"key": [[3, 2]]}
        assert take(1) == [True]
        assert (await usage.update_usage(desk, CTX, given))["items"] == {"key": [[4, 2]]}
        assert take(3) == [True, True, False]
        await counted.close()
        await store.close()

    asyncio.run(run())


def _today(clock: FakeClock) -> date:
    return datetime.fromtimestamp(clock.now(), UTC).date()
