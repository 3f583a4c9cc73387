"""One message: what it may hold, its MD5s, what a receiver sees of it (facts/sqs.md §2, §5). Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.sqs.errors import invalid, invalid_value, missing

MOST_ATTRIBUTES = 10

_BAD_CHARACTERS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[\w.-]{1,256}")
_RESERVED = re.compile(r"(aws|amazon)\.", re.IGNORECASE)
_TYPE = re.compile(r"(String|Number|Binary)(\..*)?", re.DOTALL)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_ID = re.compile(r"[!-~]{1,128}")
_TRACE = "AWSTraceHeader"


class Attribute(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    text: str = ""
    data: bytes = b""

    @property
    def is_binary(self) -> bool:
        return self.type.startswith("Binary")


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a message all but its body and what changes while it is in a queue."""

    id: str
    md5: str
    sender: str
    group: str = ""
    dedup: str = ""
    trace: str = ""
    attributes: dict[str, Attribute] = {}


class Received(msgspec.Struct, frozen=True):
    """A message as a receive found it. Times are epoch milliseconds."""

    box: int
    seq: int
    receives: int
    sent: int
    first_received: int
    source_arn: str
    envelope: Envelope
    body: str


def check_body(params: Params) -> str:
    body: str = params.get("MessageBody") or ""
    if not body:
        raise missing("MessageBody")
    if (not body.isascii() or not body.isprintable()) and _BAD_CHARACTERS.search(body):
        raise AwsError(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to "
            "#xFFFD | #x10000 to #x10FFFF",
        )
    return body


def attributes(given: Mapping[str, Params] | None) -> dict[str, Attribute]:
    """MessageAttributes of a request; AwsError for what can't be."""
    if not given:
        return {}
    if len(given) > MOST_ATTRIBUTES:
        raise invalid(f"Number of message attributes [{len(given)}] exceeds the allowed maximum [{MOST_ATTRIBUTES}].")
    return {name: _attribute(name, value or {}) for name, value in given.items()}


def trace_header(given: Mapping[str, Params] | None) -> Attribute | None:
    """The one system attribute that a sender may set."""
    for name, value in (given or {}).items():
        if name != _TRACE:
            raise invalid(f"Message system attribute name '{name}' is invalid. Must be one of: [{_TRACE}]")
        found = _attribute(name, value)
        if found.type != "String":
            raise invalid(f"Type for parameter {_TRACE} must be String.")
        return found
    return None


def size(body: str, attributes: Mapping[str, Attribute]) -> int:
    """What counts against the limit."""
    counted = len(body) if body.isascii() else len(body.encode())
    for name, value in attributes.items():
        counted += len(name.encode()) + len(value.type.encode()) + len(value.text.encode()) + len(value.data)
    return counted


def check_id(value: str | None, parameter: str) -> str:
    """A MessageGroupId or MessageDeduplicationId."""
    if value is None:
        return ""
    if not _ID.fullmatch(value):
        raise invalid_value(
            value,
            parameter,
            f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )
    return value


def md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of(attributes: Mapping[str, Attribute]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes, key=str.encode):
        value = attributes[name]
        for part in (name.encode(), value.type.encode()):
            digest.update(len(part).to_bytes(4, "big") + part)
        content = value.data if value.is_binary else value.text.encode()
        digest.update((b"\2" if value.is_binary else b"\1") + len(content).to_bytes(4, "big") + content)
    return digest.hexdigest()


def selected(attributes: Mapping[str, Attribute], names: Iterable[str]) -> dict[str, Attribute]:
    """Those that MessageAttributeNames asks for; illegal names find nothing and offend nobody."""
    exact: set[str] = set()
    prefixes: list[str] = []
    for name in names:
        if name in ("All", ".*", "*"):
            return dict(attributes)
        if name.endswith("*"):
            prefixes.append(name[:-2] if name.endswith(".*") else name[:-1])
        else:
            exact.add(name)
    beginnings = tuple(prefixes)
    return {name: value for name, value in attributes.items() if name in exact or name.startswith(beginnings)}


def system_attributes(message: Received, sequence: str) -> dict[str, str]:
    envelope = message.envelope
    found = {
        "SenderId": envelope.sender,
        "SentTimestamp": str(message.sent),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": str(message.first_received),
        "SequenceNumber": sequence,
        "MessageDeduplicationId": envelope.dedup,
        "MessageGroupId": envelope.group,
        "AWSTraceHeader": envelope.trace,
        "DeadLetterQueueSourceArn": message.source_arn,
    }
    return {name: value for name, value in found.items() if value}


def as_params(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    return {
        name: {"BinaryValue": value.data, "DataType": value.type}
        if value.is_binary
        else {"StringValue": value.text, "DataType": value.type}
        for name, value in attributes.items()
    }


def _attribute(name: str, value: Params) -> Attribute:
    _check_name(name)
    kind: str = value.get("DataType") or ""
    if not kind:
        raise invalid(f"Message (user) attribute '{name}' must contain a non-empty attribute type.")
    if value.get("StringListValues") or value.get("BinaryListValues"):
        raise AwsError(
            "UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported."
        )
    if not _TYPE.fullmatch(kind):
        raise invalid(
            f"Type for parameter MessageAttributes.Attribute_name.DataType must be prefixed with "
            f'"String", "Binary", or "Number", but was: {kind}'
        )
    if len(kind.encode()) > 256:
        raise invalid(f"Message (user) attribute '{name}' has a type longer than 256 bytes.")
    member = "BinaryValue" if kind.startswith("Binary") else "StringValue"
    content = value.get(member)
    if not content:
        base = kind.partition(".")[0]
        raise invalid(f"Message (user) attribute '{name}' must contain a non-empty value of type '{base}'.")
    if member == "BinaryValue":
        return Attribute(kind, data=content)
    if kind.startswith("Number") and not _NUMBER.fullmatch(content):
        raise invalid(f"Can't cast the value of message (user) attribute '{name}' to a number.")
    if _BAD_CHARACTERS.search(content):
        raise invalid(f"Message (user) attribute '{name}' contains characters that aren't valid.")
    return Attribute(kind, text=content)


def _check_name(name: str) -> None:
    if len(name.encode()) > 256:
        raise invalid("Message (user) attribute names must be shorter than 256 Bytes")
    if not _NAME.fullmatch(name):
        raise invalid(
            "Message (user) attributes name can only contain upper and lower score characters, digits, periods, "
            "hyphens and underscores. "
        )
    if _RESERVED.match(name) or name.startswith(".") or name.endswith(".") or ".." in name:
        raise invalid(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for "
            "internal use. Additionally, they cannot start or end with '.'."
        )
