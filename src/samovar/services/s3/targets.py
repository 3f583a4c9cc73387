"""Where the notifications of a bucket go: configurations checked, destinations asked, events sent on their way.

Owns: `Notifications`. Rules (facts/s3.md §9): an event has at most one classic destination, and EventBridge besides;
it is put into the outbox in the transaction in which it happens, so that it can't be lost; whether the destination
lets S3 in is decided when it is delivered, by its own policy.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from samovar.core import arn
from samovar.core.context import Acting, Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.delivery.outbox import Outbox, Shipment
from samovar.delivery.targets import Parcel
from samovar.services.s3 import events
from samovar.services.s3.events import Happening
from samovar.services.s3.records import Bucket
from samovar.store.sqlite import Change

PRINCIPAL: Final = "s3.amazonaws.com"
_SOURCE_IP: Final = "127.0.0.1"
_SUBJECT: Final = "Amazon S3 Notification"
_KINDS: Final = {
    "QueueConfigurations": ("QueueArn", "Queue", "sqs"),
    "TopicConfigurations": ("TopicArn", "Topic", "sns"),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "CloudFunction", "lambda"),
}
"""Member -> (the ARN's member, what error messages call it, the service)."""
_FAMILIES: Final = {
    "ObjectCreated": ("Put", "Post", "Copy", "CompleteMultipartUpload"),
    "ObjectRemoved": ("Delete", "DeleteMarkerCreated"),
    "ObjectRestore": ("Post", "Completed", "Delete"),
    "ObjectTagging": ("Put", "Delete"),
    "LifecycleExpiration": ("Delete", "DeleteMarkerCreated"),
    "Replication": (
        "OperationFailedReplication", "OperationMissedThreshold", "OperationReplicatedAfterThreshold",
        "OperationNotTracked",
    ),
}  # fmt: skip
_ALONE: Final = frozenset(
    {"s3:ObjectAcl:Put", "s3:LifecycleTransition", "s3:IntelligentTiering", "s3:ReducedRedundancyLostObject"}
)
_MOST: Final = 100


def checked(configuration: Params) -> Params:
    """The configuration as it is kept, with ids. Raises InvalidArgument for what S3 doesn't take."""
    kept: Params = {}
    for member, (name, spoken, service) in _KINDS.items():
        found = configuration.get(member) or []
        for each in found:
            target = arn.parse(each[name])
            if target is None or target.service != service or not target.account:
                text = "The ARN could not be parsed"
                raise AwsError("InvalidArgument", text, ArgumentName=spoken, ArgumentValue=each[name])
        if found:
            kept[member] = [{**each, "Id": each.get("Id") or hex_id(48), **_filter(each)} for each in found]
    everything = [each for member in kept for each in kept[member]]
    if len(everything) > _MOST:
        raise AwsError("InvalidArgument", f"At most {_MOST} notification configurations are allowed for a bucket.")
    for each in everything:
        for event in each["Events"]:
            if not _expand(event):
                raise AwsError("InvalidArgument", "A specified event is not supported for notifications.")
    _check_overlaps(everything)
    if configuration.get("EventBridgeConfiguration") is not None:
        kept["EventBridgeConfiguration"] = {}
    return kept


class Notifications:
    def __init__(self, outbox: Outbox, acting: Acting) -> None:
        self._outbox = outbox
        self._acting = acting

    async def announce(self, ctx: Context, bucket: Bucket, what: Happening) -> list[Change]:
        """The changes that send word of it, for the transaction in which it happens."""
        configuration = bucket.settings.get("notification")
        if not configuration:
            return []
        parcels = [
            self._record(ctx, bucket, what, each[name], each["Id"])
            for member, (name, _, _) in _KINDS.items()
            for each in configuration.get(member, [])
            if events.matches(each, what)
        ]
        if "EventBridgeConfiguration" in configuration:
            parcels.append(self._event(ctx, bucket, what))
        return [await self._outbox.putting(Shipment(parcel, what.time)) for parcel in parcels]

    async def greet(self, ctx: Context, bucket: Bucket, configuration: Params) -> None:
        """See that every destination is there, and send queues and topics the test event. Raises InvalidArgument."""
        problems: list[tuple[str, str]] = []
        for member, (name, _, service) in _KINDS.items():
            for each in configuration.get(member, []):
                try:
                    await self._greet(ctx, bucket, service, each[name])
                except AwsError as error:
                    problems.append((each[name], _problem(service, each[name], error)))
        if problems:
            text = "Unable to validate the following destination configurations"
            told: dict[str, str] = {}
            for number, (target, problem) in enumerate(problems, 1):
                suffix = "" if len(problems) == 1 else str(number)
                told |= {f"ArgumentName{suffix}": target, f"ArgumentValue{suffix}": problem}
            raise AwsError("InvalidArgument", text, **told)

    async def _greet(self, ctx: Context, bucket: Bucket, service: str, target: str) -> None:
        place = arn.parse(target)
        assert place is not None
        acting = self._acting(place.account, place.region, PRINCIPAL, bucket.arn, ctx.trace_id)
        body = msgspec.json.encode(events.test_event(ctx, bucket, self._outbox.now())).decode()
        if service == "sqs":
            url = f"{ctx.endpoint}/{place.account}/{place.resource}"
            await acting.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body})
        elif service == "sns":
            await acting.call("sns", "Publish", {"TopicArn": target, "Message": body, "Subject": _SUBJECT})
        else:
            # Tries its resource policy as the delivery will, and nothing runs.
            await acting.call("lambda", "Invoke", {"FunctionName": target, "InvocationType": "DryRun"})

    def _record(self, ctx: Context, bucket: Bucket, what: Happening, target: str, id: str) -> Parcel:
        content = events.record(what, ctx, bucket, id, _SOURCE_IP)
        payload = msgspec.json.encode(content).decode()
        subject = {"Subject": _SUBJECT} if ":sns:" in target else {}
        return self._parcel(ctx, bucket, target, payload, subject)

    def _event(self, ctx: Context, bucket: Bucket, what: Happening) -> Parcel:
        entry = events.entry(what, ctx, bucket, _SOURCE_IP)
        bus = f"arn:aws:events:{bucket.region}:{bucket.account}:event-bus/default"
        options = {name: entry[name] for name in ("DetailType", "Source", "Resources", "Time")}
        return self._parcel(ctx, bucket, bus, entry["Detail"], options)

    def _parcel(self, ctx: Context, bucket: Bucket, target: str, payload: str, options: dict[str, Any]) -> Parcel:
        return Parcel(
            target=target,
            payload=payload,
            principal=PRINCIPAL,
            source="s3",
            origin=bucket.arn,
            account=bucket.account,
            region=bucket.region,
            event_id=ctx.request_id,
            trace_id=ctx.trace_id,
            options=options,
        )


