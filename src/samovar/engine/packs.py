"""Runtime packs: AWS's client and SDK for a Python that Samovar's own copies don't fit, fetched with pip; AWS's SDK for
JavaScript for a Node.js, fetched with npm.

Owns: how a pack is made. A pack appears whole or not at all. An interpreter that doesn't need one is faster with one,
too: it then has the compiled parts for its own version.
"""

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_PACKAGES = ("awslambdaric", "boto3")
_LAST = {"3.8": ("boto3<1.38", "urllib3<1.27"), "3.9": ("boto3<1.43", "urllib3<1.27")}
"""The last releases for old interpreters. pip would look at conditions on the version for its own interpreter only."""
_CLIENTS = (
    "api-gateway apigatewaymanagementapi apigatewayv2 application-auto-scaling athena bedrock-runtime cloudformation "
    "cloudwatch cloudwatch-logs cognito-identity-provider dynamodb dynamodb-streams ecr elastic-load-balancing-v2 "
    "eventbridge firehose iam kinesis kms lambda rds-data s3 scheduler secrets-manager ses sesv2 sfn sns sqs ssm sts"
).split()
_BESIDE = "lib-dynamodb lib-storage s3-request-presigner util-dynamodb".split()
"""Of the SDK for JavaScript: AWS has all of its some 400 clients; more of them are asked for by name."""
_MORE = re.compile(r"(@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*(@[\w.^~-]+)?")
_WITHIN_S = 300.0


class PackFailed(Exception):
    """A pack could not be made; the message is pip's, or says what to do."""


def prepare(identifier: str, folder: Path, more: Sequence[str] = ()) -> None:
    """Make the pack of a runtime (`python3.9`, `nodejs22.x`) in `folder`; replaces one that is there. Takes seconds.
    `more`: further packages of npm."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{identifier}-", dir=folder.parent))
    try:
        if identifier.startswith("nodejs"):
            _fetch_with_npm(unfinished, more)
        else:
            _fetch(identifier.removeprefix("python"), unfinished)
        for needless in ("*.dist-info", "bin", "__pycache__", "node_modules/.bin"):
            for path in unfinished.glob(needless):
                shutil.rmtree(path)
        unfinished.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _fetch(version: str, target: Path) -> None:
    machine = platform.machine()
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-conflicts"]
    command += ["--target", str(target), "--python-version", version, "--implementation", "cp"]
    command += ["--only-binary", ":all:", "--platform", f"manylinux_2_28_{machine}"]
    command += ["--platform", f"manylinux2014_{machine}", "--platform", "any", *_PACKAGES, *_LAST.get(version, ())]
    _run("pip", command, "ERROR")


def _fetch_with_npm(target: Path, more: Sequence[str]) -> None:
    for wrong in (name for name in more if not _MORE.fullmatch(name)):
        raise PackFailed(f"{wrong!r} is not the name of an npm package")
    npm = shutil.which("npm")
    if npm is None:
        raise PackFailed("npm is not installed; it comes with Node.js, or as a package of its own")
    packages = [f"@aws-sdk/client-{name}" for name in _CLIENTS] + [f"@aws-sdk/{name}" for name in _BESIDE]
    command = [npm, "install", "--prefix", str(target), "--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev"]
    _run("npm", [*command, *packages, *more], "npm error")


def _run(tool: str, command: list[str], complaint: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise PackFailed(f"{tool} did not finish within {_WITHIN_S:.0f} s; is a package index reachable?") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith(complaint)] or [done.stderr.strip()]
        raise PackFailed("\n".join(errors) or f"{tool} failed without saying why")
