"""Deploys the function with plain boto3 and runs each of its operations; scripts/demo starts a platform for it first.

Against real AWS the same calls work: only the endpoint, the credentials and the role would be others.
"""

import argparse
import base64
import json
import os
import platform
import re
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import build
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

FUNCTION = "image-processing-service"
ROLE = "arn:aws:iam::000000000000:role/image-processing-service"
REPORT = re.compile(
    r"REPORT RequestId: \S+\tDuration: (?P<duration>[\d.]+) ms\tBilled Duration: (?P<billed>\d+) ms"
    r"\tMemory Size: \d+ MB\tMax Memory Used: (?P<memory>\d+) MB(?:\tInit Duration: (?P<init>[\d.]+) ms)?"
)


class Answer(NamedTuple):
    payload: Any
    error: bool
    """Whether the function failed (the payload is then its error)."""
    took_ms: float
    """Round trip, as the caller sees it."""
    log: str
    """The tail of the function's log."""


def connect(endpoint: str) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )


def wait_for(endpoint: str, seconds: float) -> dict[str, Any]:
    """What the platform's health page says, as soon as it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{endpoint}/_samovar/health", timeout=5) as response:
                return dict(json.load(response))
        except (OSError, ValueError) as error:
            if time.monotonic() > deadline:
                sys.exit(f"No Samovar answered at {endpoint} within {seconds:.0f} s ({error}). Start one: samovar up")
            time.sleep(0.1)


def deploy(client: Any, package: bytes, runtime: str, architecture: str) -> None:
    """Create the function, or bring the one that is there up to date."""
    settings = {"Runtime": runtime, "Handler": "handler.handler", "Role": ROLE, "MemorySize": 512, "Timeout": 30}
    try:
        client.create_function(
            FunctionName=FUNCTION, Code={"ZipFile": package}, Architectures=[architecture], **settings
        )
    except client.exceptions.ResourceConflictException:
        client.update_function_configuration(FunctionName=FUNCTION, **settings)
        client.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})
        client.update_function_code(FunctionName=FUNCTION, ZipFile=package, Architectures=[architecture])
        client.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})
    client.get_waiter("function_active_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})


def invoke(client: Any, event: dict[str, Any]) -> Answer:
    began = time.perf_counter()
    response = client.invoke(FunctionName=FUNCTION, LogType="Tail", Payload=json.dumps(event).encode())
    payload = json.loads(response["Payload"].read())
    took_ms = (time.perf_counter() - began) * 1000
    return Answer(payload, "FunctionError" in response, took_ms, base64.b64decode(response["LogResult"]).decode())


def run_operations(client: Any, table: Table, pictures: Path) -> Answer:
    """Run each operation, a row each; pictures go to files. Returns the first answer, the cold one."""
    first = invoke(client, {"operation": "ping"})
    table.add_row("ping", *row(first, repr(first.payload)))
    sample = save(client, table, pictures / "sample.png", "getSample")
    for operation in ("getDimensions", "identify"):
        answer = invoke(client, {"operation": operation, "base64Image": sample})
        table.add_row(operation, *row(answer, repr(answer.payload)))
    save(client, table, pictures / "resized.png", "resize", base64Image=sample, width=280)
    save(client, table, pictures / "thumbnail.png", "thumbnail", base64Image=sample, width=32)
    save(client, table, pictures / "converted.jpg", "convert", base64Image=sample, outputExtension="jpg")
    wrong = invoke(client, {"operation": "paint"})
    table.add_row("paint", *row(wrong, ""))
    return first


def save(client: Any, table: Table, file: Path, operation: str, **event: Any) -> str:
    """Run an operation that answers with a picture, and keep the picture; returns it as base64 text."""
    answer = invoke(client, {"operation": operation, **event})
    if answer.error:
        table.add_row(operation, *row(answer, ""))
        return ""
    data = base64.b64decode(answer.payload)
    file.write_bytes(data)
    table.add_row(operation, *row(answer, f"{file.name}, {len(data) / 1000:.1f} KB"))
    return str(answer.payload)


def row(answer: Answer, result: str) -> tuple[str, ...]:
    """The cells after the operation's name: the answer, and what the REPORT line says about it."""
    if answer.error:
        result = f"[red]{escape(answer.payload['errorType'])}[/]: {escape(shortened(answer.payload['errorMessage']))}"
    else:
        result = escape(shortened(result))
    report = REPORT.search(answer.log)
    if report is None:
        return result, "?", "?", "?", "?", f"{answer.took_ms:.1f}"
    init = f"[cyan]{report['init']}[/]" if report["init"] else "warm"
    return result, init, report["duration"], report["billed"], report["memory"], f"{answer.took_ms:.1f}"