def _problem(service: str, target: str, error: AwsError) -> str:
    """What is wrong with a destination, in S3's words."""
    denied = "denied" in error.code.lower() or "authorization" in error.code.lower()
    if service == "lambda":
        return f"Not authorized to invoke function [{target}]"
    kind = "queue" if service == "sqs" else "topic"
    if denied:
        return f"Permissions on the destination {kind} do not allow S3 to publish notifications from this bucket"
    return f"The destination {kind} does not exist"


def _filter(each: Mapping[str, Any]) -> Params:
    """The filter, its names spelled as S3 gives them back. Raises InvalidArgument."""
    found = ((each.get("Filter") or {}).get("Key") or {}).get("FilterRules")
    if not found:
        return {}
    rules: list[dict[str, str]] = []
    for rule in found:
        name = (rule.get("Name") or "").lower()
        if name not in ("prefix", "suffix") or name.title() in [kept["Name"] for kept in rules]:
            text = "filter rule name must be either prefix or suffix"
            raise AwsError("InvalidArgument", text, ArgumentName="FilterRule.Name", ArgumentValue=rule.get("Name"))
        rules.append({"Name": name.title(), "Value": rule.get("Value") or ""})
    return {"Filter": {"Key": {"FilterRules": rules}}}


def _expand(event: str) -> set[str]:
    """The events that a configured name means; none: there is no such event."""
    if event in _ALONE:
        return {event}
    family, _, what = event.removeprefix("s3:").partition(":")
    known = {f"s3:{family}:{each}" for each in _FAMILIES.get(family, ())}
    return known if what == "*" else known & {event}


def _check_overlaps(configurations: list[Params]) -> None:
    """Raises InvalidArgument where one key could have two destinations for one event."""
    for at, one in enumerate(configurations):
        for other in configurations[at + 1 :]:
            shared = _events(one["Events"]) & _events(other["Events"])
            if shared and _both(_bounds(one), _bounds(other)):
                raise AwsError(
                    "InvalidArgument",
                    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the "
                    "prefixes are overlapping for the same event type.",
                )


def _events(names: Iterable[str]) -> set[str]:
    return {event for name in names for event in _expand(name)}


def _bounds(configuration: Params) -> tuple[str, str]:
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    found = {rule["Name"]: rule["Value"] for rule in rules}
    return found.get("Prefix", ""), found.get("Suffix", "")


def _both(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether a key can match both."""
    prefixes = one[0].startswith(other[0]) or other[0].startswith(one[0])
    suffixes = one[1].endswith(other[1]) or other[1].endswith(one[1])
    return prefixes and suffixes
