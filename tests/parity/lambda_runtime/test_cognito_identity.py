"""A caller behind an identity pool of Amazon Cognito: the function is told who it is (facts/lambda-runtime.md §1, §8).

The credentials are what AssumeRoleWithWebIdentity gives for such a pool's token, whose keys nobody but AWS has: so they
are made here, sealed as the server seals its own.
"""

import json
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from samovar.core.clock import SystemClock
from samovar.services.iam.names import access_key_id
from samovar.services.sts.sessions import Sessions
from samovar.store.vault import Vault

ACCOUNT = "123456789012"
IDENTITY = "us-east-1:6f2b5f4e-0000-4000-8000-000000000001"
POOL = "us-east-1:0a1b2c3d-0000-4000-8000-000000000002"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/guest"
CONTEXT = "eyJjdXN0b20iOnsiYSI6IjEifX0="
PYTHON = """
    def handler(event, context):
        given, identity = context.client_context, context.identity
        return [given and given.custom, identity.cognito_identity_id, identity.cognito_identity_pool_id]
"""
NODE = """
exports.handler = async (event, { clientContext, identity }) =>
  [clientContext?.custom ?? null, identity?.cognitoIdentityId ?? null, identity?.cognitoIdentityPoolId ?? null];
"""


@pytest.fixture(scope="module")
def server(platforms: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """A platform, and a client of Lambda with the credentials of an identity."""
    data: Path = tmp_path_factory.mktemp("data")
    platform = platforms("--data-dir", str(data))
    made = Sessions(SystemClock(), Vault.open(data), access_key_id).make(
        3600,
        ACCOUNT,
        principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/guest/CognitoIdentityCredentials",
        user_id="AROA:CognitoIdentityCredentials",
        issuer=ROLE,
        role=True,
        facts={"cognito-identity.amazonaws.com:sub": IDENTITY, "cognito-identity.amazonaws.com:aud": POOL},
    )
    guest = boto3.client(
        "lambda",
        region_name="us-east-1",
        endpoint_url=platform.endpoint,
        aws_access_key_id=made.access_key,
        aws_secret_access_key=made.secret,
        aws_session_token=made.token,
    )
    yield platform, guest
    assert platform.stop() == 0


def answer(client: Any, name: str, **options: Any) -> Any:
    return json.loads(client.invoke(FunctionName=name, **options)["Payload"].read())


@pytest.mark.root
@pytest.mark.parametrize("wrapped", [False, True], ids=["as it is", "behind a wrapper"])
@pytest.mark.parametrize("runtime", ["python", "nodejs20.x"])
def test_the_identity_and_its_pool_reach_the_function_beside_the_client_context(
    server: tuple[Any, Any], runtime: str, wrapped: bool
) -> None:
    """Behind a wrapper script, a runtime asks the Runtime API, as any custom one does."""
    if runtime != "python" and shutil.which("node") is None:
        pytest.skip("there is no node on this machine")
    code = {"h.py": textwrap.dedent(PYTHON)} if runtime == "python" else {"h.js": NODE}
    configuration: dict[str, Any] = {} if runtime == "python" else {"Runtime": runtime}
    if wrapped:
        code["wrap"] = '#!/bin/sh\nexec "$@"\n'
        variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}
        configuration |= {"modes": {"wrap": 0o755}, "Environment": {"Variables": variables}}
    platform, guest = server
    function = platform.deploy(code, **configuration)
    assert answer(guest, function.name, ClientContext=CONTEXT) == [{"a": "1"}, IDENTITY, POOL]
    assert answer(guest, function.name) == [None, IDENTITY, POOL]
    assert function(ClientContext=CONTEXT).result == [{"a": "1"}, None, None]  # the next caller is nobody of a pool's
    assert function().result == [None, None, None]
