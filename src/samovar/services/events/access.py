"""What EventBridge's operations need to be allowed (service authorization reference, Amazon EventBridge)."""

from collections.abc import Mapping, Sequence

from samovar.core import arn
from samovar.core.access import Access, Given, Need, on, pass_role, request_tags
from samovar.core.context import Context, Params
from samovar.services.events.state import DEFAULT, Events

_ON_BUS = "UpdateEventBus DeleteEventBus DescribeEventBus CreateEventBus"
_ON_NAMED_BUS = "PutPermission RemovePermission"
_ON_RULE = """
    PutRule DescribeRule DeleteRule EnableRule DisableRule PutTargets RemoveTargets ListTargetsByRule
"""
_ON_ARCHIVE = "CreateArchive UpdateArchive DeleteArchive DescribeArchive"
_ON_REPLAY = "StartReplay CancelReplay DescribeReplay"
_ON_CONNECTION = """
    CreateConnection UpdateConnection DeleteConnection DescribeConnection DeauthorizeConnection
"""
_ON_DESTINATION = "CreateApiDestination UpdateApiDestination DeleteApiDestination DescribeApiDestination"
_ON_ARN = "TagResource UntagResource ListTagsForResource"


def access(state: Events) -> Access:
    return Access(
        "events",
        on(
            (lambda ctx, params: _bus(state, ctx, params.get("Name")), _ON_BUS),
            (lambda ctx, params: _bus(state, ctx, params.get("EventBusName")), _ON_NAMED_BUS),
            (lambda ctx, params: _rule(state, ctx, params), _ON_RULE),
            (lambda ctx, params: _bus(state, ctx, params.get("EventBusName")), "ListRules ListRuleNamesByTarget"),
            (lambda ctx, params: _of_kind(ctx, "archive", params.get("ArchiveName")), _ON_ARCHIVE),
            (lambda ctx, params: _of_kind(ctx, "replay", params.get("ReplayName")), _ON_REPLAY),
            (lambda ctx, params: _of_kind(ctx, "connection", params.get("Name")), _ON_CONNECTION),
            (lambda ctx, params: _of_kind(ctx, "api-destination", params.get("Name")), _ON_DESTINATION),
            (lambda ctx, params: _put(state, ctx, params), "PutEvents"),
            (lambda ctx, params: str(params["ResourceARN"]), _ON_ARN),
        ),
        also={"PutTargets": _roles, "PutRule": _role, "CreateArchive": _archived, "StartReplay": _replayed},
        facts=_facts,
        policy=lambda text: _policy(state, text),
        tags=lambda text: _tags(state, text),
        # An event comes from its sender's account, whosever bus it is for.
        stays=frozenset({"PutEvents"}),
    )


def _bus(state: Events, ctx: Context, named: str | None) -> str:
    account, region, name = state.bus_key(ctx, named)
    return arn.make("events", region, account, f"event-bus/{name}")


def _rule(state: Events, ctx: Context, params: Params) -> str:
    account, region, bus = state.bus_key(ctx, params.get("EventBusName"))
    name = params.get("Name") or params.get("Rule") or ""
    return arn.make("events", region, account, f"rule/{name}" if bus == DEFAULT else f"rule/{bus}/{name}")


def _of_kind(ctx: Context, kind: str, name: object) -> str:
    return arn.make("events", ctx.region, ctx.account, f"{kind}/{name}")


def _archived(ctx: Context, params: Params) -> Sequence[Need]:
    """The bus whose events are kept."""
    return [Need("events:CreateArchive", str(params["EventSourceArn"]))]


def _replayed(ctx: Context, params: Params) -> Sequence[Need]:
    """The archive that is read, and the bus that gets it."""
    places = (str(params["EventSourceArn"]), str((params.get("Destination") or {}).get("Arn") or "*"))
    return [Need("events:StartReplay", place) for place in places]


def _put(state: Events, ctx: Context, params: Params) -> Sequence[str]:
    return sorted({_bus(state, ctx, entry.get("EventBusName")) for entry in params["Entries"]})


def _roles(ctx: Context, params: Params) -> Sequence[Need]:
    roles = {target["RoleArn"] for target in params.get("Targets") or () if target.get("RoleArn")}
    return [pass_role(role, "events.amazonaws.com") for role in sorted(roles)]


def _role(ctx: Context, params: Params) -> Sequence[Need]:
    return [pass_role(params["RoleArn"], "events.amazonaws.com")] if params.get("RoleArn") else []


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    found: dict[str, str | tuple[str, ...]] = {}
    entries = params.get("Entries") or ()
    for key, member in (("events:source", "Source"), ("events:detail-type", "DetailType")):
        values = tuple(sorted({str(entry[member]) for entry in entries if entry.get(member)}))
        if values:
            found[key] = values
    targets = tuple(target["Arn"] for target in params.get("Targets") or () if target.get("Arn"))
    if targets:
        found["events:TargetArn"] = targets
    tags = params.get("Tags") or ()
    return {**found, **request_tags({tag["Key"]: tag["Value"] for tag in tags})}


def _policy(state: Events, text: str) -> object:
    found = arn.parse(text)
    kind, _, name = found.resource.partition("/") if found else ("", "", "")
    if found is None or kind not in ("event-bus", "rule"):
        return None
    bus = name if kind == "event-bus" else name.rpartition("/")[0] or DEFAULT
    kept = state.buses.get((found.account, found.region, bus))
    return kept.policy if kept else None


def _tags(state: Events, text: str) -> Mapping[str, str] | None:
    found = arn.parse(text)
    kind, _, name = found.resource.partition("/") if found else ("", "", "")
    if found is None:
        return None
    if kind == "event-bus":
        bus = state.buses.get((found.account, found.region, name))
        return bus.tags if bus else None
    bus_name, _, rule_name = name.rpartition("/")
    rule = state.rules.get((found.account, found.region, bus_name or DEFAULT, rule_name))
    return rule.tags if rule else None
