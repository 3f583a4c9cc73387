"""Topics: made, found, changed, deleted, tagged; statements of their policies (facts/sns.md §3)."""

import re

import msgspec

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sns import pages, topics
from samovar.services.sns.errors import invalid
from samovar.services.sns.house import House
from samovar.services.sns.state import Topic

_ACTIONS = frozenset(
    {
        *("Publish", "Subscribe", "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission"),
        *("DeleteTopic", "ListSubscriptionsByTopic", "Receive", "GetDataProtectionPolicy", "*"),
    }
)
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")


async def create_topic(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    name: str = params["Name"]
    given: dict[str, str] = params.get("Attributes") or {}
    if params.get("DataProtectionPolicy"):
        raise AwsError("NotImplementedException", "Data protection policies aren't implemented by this server yet.")
    topics.check_name(name, given)
    kept = topics.checked_new(given)
    tags = topics.tags(params.get("Tags"))
    topic = Topic(ctx.account, ctx.region, name, kept, tags)
    existing = state.topics.get(topic.key)
    if existing is not None:
        shown = topics.shown(existing, 0, 0)
        if any(shown.get(key, "") != value for key, value in given.items() if (key, value) != ("FifoTopic", "false")):
            raise invalid("Attributes", "Topic already exists with different attributes")
        if any(existing.tags.get(key) != value for key, value in tags.items()):
            raise invalid("Tags", "Topic already exists with different tags")
        return {"TopicArn": existing.arn}
    await state.topics.put(topic.key, topic)
    return {"TopicArn": topic.arn}


async def delete_topic(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    parsed = arn.parse(params["TopicArn"])
    key = (parsed.account, parsed.region, parsed.resource) if parsed else ("", "", "")
    topic = state.topics.get(key)
    if topic is not None:
        subscriptions = state.of(topic)
        await state.store.transact(
            state.topics.deleting(key), *(state.subscriptions.deleting(each.key) for each in subscriptions)
        )
    return {}


async def get_topic_attributes(house: House, ctx: Context, params: Params) -> Params:
    topic = house.state.topic(ctx, params["TopicArn"])
    confirmed = [each.confirmed for each in house.state.of(topic)]
    return {"Attributes": topics.shown(topic, confirmed.count(True), confirmed.count(False))}


async def set_topic_attributes(house: House, ctx: Context, params: Params) -> Params:
    topic = house.state.topic(ctx, params["TopicArn"])
    name, value = params["AttributeName"], params.get("AttributeValue") or ""
    topics.check_change(topic, name, value)
    kept = {**topic.attributes, name: value}
    if not value:
        del kept[name]
    await _keep(house, topic, attributes=kept)
    return {}


async def list_topics(house: House, ctx: Context, params: Params) -> Params:
    found = [(topic.name, topic) for _, topic in house.state.topics.items((ctx.account, ctx.region))]
    page, more = pages.cut(found, params)
    return {"Topics": [{"TopicArn": topic.arn} for topic in page], **more}


async def add_permission(house: House, ctx: Context, params: Params) -> Params:
    topic = house.state.topic(ctx, params["TopicArn"])
    label, actions = params["Label"], params["ActionName"]
    if not _LABEL.fullmatch(label):
        raise invalid("Label")
    if any(action not in _ACTIONS for action in actions):
        raise invalid("Policy statement action out of service scope!")
    policy = topics.policy(topic)
    if any(statement.get("Sid") == label for statement in policy["Statement"]):
        raise invalid("Statement already exists")
    principals = [f"arn:aws:iam::{account}:root" for account in params["AWSAccountId"]]
    names = [f"SNS:{action}" for action in actions]
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": names[0] if len(names) == 1 else names,
        "Resource": topic.arn,
    }
    policy["Statement"].append(statement)
    await _keep(house, topic, attributes={**topic.attributes, "Policy": msgspec.json.encode(policy).decode()})
    return {}


async def remove_permission(house: House, ctx: Context, params: Params) -> Params:
    topic = house.state.topic(ctx, params["TopicArn"])
    policy = topics.policy(topic)
    rest = [statement for statement in policy["Statement"] if statement.get("Sid") != params["Label"]]
    if len(rest) < len(policy["Statement"]):
        text = msgspec.json.encode({**policy, "Statement": rest}).decode()
        await _keep(house, topic, attributes={**topic.attributes, "Policy": text})
    return {}


async def tag_resource(house: House, ctx: Context, params: Params) -> Params:
    topic = _tagged(house, ctx, params)
    both = {**topic.tags, **topics.tags(params["Tags"])}
    if len(both) > topics.MOST_TAGS:
        raise AwsError("TagLimitExceededException", "Could not complete request: tag quota of per resource exceeded")
    await _keep(house, topic, tags=both)
    return {}


async def untag_resource(house: House, ctx: Context, params: Params) -> Params:
    topic = _tagged(house, ctx, params)
    gone = set(params["TagKeys"])
    await _keep(house, topic, tags={key: value for key, value in topic.tags.items() if key not in gone})
    return {}


async def list_tags_for_resource(house: House, ctx: Context, params: Params) -> Params:
    topic = _tagged(house, ctx, params)
    return {"Tags": [{"Key": key, "Value": value} for key, value in topic.tags.items()]}


def _tagged(house: House, ctx: Context, params: Params) -> Topic:
    parsed = arn.parse(params["ResourceArn"])
    topic = house.state.topics.get((parsed.account, parsed.region, parsed.resource)) if parsed else None
    if topic is None:
        raise AwsError("ResourceNotFoundException", "Resource does not exist")
    return topic


async def _keep(house: House, topic: Topic, **changes: object) -> None:
    await house.state.topics.put(topic.key, msgspec.structs.replace(topic, **changes))
