"""Uploads by HTML forms: the fields, the policy that they are held to, and the answer.

Pure but for `read`. Source: facts/s3.md §3.4.
"""

import re
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.s3 import checksums, given
from samovar.wire.markup import escape

FIELDS_LIMIT: Final = 20 * 1024
"""Of everything before the file."""
_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?')
_HEADERS: Final = {
    "acl": "ACL", "cache-control": "CacheControl", "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding", "content-type": "ContentType", "expires": "Expires",
    "x-amz-storage-class": "StorageClass", "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "x-amz-server-side-encryption": "ServerSideEncryption",
}  # fmt: skip
_UNCOVERED: Final = frozenset({"policy", "x-amz-signature", "file", "awsaccesskeyid", "signature"})


class Form(msgspec.Struct, frozen=True):
    fields: dict[str, str]
    """Names in lower case."""
    filename: str
    file: AsyncIterator[bytes]
    """Read once."""


async def read(content_type: str, body: AsyncIterator[bytes]) -> Form:
    """The fields of a form up to its file. Raises AwsError for what isn't one."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise not_a_form()
    events = _events(PushMultipartParser(match[1]), body)
    fields: dict[str, str] = {}
    name, value, size = "", b"", 0
    async for event in events:
        if isinstance(event, MultipartSegment):
            name, value = event.name.lower(), b""
            if name == "file":
                return Form(fields, event.filename or "", _rest(events))
        elif event is None:
            fields[name] = value.decode(errors="replace")
        else:
            value += event
            size += len(event)
            if size > FIELDS_LIMIT:
                text = "Your POST request fields preceding the upload file were too large."
                raise AwsError("MaxPostPreDataLengthExceededError", text)
    text = "POST requires exactly one file upload per request."
    raise AwsError("InvalidArgument", text, ArgumentName="file", ArgumentValue=0)


def params(form: Form, bucket: str) -> Params:
    """What PutObject would be given for it."""
    key = form.fields.get("key", "")
    if not key:
        text = "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the "
        raise AwsError("InvalidArgument", text + "fields.", ArgumentName="key", ArgumentValue="")
    found: Params = {"Bucket": bucket, "Key": key.replace("${filename}", form.filename) if form.filename else key}
    found |= {member: form.fields[name] for name, member in _HEADERS.items() if form.fields.get(name)}
    metadata = {n.removeprefix("x-amz-meta-"): v for n, v in form.fields.items() if n.startswith("x-amz-meta-")}
    for algorithm in checksums.ALGORITHMS:
        value = form.fields.get(f"x-amz-checksum-{algorithm.lower()}")
        if value:
            found[checksums.member(algorithm)] = value
    return {**found, "Metadata": metadata}


def tags(form: Form) -> dict[str, str]:
    """The field `tagging` holds an XML document."""
    text = form.fields.get("tagging")
    if not text:
        return {}
    if "<!DOCTYPE" in text:
        raise given.malformed()
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise given.malformed() from None
    found = [
        {child.tag.rpartition("}")[2]: child.text or "" for child in element}
        for element in root.iter()
        if element.tag.rpartition("}")[2] == "Tag"
    ]
    return given.tag_set(found, of_object=True)


class Policy(msgspec.Struct, frozen=True):
    """What a policy leaves to be checked when the file has come."""

    least: int = 0
    most: int = 2**63


def check_policy(form: Form, wanted: Params, now: float) -> Policy:
    """Raises AccessDenied, InvalidPolicyDocument for fields that the form's policy doesn't cover."""
    encoded = form.fields.get("policy")
    if not encoded:
        return Policy()
    try:
        policy = msgspec.json.decode(b64decode(encoded, validate=True))
        expires = datetime.fromisoformat(policy["expiration"]).timestamp()
        conditions = policy["conditions"]
    except (ValueError, KeyError, TypeError, msgspec.DecodeError):
        raise AwsError("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.") from None
    if expires <= now:
        raise _denied("Policy expired.")
    fields = {**form.fields, "bucket": wanted["Bucket"], "key": wanted["Key"]}
    covered, bounds = set(_UNCOVERED), Policy()
    for condition in conditions:
        kind, name, value = _condition(condition)
        if kind == "content-length-range":
            bounds = Policy(int(name), int(value))
            continue
        covered.add(name)
        actual = fields.get(name, "")
        if not (actual == value if kind == "eq" else kind == "starts-with" and actual.startswith(value)):
            told = msgspec.json.encode(condition if isinstance(condition, list) else ["eq", f"${name}", value]).decode()
            raise _denied(f"Policy Condition failed: {told.replace(chr(44), ', ')}")
    extra = sorted(name for name in fields if name not in covered and not name.startswith("x-ignore-"))
    if extra:
        raise _denied(f"Extra input fields: {', '.join(extra)}")
    return bounds


def check_size(bounds: Policy, size: int) -> None:
    """Raises EntityTooSmall, EntityTooLarge."""
    if size > bounds.most:
        text = "Your proposed upload exceeds the maximum allowed size"
        raise AwsError("EntityTooLarge", text, ProposedSize=size, MaxSizeAllowed=bounds.most)
    if size < bounds.least:
        text = "Your proposed upload is smaller than the minimum allowed size"
        raise AwsError("EntityTooSmall", text, ProposedSize=size, MinSizeAllowed=bounds.least)


def document(location: str, bucket: str, key: str, etag: str) -> bytes:
    """The body of a 201."""
    named = f"<Location>{escape(location)}</Location><Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{named}<ETag>{escape(etag)}</ETag></PostResponse>'
    return text.encode()


def not_a_form() -> AwsError:
    condition = "Bucket POST must be of the enclosure-type multipart/form-data"
    text = "At least one of the pre-conditions you specified did not hold"
    return AwsError("PreconditionFailed", text, Condition=condition)


async def _events(
    parser: PushMultipartParser, body: AsyncIterator[bytes]
) -> AsyncIterator[MultipartSegment | bytes | None]:
    """Segments, their bytes, and None at the end of each."""
    try:
        async for part in body:
            for event in parser.parse(part):
                yield bytes(event) if isinstance(event, bytearray) else event
        parser.parse(b"")
    except MultipartError:
        text = "The body of your POST request is not well-formed multipart/form-data."
        raise AwsError("MalformedPOSTRequest", text) from None


async def _rest(events: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """The bytes of the segment that has just begun."""
    async for event in events:
        if event is None:
            break
        yield event
    async for _ in events:  # later fields are ignored
        pass


def _condition(condition: Any) -> tuple[str, str, str]:
    """(eq, starts-with or content-length-range; the field or the least size; the value or the largest size)."""
    if isinstance(condition, Mapping):
        if len(condition) != 1:
            text = "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property "
            raise AwsError("InvalidPolicyDocument", text + "specified.")
        [(name, value)] = condition.items()
        return "eq", name.lower(), str(value)
    if not isinstance(condition, list) or len(condition) != 3:
        raise AwsError("InvalidPolicyDocument", "Invalid Policy: Invalid condition.")
    kind, name, value = str(condition[0]).lower(), str(condition[1]), str(condition[2])
    if kind == "content-length-range" and not (name.isdigit() and value.isdigit()):
        raise AwsError("InvalidPolicyDocument", "Invalid Policy: Invalid content-length-range.")
    return kind, name.removeprefix("$").lower(), value


def _denied(why: str) -> AwsError:
    return AwsError("AccessDenied", f"Invalid according to Policy: {why}")
