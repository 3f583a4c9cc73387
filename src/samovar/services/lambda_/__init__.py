"""AWS Lambda (boto3 client `lambda`).

Operations: CreateFunction, GetFunction, GetFunctionConfiguration, UpdateFunctionCode, UpdateFunctionConfiguration,
DeleteFunction, ListFunctions, Invoke (RequestResponse, DryRun). Keeps: table `lambda.functions`; a blob store of zips
and a directory of unpacked trees, both to itself. Runs what is invoked through the engine.
Facts: lambda-api.md §1-§5, §11; lambda-limits.md §1, §3.
"""

import platform
from collections.abc import Awaitable, Callable
from pathlib import Path

from samovar.core.clock import Clock
from samovar.core.service import Service, bind
from samovar.services.lambda_.code import LINK_PATH, CodeStore
from samovar.services.lambda_.function import Function
from samovar.services.lambda_.ops import functions, invoke
from samovar.services.lambda_.state import Engine, State
from samovar.store.blobs import Blobs
from samovar.store.sqlite import Store
from samovar.store.table import Table

__all__ = ["LINK_PATH", "Download", "Engine", "build"]

Download = Callable[[str, str], Awaitable[bytes | None]]
"""Path (below LINK_PATH) and query string of a request -> the zip, or None where there is nothing to see."""


async def build(
    store: Store, blobs: Blobs, trees: Path, engine: Engine, clock: Clock, machine: str = ""
) -> tuple[Service, Download]:
    """Start the service: its operations, and the door through which GetFunction's links download code.

    `blobs` and `trees` (the directory that the engine mounts packages from) must be this service's own: what no
    function names is swept. `machine` is the processor as `platform.machine()` says it.
    """
    architecture = {"aarch64": "arm64"}.get(machine or platform.machine(), machine or platform.machine())
    table = await Table.open(store, "lambda.functions", Function)
    code = CodeStore(blobs, trees, clock)
    state = State(table, code, engine, clock, architecture)
    await state.recover()
    operations, direct = bind(state, functions, invoke)
    return Service("lambda", operations, direct, close=state.close, reset=state.reset), code.download
