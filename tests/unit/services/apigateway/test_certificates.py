"""Keys of client certificates lie closed in the store."""

import asyncio
import ssl

from samovar.core.clock import FakeClock
from samovar.core.context import Context
from samovar.services.apigateway.ops.certificates import generate_client_certificate
from samovar.services.apigateway.plane.certificates import ClientCertificates, seal
from samovar.services.apigateway.state import Api, Definition, Item, Rest
from samovar.store.sqlite import open_store
from samovar.store.vault import Vault
from samovar.web.account_rate import AccountRate
from samovar.web.domains import Domains


def test_a_key_lies_closed_on_the_disk_and_one_that_lay_open_is_closed(tmp_path):
    async def run():
        vault = Vault.open(tmp_path)

        async def opened(store, vault=vault):
            state = await Rest.open(
                store, FakeClock(), await Domains.open(store, FakeClock()), AccountRate(1.0), vault
            )
            await seal(state)
            return state

        store = await open_store(tmp_path)
        state = await opened(store)
        ctx = Context("1" * 12, "us-east-1", "r", "", "http://localhost", None)
        made = await generate_client_certificate(state, ctx, {})
        key = (ctx.account, ctx.region, made["clientCertificateId"])
        await store.close()
        assert not any(b"PRIVATE KEY" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())

        store = await open_store(tmp_path)
        state = await opened(store)
        api = Api(account=ctx.account, region=ctx.region, id="a", created_at=0.0, definition=Definition({}))
        assert isinstance(await ClientCertificates(state).context(api, key[2], True), ssl.SSLContext)
        plain = vault.open_sealed(state.certificate_keys.get(key).shape["sealed"], "key of a client certificate")
        await state.certificate_keys.put(key, Item({"key": plain.decode()}))
        await store.close()

        store = await open_store(tmp_path)
        state = await opened(store)
        assert list(state.certificate_keys.get(key).shape) == ["sealed"]
        assert isinstance(await ClientCertificates(state).context(api, key[2], False), ssl.SSLContext)
        state = await opened(store, Vault(bytes(32)))
        assert await ClientCertificates(state).context(api, key[2], True) is None
        await store.close()

    asyncio.run(run())
