"""The unique id of whoever sends: SenderId (facts/sqs.md §4). Pure."""

import base64
import hashlib

from samovar.core import arn


def unique_id(principal: str) -> str:
    """`principal` as a Context has it: an ARN, or the name of a service."""
    parts = arn.parse(principal)
    if parts is None:
        return _id("AIDA", principal)
    kind, _, name = parts.resource.partition("/")
    if kind == "root":
        return parts.account
    if kind == "assumed-role":
        role, _, session = name.partition("/")
        return f"{_id('AROA', f'{parts.account}/{role}')}:{session}"
    return _id("AROA" if kind == "role" else "AIDA", principal)


def _id(prefix: str, text: str) -> str:
    return prefix + base64.b32encode(hashlib.sha256(text.encode()).digest())[:17].decode()
