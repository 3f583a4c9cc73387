"""What signatures and permissions cost a warm request, where they count: in the process, without the network.

A signature is that of an invocation with 1 KB of payload, beside hashing that payload; a decision is a function's role
with a managed and an inline policy, asked whether it may send to a queue.
"""

import asyncio
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from measure import Numbers, in_turns

from samovar.core.clock import SystemClock
from samovar.core.context import Acting, Context
from samovar.core.meter import Meter
from samovar.gateway.authority import Authority
from samovar.gateway.identity import Identities
from samovar.net.message import Request
from samovar.services import iam, sqs, sts
from samovar.store.blobs import Blobs
from samovar.store.bodies import Bodies
from samovar.store.sqlite import open_store
from samovar.store.vault import Vault

_ACCOUNT = "123456789012"
_TIMES = 2000
_BODY = b'{"a":"' + b"x" * 1000 + b'"}'
_SENDS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:*:{_ACCOUNT}:jobs*"},
            {
                "Effect": "Deny",
                "Action": "sqs:*",
                "Resource": "*",
                "Condition": {"Bool": {"aws:ViaAWSService": "true"}},
            },
        ],
    }
)
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def costs(thorough: bool) -> dict[str, Numbers]:
    return asyncio.run(_costs(15.0 if thorough else 4.0, 15 if thorough else 5))


async def _costs(budget_s: float, rounds: int) -> dict[str, Numbers]:
    store = await open_store(None)
    folder = tempfile.TemporaryDirectory(prefix="samovar-bench-")
    try:
        authority, ctx, request = await _prepared(store, Path(folder.name))
        params: dict[str, Any] = {"QueueUrl": f"http://localhost/{_ACCOUNT}/jobs", "MessageBody": "x"}
        medians = in_turns(
            budget_s,
            rounds,
            signature=_each(lambda: authority.authenticate(request, "lambda", "lambda", "Invoke")),
            decision=_each(lambda: authority.admit(ctx, "sqs", "SendMessage", params, request)),
            hashing=_each(lambda: hashlib.sha256(_BODY).hexdigest()),
        )
    finally:
        await store.close()
        folder.cleanup()
    beside = f"sha256 of the body {medians['hashing']:.2g} us"
    return {
        "signature": Numbers({"us": medians["signature"]}, beside),
        "decision": Numbers({"us": medians["decision"]}, beside),
    }


def _each(work: Callable[[], object]) -> Callable[[], float]:
    """Microseconds of one."""

    def sample() -> float:
        began = time.perf_counter()
        for _ in range(_TIMES):
            work()
        return (time.perf_counter() - began) / _TIMES * 1e6

    return sample


async def _prepared(store: Any, folder: Path) -> tuple[Authority, Context, Request]:
    clock, vault, acting = SystemClock(), Vault.open(None), Acting()
    iam_service, directory, keys = await iam.build(store, clock, vault)
    sts_service, sessions = sts.build(directory, clock, vault, iam.account_of, iam.access_key_id)
    authority = Authority("on", Identities(keys, sessions), directory, clock)
    queues = await sqs.build(store, clock, Bodies(await Blobs.open(folder)), Meter(clock))
    for service in (iam_service, sts_service, queues):
        authority.attach(service)
    root = acting(_ACCOUNT, "us-east-1", f"arn:aws:iam::{_ACCOUNT}:root")
    run = iam_service.operations
    await run["createrole"](root, {"RoleName": "r", "AssumeRolePolicyDocument": _TRUST})
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    await run["attachrolepolicy"](root, {"RoleName": "r", "PolicyArn": basic})
    await run["putrolepolicy"](root, {"RoleName": "r", "PolicyName": "p", "PolicyDocument": _SENDS})
    role = f"arn:aws:iam::{_ACCOUNT}:role/r"
    made = sessions.of_function(
        role, _ACCOUNT, directory.id(role), "f", f"arn:aws:lambda:us-east-1:{_ACCOUNT}:function:f"
    )
    signed = AWSRequest("POST", "http://localhost:4566/2015-03-31/functions/f/invocations", {}, _BODY)
    SigV4Auth(Credentials(made.access_key, made.secret, made.token), "lambda", "us-east-1").add_auth(signed)
    headers = {"host": "localhost:4566", **{name.lower(): value for name, value in signed.headers.items()}}
    request = Request("POST", "/2015-03-31/functions/f/invocations", "", headers, _BODY)
    ctx = Context(_ACCOUNT, "us-east-1", "id", made.session.principal, "", acting, session=made.session)
    return authority, ctx, request
