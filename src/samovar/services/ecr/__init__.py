"""Amazon ECR (boto3 client `ecr`): private repositories of container images, and the door that docker pushes to.

Operations: `ops/`. The registry's protocol: `door/`. Keeps: the tables `ecr.repositories` and `ecr.registries`; by SQL
`ecr_images`, `ecr_tags`, `ecr_references`, `ecr_layers`, `ecr_uploads`; the bytes of layers in files. Links: events go
through the outbox of `delivery`; the bytes of layers are open to who runs images (`core/images.ImageBytes`). Not here:
scanning of images, replication, pull through caches, creation templates, archives, signing.
"""

import asyncio
from pathlib import Path

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.images import ImageBytes
from samovar.core.service import Service, bind
from samovar.delivery.outbox import Outbox
from samovar.services.ecr import jobs
from samovar.services.ecr.access import access
from samovar.services.ecr.door.call import Admit, Entrance
from samovar.services.ecr.door.site import Door
from samovar.services.ecr.events import Events
from samovar.services.ecr.house import House
from samovar.services.ecr.index import Index
from samovar.services.ecr.ops import images, layers, lifecycle, policies, registry, repositories, tags
from samovar.services.ecr.records import Registry, Repository
from samovar.services.ecr.state import Ecr
from samovar.services.ecr.tokens import Tokens, Vault
from samovar.services.ecr.uploads import Uploads
from samovar.services.ecr.view import Addresses
from samovar.store.files import Files
from samovar.store.sqlite import Store
from samovar.store.table import Table

__all__ = ["Door", "build"]


async def build(
    store: Store,
    folder: Path,
    clock: Clock,
    outbox: Outbox,
    acting: Acting,
    vault: Vault,
    admit: Admit,
    home: tuple[str, str],
    locked: bool,
) -> tuple[Service, Door, ImageBytes]:
    """`folder`: where layers go; `home`: (account, region) of the registry at the platform's own address; `locked`:
    nobody comes through the door without a password."""
    index = await Index.open(store)
    files = await Files.open(folder / "layers")
    await files.sweep(await index.files())
    uploads = Uploads(folder / "uploads", files, index, clock)
    await uploads.recover()
    repositories_table = await Table.open(store, "ecr.repositories", Repository)
    registries = await Table.open(store, "ecr.registries", Registry)
    state = Ecr(repositories_table, registries, index, files, uploads, Events(outbox), clock)
    tokens = Tokens(vault, clock)

    sweeping = asyncio.create_task(jobs.run(state, acting), name="ecr-sweep")

    async def close() -> None:
        sweeping.cancel()
        await asyncio.wait([sweeping])

    modules = (images, layers, lifecycle, policies, registry, repositories, tags)
    operations, direct = bind(House(state, tokens, Addresses(home)), *modules)
    service = Service("ecr", operations, direct, close, state.clear, access(state))
    return service, Door(state, Entrance(state, tokens, admit, home, locked)), state
