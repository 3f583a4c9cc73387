"""S3: buckets, objects, versions, multipart uploads, notifications (facts/s3.md).

Operations: `ops/`. State: the table `s3_buckets`; by SQL `s3_versions`, `s3_uploads`, `s3_parts`; the bytes of larger
objects in files. Links: notifications go through the outbox of `delivery`. Not here: ACLs that give something to
others, website hosts, access logs, replication, inventory, S3 Select, access points, SSE-C.
"""

import asyncio
from pathlib import Path

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.service import Service, bind
from samovar.delivery.outbox import Outbox
from samovar.services.s3 import jobs
from samovar.services.s3.access import access
from samovar.services.s3.browsers import Admit, Browsers
from samovar.services.s3.content import Contents
from samovar.services.s3.index import Index
from samovar.services.s3.ops import annotations, buckets, deletes, lists, multipart, notifications, objects, settings
from samovar.services.s3.records import Bucket
from samovar.services.s3.state import S3
from samovar.services.s3.targets import Notifications
from samovar.store.files import Files
from samovar.store.sqlite import Store
from samovar.store.table import Table

__all__ = ["Browsers", "build"]


async def build(
    store: Store, folder: Path, clock: Clock, outbox: Outbox, acting: Acting, admit: Admit
) -> tuple[Service, Browsers]:
    """`folder`: where the bytes of objects go; `admit` says who signed a form."""
    index = await Index.open(store)
    contents = Contents(await Files.open(folder))
    await contents.sweep(await index.files())
    buckets_table = await Table.open(store, "s3_buckets", Bucket)
    state = S3(buckets_table, index, contents, clock, Notifications(outbox, acting))

    sweeping = asyncio.create_task(jobs.run(state, acting), name="s3-lifecycle")

    async def close() -> None:
        sweeping.cancel()
        await asyncio.wait([sweeping])

    async def reset() -> None:
        await buckets_table.clear()
        await index.clear()
        await contents.sweep(set())

    modules = (annotations, buckets, deletes, lists, multipart, notifications, objects, settings)
    operations, direct = bind(state, *modules)
    return Service("s3", operations, direct, close, reset, access(state)), Browsers(state, admit)
