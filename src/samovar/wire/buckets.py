"""How S3 requests say which operation they mean; nothing else speaks this way.

Owns: `BucketPaths`, the names of buckets in hosts, and S3's request ids. Rules (facts/s3.md §1): the path is
`/BUCKET/KEY` and what follows the second slash is the key, every byte of it, slashes and dots included; sub-resources
in the query, and required headers, choose among the operations of one path; `x-amz-*` in the query of a presigned URL
stands for a header.
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha384
from urllib.parse import unquote

import msgspec

from samovar.core.expressions import expression
from samovar.wire import text
from samovar.wire.shapes import Description, OperationShape, wire_name

_HOST = expression(r"(?P<bucket>.+)\.s3[.-]")
# Operations that share their request with a newer one, or need an endpoint of their own.
_SUPERSEDED = frozenset(
    {"GetBucketLifecycle", "PutBucketLifecycle", "GetBucketNotification", "PutBucketNotification"}
) | {"ListDirectoryBuckets", "WriteGetObjectResponse"}
_SIGNATURE = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature"}
)


class _Choice(msgspec.Struct, frozen=True):
    operation: str
    constants: tuple[tuple[str, str], ...]
    """In the query: `?acl`, `?list-type=2`."""
    demands: tuple[tuple[str, str], ...]
    """(location, name) of what the request must have besides."""


class BucketPaths:
    """The operations of the S3 model, by method and depth of the path."""

    def __init__(self, description: Description) -> None:
        self._choices: dict[tuple[str, int], list[_Choice]] = {}
        for shape in description.operations.values():
            if shape.name not in _SUPERSEDED:
                path, _, query = shape.http.request_uri.partition("?")
                choice = _Choice(shape.name, tuple(text.pairs(query)), _demands(description, shape))
                self._choices.setdefault((shape.http.method, path.count("{")), []).append(choice)

    def find(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
        """(operation, labels) for a raw path."""
        bucket, _, key = path[1:].partition("/")
        labels = {"Bucket": unquote(bucket), "Key": unquote(key)}
        depth = 2 if key else 1 if bucket else 0
        sent = dict(text.pairs(query))
        found = [
            choice
            for choice in self._choices.get((method, depth), ())
            if all(name in sent and value in ("", sent[name]) for name, value in choice.constants)
        ]
        if not found:
            return None
        most = max(len(choice.constants) for choice in found)
        found = sorted((c for c in found if len(c.constants) == most), key=lambda c: -len(c.demands))
        met = (c for c in found if all(n in (sent if w == "querystring" else headers) for w, n in c.demands))
        return next(met, found[-1]).operation, labels


def bucket_of_host(host: str) -> str:
    """The bucket that a host names (`BUCKET.s3.us-east-1.localhost`); empty: none, the path does."""
    named = _HOST.match(host) if ".s3" in host else None
    return named["bucket"] if named else ""


def is_bucket_host(host: str) -> bool:
    """Whether the host is S3's, with a bucket or without."""
    return host.startswith(("s3.", "s3-")) or bool(bucket_of_host(host))


def hoisted(query: str, headers: dict[str, str]) -> dict[str, str]:
    """The headers, with those that a presigned URL carries in its query."""
    if "x-amz-" not in query.lower():
        return headers
    carried = {name.lower(): value for name, value in text.pairs(query) if name.lower().startswith("x-amz-")}
    return {n: v for n, v in carried.items() if n not in _SIGNATURE} | headers


def request_ids(request_id: str) -> tuple[str, str]:
    """(x-amz-request-id, x-amz-id-2), in S3's looks, of a request."""
    digest = sha384(request_id.encode()).digest()
    return digest[:8].hex().upper(), b64encode(digest).decode()


def _demands(description: Description, shape: OperationShape) -> tuple[tuple[str, str], ...]:
    members = description.structure(shape.input)
    required = ((name, members.members[name]) for name in members.required)
    return tuple(
        (ref.location, wire_name(name, ref).lower() if ref.location == "header" else wire_name(name, ref))
        for name, ref in required
        if ref.location in ("querystring", "header")
    )
