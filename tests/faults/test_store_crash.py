"""kill -9 of a process in the midst of its writes: what it was told is there is there, and nothing is half there.

(A killed process loses what it held in memory, not what the kernel holds: that the disk was asked is shown by
`test_nothing_is_acknowledged_before_the_disk_was_asked`.)
"""

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from samovar.store.blobs import Blobs
from samovar.store.sqlite import open_store

WRITER = """
import asyncio, pathlib, sys
from samovar.store.blobs import Blobs
from samovar.store.sqlite import open_store

async def main():
    directory = pathlib.Path(sys.argv[1])
    store = await open_store(directory)
    blobs = await Blobs.open(directory / "blobs")
    await store.migrate("pairs", ["CREATE TABLE pairs (k TEXT NOT NULL, side TEXT NOT NULL, PRIMARY KEY (k, side))"])
    print("ready", flush=True)

    async def write(producer):
        for number in range(1_000_000):
            key = f"{sys.argv[2]}-{producer}-{number}"
            await store.transact(*(("INSERT INTO pairs (k, side) VALUES (?, ?)", (key, side)) for side in "ab"))
            print("pair", key, flush=True)
            if number % 20 == 0:
                print("blob", await blobs.put(key.encode() * 1000), flush=True)

    await asyncio.gather(*(write(producer) for producer in range(8)))

asyncio.run(main())
"""


def write_until_killed(directory: Path, round_: int, seconds: float) -> tuple[set[str], set[str]]:
    """The pairs and blobs that a writer had acknowledged when it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, directory, str(round_)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(seconds)  # the point of the kill is random on purpose; nothing waits for it
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().split("\n")[:-1]  # a line that was cut short was not acknowledged
    acknowledged: dict[str, set[str]] = {"pair": set(), "blob": set()}
    for line in lines:
        kind, what = line.split()
        acknowledged[kind].add(what)
    return acknowledged["pair"], acknowledged["blob"]


def test_every_acknowledged_write_survives_kill_9_and_none_is_torn(tmp_path: Path) -> None:
    pairs: set[str] = set()
    digests: set[str] = set()
    rng = random.Random(os.urandom(8))

    async def check() -> None:
        store = await open_store(tmp_path)
        sides = await store.query("SELECT k, count(*) FROM pairs GROUP BY k")
        assert pairs <= {key for key, _ in sides}
        assert {count for _, count in sides} <= {2}, "a transaction is there entirely or not at all"
        assert await store.query("PRAGMA integrity_check") == [("ok",)]
        await store.close()
        blobs = await Blobs.open(tmp_path / "blobs")
        for digest in digests | {path.name for path in (tmp_path / "blobs").glob("??/*")}:
            await blobs.get(digest)

    for round_ in range(15):
        more_pairs, more_digests = write_until_killed(tmp_path, round_, rng.uniform(0.0, 0.1))
        pairs |= more_pairs
        digests |= more_digests
        asyncio.run(check())
    assert pairs, "the rounds must have acknowledged something"


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace to watch fsync")
def test_nothing_is_acknowledged_before_the_disk_was_asked(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, pathlib, sys\n"
        "from samovar.store.sqlite import open_store\n"
        "async def main():\n"
        "    store = await open_store(pathlib.Path(sys.argv[1]))\n"
        "    await store.transact(('CREATE TABLE t (k TEXT)', ()))\n"
        "    for _ in range(5):\n"
        "        await store.transact(('INSERT INTO t (k) VALUES (1)', ()))\n"
        "        os.write(1, b'acknowledged')\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-o", trace]
    subprocess.run([*strace, sys.executable, "-c", script, tmp_path / "d"], check=True, capture_output=True)
    synced = 0
    acknowledged = 0
    for line in trace.read_text().splitlines():
        synced += bool(re.search(r"sync(\(\d+\)| resumed.*\)) += 0", line))
        if '"acknowledged"' in line:
            assert synced, "an acknowledgement without a sync before it"
            acknowledged, synced = acknowledged + 1, 0
    assert acknowledged == 5
