"""Truststores of custom domains, read from S3 when a domain is configured, and at no other time.

Owns: what `MutualTlsAuthentication` may say, and what it comes to. Rules: it is read as the caller, who must be allowed
to; what was read stays with the domain, so that a new object counts when the domain is updated (AWS's guide, "Updating
your truststore"). Where AWS's words aren't documented they are ours.
"""

import re
from collections.abc import AsyncIterable, Mapping
from typing import Any

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.web import mutual_tls

_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
_LARGEST = 1024 * 1024
_MOST = 1000
"""Certificates."""


class Truststore(msgspec.Struct, frozen=True):
    shown: dict[str, Any] | None = None
    """`MutualTlsAuthentication`, under the names of version 2; None: clients aren't asked for certificates."""
    text: str = ""


async def read(
    ctx: Context, given: Mapping[str, Any], clock: Clock, configurations: list[dict[str, Any]]
) -> Truststore:
    """What a domain with these configurations is to ask of its clients; AwsError when it can't be had."""
    uri, version = given.get("TruststoreUri") or "", given.get("TruststoreVersion") or ""
    if not uri:
        if version and "TruststoreUri" not in given:
            raise _bad("A truststore version needs a truststore URI.")
        return Truststore()
    check(configurations)
    content = await _content(ctx, uri, version)
    count, warnings = mutual_tls.examined(content, clock.machine())
    if not count:
        raise _bad(f"The truststore {uri} has no certificate.")
    if count > _MOST:
        raise _bad(f"The truststore {uri} has more than {_MOST} certificates.")
    shown: dict[str, Any] = {"TruststoreUri": uri}
    if version:
        shown["TruststoreVersion"] = version
    if warnings:
        shown["TruststoreWarnings"] = warnings
    return Truststore(shown, content.decode("latin-1"))


def check(configurations: list[dict[str, Any]]) -> None:
    """That a domain with these configurations may ask for certificates."""
    for each in configurations:
        if each["EndpointType"] != "REGIONAL":
            raise _bad("Mutual TLS authentication is supported for REGIONAL domain names only.")
        if each["SecurityPolicy"] == "TLS_1_0":
            raise _bad("Mutual TLS authentication requires the security policy TLS_1_2.")


async def _content(ctx: Context, uri: str, version: str) -> bytes:
    named = _URI.fullmatch(uri)
    if named is None:
        raise _bad(f"Invalid S3 URI specified: {uri}. Expected s3://bucket-name/key-name.")
    object = {"Bucket": named[1], "Key": named[2]} | ({"VersionId": version} if version else {})
    try:
        answer = await ctx.call("s3", "GetObject", object)
    except AwsError as error:
        raise _bad(f"The truststore {uri} can't be read: {error.message}") from None
    body: bytes | AsyncIterable[bytes] = answer["Body"]
    if answer["ContentLength"] > _LARGEST:
        raise _bad(f"The truststore {uri} is larger than {_LARGEST} bytes.")
    return body if isinstance(body, bytes) else b"".join([part async for part in body])


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message)
