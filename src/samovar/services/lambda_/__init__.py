"""AWS Lambda (boto3 client `lambda`).

Operations: the public functions of `ops`. Keeps: the tables
`lambda.*`; a blob store of zips and a directory of unpacked trees, both to itself. Runs what is invoked through the
engine.
Facts: lambda-api.md §1-§6, §10, §11; lambda-limits.md §1-§3.
"""

import platform
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.service import Service, bind
from samovar.delivery.invocations import Invocations
from samovar.services.lambda_ import jobs, unpacking
from samovar.services.lambda_.access import access
from samovar.services.lambda_.asynchronous import Asynchronous
from samovar.services.lambda_.callrates import CallRates
from samovar.services.lambda_.code import KEPT_S, LINK_PATH, CodeStore
from samovar.services.lambda_.codesigning import CodeSigning
from samovar.services.lambda_.eventinvoke import EventInvoke
from samovar.services.lambda_.images import ImageStore
from samovar.services.lambda_.integration_door import IntegrationDoor
from samovar.services.lambda_.mappings import Mappings
from samovar.services.lambda_.ops import (
    account,
    aliases,
    concurrency,
    functions,
    invoke,
    layers,
    management,
    tags,
    versions,
)
from samovar.services.lambda_.ops import codesigning as codesigning_ops
from samovar.services.lambda_.ops import eventinvoke as eventinvoke_ops
from samovar.services.lambda_.ops import mappings as mappings_ops
from samovar.services.lambda_.ops import permissions as permissions_ops
from samovar.services.lambda_.ops import provisioned as provisioned_ops
from samovar.services.lambda_.ops import urls as urls_ops
from samovar.services.lambda_.permissions import Permissions
from samovar.services.lambda_.polling import Pollers, Polling
from samovar.services.lambda_.ports import Authority, Engine
from samovar.services.lambda_.provisioned import Provisions
from samovar.services.lambda_.runtimes import TABLE, Runtimes
from samovar.services.lambda_.selfmanaged import Bucket
from samovar.services.lambda_.settling import Settling
from samovar.services.lambda_.state import State
from samovar.services.lambda_.url_site import UrlSite
from samovar.services.lambda_.urls import Urls
from samovar.store.blobs import Blobs
from samovar.store.sqlite import Store

__all__ = ["KEPT_S", "LINK_PATH", "TABLE", "Download", "Engine", "ImageStore", "UrlSite", "build"]

Download = Callable[[str, str], Awaitable[bytes | None]]
"""Path (below LINK_PATH) and query string of a request -> the zip, or None where there is nothing to see."""


async def build(
    store: Store,
    blobs: Blobs,
    trees: Path,
    engine: Engine,
    clock: Clock,
    acting: Acting,
    machine: str = "",
    draw: Callable[[], float] = random.random,
    polled: Collection[str] = (),
    invocations: Invocations | None = None,
    runtimes: Runtimes = TABLE,
    pollers: Mapping[str, Pollers] = {},
    hot_reload: bool = False,
    authority: Authority | None = None,
    call_rates: bool = False,
    images: ImageStore | None = None,
    on_url: Callable[[], Awaitable[None]] | None = None,
) -> tuple[Service, Download, UrlSite, IntegrationDoor]:
    """Start the service: its operations, the door through which GetFunction's links download code, that of URLs, and
    that through which APIs run functions.

    `acting` makes the contexts in which Lambda reads code that stays in buckets. `blobs` and `trees` (the directory
    that the engine mounts packages from) must be this service's own: what no function names is swept. `machine` is the
    processor as `platform.machine()` says it. `draw` gives random numbers from 0 up to 1, for aliases that share out
    their invocations. `polled` are the event sources (their names in `sources.SOURCES`) from which something delivers,
    as well as those with `pollers`. `invocations` runs what is invoked asynchronously. `runtimes` are the identifiers
    that functions may have. `hot_reload`: whether their code may be folders of the host. `authority` says who may visit
    URLs that ask for signatures, and which roles functions may have. `call_rates`: whether callers are held to AWS's
    rates. `images`: where container images come from, and go. `on_url` is awaited before a URL is made.
    """
    architecture = {"aarch64": "arm64"}.get(machine or platform.machine(), machine or platform.machine())
    code = CodeStore(blobs, trees, clock, Bucket(acting))
    code.hot_reload = hot_reload
    code.images = images
    state = State(store, code, engine, clock, architecture, draw)
    state.runtimes = runtimes
    await state.open()
    state.authority = authority
    provisions = Provisions(state)
    Settling(state)
    watch = jobs.Watch(state)
    unpacking.attach(state)
    await state.recover()
    watch.start()
    operations, direct = bind(
        state, account, aliases, concurrency, functions, invoke, layers, management, tags, versions
    )
    permits = await Permissions.open(store, state)
    addresses = await Urls.open(store, state)
    addresses.on_url = on_url
    signing = await CodeSigning.open(store, state)
    sources = await Mappings.open(store, state, {*polled, *pollers})
    operations |= bind(permits, permissions_ops)[0] | bind(addresses, urls_ops)[0] | bind(signing, codesigning_ops)[0]
    operations |= bind(provisions, provisioned_ops)[0]
    configs = await EventInvoke.open(store, state)
    operations |= bind(configs, eventinvoke_ops)[0] | bind(sources, mappings_ops)[0]
    if invocations is not None:
        state.asynchronous = asynchronous = Asynchronous(state, configs, invocations)
        await asynchronous.start()

    polling = Polling(state, pollers)
    for each in pollers.values():
        each.functions = polling
    sources.start(polling)

    if call_rates:
        operations = CallRates(clock).limit(operations)

    async def close() -> None:
        watch.close()
        await sources.close()
        await state.close()
        if images is not None:
            await images.close()

    async def reset() -> None:
        for piece in (sources, signing, state):
            await piece.reset()

    site = UrlSite(addresses, permits, clock, authority)
    card = Service("lambda", operations, direct, close=close, reset=reset, access=access(state, permits))
    return card, code.download, site, IntegrationDoor(state, authority)
