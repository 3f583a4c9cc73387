"""Buckets: small objects by the second, large ones beside what copying and hashing a file of their size takes."""

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import servers
from client import Connection, request
from measure import Numbers, durable_write, in_turns
from queues import per_second

_SIGNED = (
    "X-Amz-Date: 20260101T000000Z\r\n"
    "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/s3/aws4_request, "
    f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={'0' * 64}\r\n"
)
_SMALL = 4096
_LARGE = 100 * 1024 * 1024


def small(thorough: bool) -> dict[str, Numbers]:
    """PutObject and GetObject of 4 KB: by one client beside a durable write, and by sixteen at once."""
    seconds = 3.0 if thorough else 1.0
    body = os.urandom(_SMALL)
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as folder:
        data, beside = Path(folder, "data"), Path(folder, "beside")
        beside.mkdir()
        with servers.samovar("--data-dir", str(data)) as server, Connection(server.port) as connection:
            connection.exchange(request("PUT", "/bench", b"", _SIGNED))
            put, get = request("PUT", "/bench/%d", body, _SIGNED), request("GET", "/bench/0", b"", _SIGNED)
            first = put.replace(b"%d", b"0")
            connection.exchange(first)
            write = durable_write(beside, body)
            took = in_turns(20, 200 if thorough else 30, write=write, put=lambda: connection.timed(first))
            puts, gets = (per_second(server.port, 16, seconds, each) for each in (put, get))
    values = {"x a durable write": took["put"] / took["write"], "PUTs a second from 16": puts, "GETs a second": gets}
    return {"s3-small": Numbers(values, f"write {took['write']:.2f} ms, put {took['put']:.2f} ms")}


def large(thorough: bool) -> dict[str, Numbers]:
    """PutObject and GetObject of 100 MB on one connection, beside copying a file of that size and hashing it."""
    body = os.urandom(_LARGE)
    with tempfile.TemporaryDirectory(prefix="samovar-bench-") as folder:
        data, file = Path(folder, "data"), Path(folder, "file")
        file.write_bytes(body)
        with servers.samovar("--data-dir", str(data)) as server, Connection(server.port) as connection:
            connection.exchange(request("PUT", "/bench", b"", _SIGNED))
            put, get = request("PUT", "/bench/big", body, _SIGNED), request("GET", "/bench/big", b"", _SIGNED)
            took = in_turns(
                40,
                5 if thorough else 3,
                copy=lambda: _copy_and_hash(file),
                put=lambda: connection.timed(put),
                get=lambda: connection.timed(get),
            )
    values = {"of plain copying going in": took["copy"] / took["put"], "coming out": took["copy"] / took["get"]}
    beside = ", ".join(f"{name} {_LARGE / ms / 1000:,.0f} MB/s" for name, ms in took.items())
    return {"s3-large": Numbers(values, beside)}


def _copy_and_hash(file: Path) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    copy = file.with_suffix(".copy")
    shutil.copyfile(file, copy)
    with copy.open("rb") as opened:
        os.fsync(opened.fileno())
        hashlib.file_digest(opened, "sha256")
    copy.unlink()
    return (time.perf_counter() - began) * 1000