def shortened(text: str, length: int = 40) -> str:
    """On one line of the table, more or less."""
    return text if len(text) <= length else text[: length - 1] + "…"


def hints(endpoint: str, pictures: Path) -> str:
    environment = f"AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION=us-east-1"
    keys = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
    return f"""\
The pictures are in {pictures}/. To go on with the AWS CLI (version 2):

  export {environment}
  export {keys}
  aws lambda invoke --function-name {FUNCTION} --cli-binary-format raw-in-base64-out \\
      --payload '{{"operation": "ping"}}' /dev/stdout
  aws lambda get-function-configuration --function-name {FUNCTION}
  aws logs tail /aws/lambda/{FUNCTION} --follow

or with boto3 (the same variables set; any AWS SDK does):

  client = boto3.client("lambda")
  picture = base64.b64encode(open("{pictures}/resized.png", "rb").read()).decode()
  event = json.dumps({{"operation": "getDimensions", "base64Image": picture}})
  client.invoke(FunctionName="{FUNCTION}", Payload=event)["Payload"].read()
"""


def demonstrate(endpoint: str, python: str, pictures: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=110)
    pictures.mkdir(parents=True, exist_ok=True)
    health = wait_for(endpoint, 30)
    version, level = (health.get(name, "not said") for name in ("version", "isolation"))
    console.print(f"Samovar {version} at {endpoint}, isolation: {level}")

    machine = platform.machine()
    package = build.build(build.HERE / "build" / "function.zip", python, machine).read_bytes()
    client = connect(endpoint)
    began = time.perf_counter()
    deploy(client, package, f"python{python}", "arm64" if machine in ("aarch64", "arm64") else "x86_64")
    took = time.perf_counter() - began
    size = f"{len(package) / 1e6:.1f} MB"
    console.print(f"Deployed {FUNCTION} (python{python}, Pillow in a package of {size}) in {took:.1f} s\n")

    table = Table("operation", "answer", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in ("init\nms", "duration\nms", "billed\nms", "memory\nMB", "round\ntrip ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    first = run_operations(client, table, pictures)
    console.print(table, soft_wrap=False)
    console.print("init: what a cold start added; warm: the environment was there already", style="dim")
    console.print("\nThe log of the first invocation, as Lambda writes it:\n")
    # Straight to the terminal: rich would turn the tabs into columns of its own.
    print("\n".join(f"  {line.expandtabs(2)}" for line in first.log.splitlines()))
    print()
    print(hints(endpoint, pictures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", default="http://127.0.0.1:4566")
    here = "{}.{}".format(*sys.version_info)
    parser.add_argument("--python", default=here, help="the function's Python (default: %(default)s)")
    parser.add_argument("--pictures", type=Path, default=Path("samovar-demo"), help="folder for the pictures")
    given = parser.parse_args()
    os.environ.pop("AWS_PROFILE", None)  # it may name one that isn't there
    try:
        demonstrate(given.endpoint, given.python, given.pictures)
    except (build.BuildError, BotoCoreError, ClientError) as error:
        sys.exit(f"The demo stopped: {error}")


if __name__ == "__main__":
    main()
