"""A published message: what it may be, and what subscribers of each protocol get (facts/sns.md §2, §5). Pure."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.sns.errors import invalid

_NAME = re.compile(r"[A-Za-z0-9_.-]*")
_TYPE = re.compile(r"(String|Number|Binary)(\..*)?", re.DOTALL)
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,99}")

NOTIFICATION, CONFIRM, UNSUBSCRIBED = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """Goes to disk: members may only be added, with defaults."""

    id: str
    topic_arn: str
    text: str
    timestamp: str
    """`2026-11-21T23:30:00.123Z`."""
    kind: str = NOTIFICATION
    subject: str | None = None
    attributes: dict[str, dict[str, str]] = {}
    """`{"name": {"Type": "String", "Value": "x"}}`; binary values as base64."""
    structure: dict[str, str] | None = None
    """By protocol, when MessageStructure is json; `text` is its default."""
    group: str = ""
    dedup: str = ""
    sequence: str = ""
    """Of FIFO topics, which sign nothing."""
    signature_version: str = "1"
    signatures: dict[str, str] = {}
    """By the text that is signed."""
    token: str = ""
    trace: str = ""

    def for_protocol(self, protocol: str) -> str:
        """The text that a protocol's subscribers get."""
        return self.structure.get(protocol, self.text) if self.structure else self.text


class Places(msgspec.Struct, frozen=True):
    """Where what an envelope points to is found."""

    endpoint: str
    certificate: str

    def unsubscribe(self, subscription_arn: str) -> str:
        return f"{self.endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"

    def confirm(self, message: Message) -> str:
        return f"{self.endpoint}/?Action=ConfirmSubscription&TopicArn={message.topic_arn}&Token={message.token}"


def check_attributes(given: Mapping[str, Params] | None, path: str = "messageAttributes") -> dict[str, dict[str, str]]:
    """MessageAttributes of a request as envelopes have them; AwsError for what can't be."""
    found: dict[str, dict[str, str]] = {}
    for name, value in (given or {}).items():
        _check_name(name)
        kind = (value or {}).get("DataType")
        if kind is None:
            raise AwsError(
                "ValidationError",
                f"1 validation error detected: Value null at '{path}.{name}.member.dataType' failed to satisfy "
                "constraint: Member must not be null",
            )
        found[name] = _attribute(name, kind, value)
    return found


def _attribute(name: str, kind: str, value: Params) -> dict[str, str]:
    if not _TYPE.fullmatch(kind):
        raise _bad_attribute(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes "
            "is Binary, Number, and String."
        )
    binary = kind.startswith("Binary")
    wanted, other = ("BinaryValue", "StringValue") if binary else ("StringValue", "BinaryValue")
    content = value.get(wanted)
    if not content:
        if value.get(other):
            field = "Binary" if binary else "String"
            raise _bad_attribute(f"The message attribute '{name}' with type '{kind}' must use field '{field}'.")
        raise _bad_attribute(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type "
            f"'{kind}'."
        )
    return {"Type": kind, "Value": base64.b64encode(content).decode() if binary else content}


def _check_name(name: str) -> None:
    if not name or len(name.encode()) > 256:
        raise _bad_attribute("Length of message attribute name must be less than 256 bytes.")
    wrong = next((character for character in name if not _NAME.fullmatch(character)), None)
    if wrong is not None:
        raise _bad_attribute(
            f"Invalid non-alphanumeric character '#x{ord(wrong):X}' was found in the message attribute name. Can only "
            "include alphanumeric characters, hyphens, underscores, or dots."
        )
    for where, at in (("starting", 0), ("ending", -1)):
        if name[at] == ".":
            raise _bad_attribute(f"Invalid message attribute name {where} with character '.' was found.")
    if ".." in name:
        raise _bad_attribute("Message attribute name can not have successive '.' character.")


def _bad_attribute(text: str) -> AwsError:
    return AwsError("InvalidParameterValueException", text)


