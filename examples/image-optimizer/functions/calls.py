"""Counts the requests that a function's AWS clients send, as AWS counts them for the bill: tries again included."""

import collections
import os
from typing import Any

import boto3
from botocore.config import Config

COUNTED: collections.Counter[str] = collections.Counter()
"""`s3.PutObject` -> how many since the last `taken()`. An environment runs one invocation at a time."""


def client(service: str, **options: Any) -> Any:
    made = boto3.client(service, **options)
    made.meta.events.register(f"before-send.{service}", _count)
    return made


def public_client(service: str) -> Any:
    """A client whose links are for browsers: outside, the platform may have another address than in here."""
    config = Config(signature_version="s3v4")
    return boto3.client(service, endpoint_url=os.environ.get("PUBLIC_ENDPOINT") or None, config=config)


def taken() -> dict[str, int]:
    counted = dict(COUNTED)
    COUNTED.clear()
    return counted


def _count(event_name: str, **_: Any) -> None:
    _, service, operation = event_name.split(".")
    COUNTED[f"{service}.{operation}"] += 1
