"""Who signed a request, and for what: the credential scope. Signatures are not verified here.

Source: AWS "Signature Version 4", `Credential=KEY/YYYYMMDD/REGION/SERVICE/aws4_request` in the Authorization header, or
X-Amz-Credential in a presigned URL. A request without a scope, or with one that can't be read, has none; whether that
is allowed is the gateway's matter.
"""

from collections.abc import Mapping
from urllib.parse import unquote

import msgspec


class Scope(msgspec.Struct, frozen=True):
    access_key: str
    date: str
    """YYYYMMDD."""
    region: str
    """Empty when the signature is SigV4A, which covers several regions (X-Amz-Region-Set)."""
    service: str
    """The signing name: `lambda`, `logs`, `execute-api`."""


def scope(headers: Mapping[str, str], query: str) -> Scope | None:
    """The scope of a request (header names in lower case, `query` raw)."""
    return parse_credential(credential(headers, query))


def credential(headers: Mapping[str, str], query: str) -> str:
    """The text of it, which a client says again and again; empty where there is none."""
    authorization = headers.get("authorization")
    if authorization is not None:
        if not authorization.startswith("AWS4-"):
            return ""
        return authorization.partition("Credential=")[2].partition(",")[0].strip()
    if "X-Amz-Credential=" in query:
        for pair in query.split("&"):
            if pair.startswith("X-Amz-Credential="):
                return unquote(pair[17:])
    return ""


def parse_credential(credential: str) -> Scope | None:
    """`AKID/20260112/us-east-1/lambda/aws4_request` (SigV4) or `AKID/20260112/lambda/aws4_request` (SigV4A)."""
    parts = credential.split("/")
    if parts[-1] != "aws4_request":
        return None
    if len(parts) == 5:
        return Scope(parts[0], parts[1], parts[2], parts[3])
    if len(parts) == 4:
        return Scope(parts[0], parts[1], "", parts[2])
    return None