def check_text(params: Params) -> tuple[str, dict[str, str] | None]:
    """(the text for everybody, the texts by protocol when MessageStructure is json)."""
    text: str = params["Message"]
    if not text:
        raise invalid("Empty message")
    if params.get("Subject") is not None and not _SUBJECT.fullmatch(params["Subject"]):
        raise invalid("Subject")
    structure = params.get("MessageStructure")
    if structure is None:
        return text, None
    if structure != "json":
        raise invalid("MessageStructure")
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(document, dict) or not isinstance(document.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")
    return document["default"], {name: value for name, value in document.items() if isinstance(value, str)}


def size(params: Params) -> int:
    """What counts against the limit: the message and its attributes."""
    counted = len(params["Message"].encode())
    for name, value in (params.get("MessageAttributes") or {}).items():
        content = value.get("BinaryValue") or (value.get("StringValue") or "").encode()
        counted += len(name.encode()) + len((value.get("DataType") or "").encode()) + len(content)
    return counted


def content_dedup(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def to_sign(message: Message, text: str, subscribe_url: str = "") -> str:
    """The string that a signature is of."""
    if message.kind == NOTIFICATION:
        pairs = {"Message": text, "MessageId": message.id, "Subject": message.subject, "Timestamp": message.timestamp}
    else:
        pairs = {"Message": text, "MessageId": message.id, "SubscribeURL": subscribe_url}
        pairs |= {"Timestamp": message.timestamp, "Token": message.token}
    pairs |= {"TopicArn": message.topic_arn, "Type": message.kind}
    return "".join(f"{name}\n{value}\n" for name, value in pairs.items() if value is not None)


def envelope(message: Message, protocol: str, subscription_arn: str, places: Places) -> dict[str, Any]:
    """What SQS and HTTP subscribers get, in AWS's order of keys."""
    text = message.for_protocol(protocol)
    made: dict[str, Any] = {"Type": message.kind, "MessageId": message.id}
    if message.kind != NOTIFICATION:
        made |= {"Token": message.token, "TopicArn": message.topic_arn, "Message": text}
        made |= {"SubscribeURL": places.confirm(message), "Timestamp": message.timestamp}
        return made | _signed(message, text, places)
    if message.sequence:
        made["SequenceNumber"] = message.sequence
    made["TopicArn"] = message.topic_arn
    if message.subject is not None:
        made["Subject"] = message.subject
    made |= {"Message": text, "Timestamp": message.timestamp}
    if not message.sequence:
        made |= _signed(message, text, places)
    made["UnsubscribeURL"] = places.unsubscribe(subscription_arn)
    if message.attributes:
        made["MessageAttributes"] = message.attributes
    return made


def lambda_event(message: Message, subscription_arn: str, places: Places) -> dict[str, Any]:
    """One record; its keys differ from the envelope's in case and in what is null (facts/sns.md §1)."""
    text = message.for_protocol("lambda")
    told = {
        "Type": NOTIFICATION,
        "MessageId": message.id,
        "TopicArn": message.topic_arn,
        "Subject": message.subject,
        "Message": text,
        "Timestamp": message.timestamp,
        "SignatureVersion": "1",
        "Signature": message.signatures.get(text, ""),
        "SigningCertUrl": places.certificate,
        "UnsubscribeUrl": places.unsubscribe(subscription_arn),
        "MessageAttributes": message.attributes,
    }
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription_arn, "Sns": told}
    return {"Records": [record]}


def sqs_attributes(message: Message) -> Params:
    """Message attributes as SQS's, for raw delivery."""
    return {
        name: {"DataType": value["Type"], "BinaryValue": base64.b64decode(value["Value"])}
        if value["Type"].startswith("Binary")
        else {"DataType": value["Type"], "StringValue": value["Value"]}
        for name, value in message.attributes.items()
    }


def _signed(message: Message, text: str, places: Places) -> dict[str, str]:
    return {
        "SignatureVersion": message.signature_version,
        "Signature": message.signatures.get(text, ""),
        "SigningCertURL": places.certificate,
    }
