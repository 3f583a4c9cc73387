"""What SNS's operations need to be allowed (service authorization reference, Amazon SNS)."""

from collections.abc import Mapping

from samovar.core import arn
from samovar.core.access import Access, Given, on, request_tags
from samovar.core.context import Context, Params
from samovar.services.sns.state import Sns, Topic

_ON_TOPIC = """
    PublishBatch DeleteTopic GetTopicAttributes SetTopicAttributes Subscribe ListSubscriptionsByTopic AddPermission
    RemovePermission
"""
_ON_ARN = "TagResource UntagResource ListTagsForResource"
_ON_SUBSCRIPTION = "GetSubscriptionAttributes SetSubscriptionAttributes"


def access(state: Sns) -> Access:
    return Access(
        "sns",
        on(
            (lambda ctx, params: str(params["TopicArn"]), _ON_TOPIC),
            (_published, "Publish"),
            (lambda ctx, params: arn.make("sns", ctx.region, ctx.account, params["Name"]), "CreateTopic"),
            (lambda ctx, params: str(params["ResourceArn"]), _ON_ARN),
            (lambda ctx, params: str(params["SubscriptionArn"]).rpartition(":")[0] or "*", _ON_SUBSCRIPTION),
        ),
        # Links in mails and confirmations are visited without credentials; a token, or the random ARN, is the proof.
        actions={"PublishBatch": "Publish", "ConfirmSubscription": "", "Unsubscribe": ""},
        facts=_facts,
        policy=lambda text: _policy(state, text),
        tags=lambda text: _tags(state, text),
        unsigned=frozenset({"ConfirmSubscription", "Unsubscribe"}),
    )


def _published(ctx: Context, params: Params) -> str:
    return str(params.get("TopicArn") or params.get("TargetArn") or "*")


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    tags = {tag.get("Key", ""): tag.get("Value", "") for tag in params.get("Tags") or []}
    facts = dict(request_tags(tags))
    for key, member in (("sns:Endpoint", "Endpoint"), ("sns:Protocol", "Protocol")):
        if params.get(member):
            facts[key] = str(params[member])
    return facts


def _topic(state: Sns, text: str) -> Topic | None:
    found = arn.parse(text)
    return state.topics.get((found.account, found.region, found.resource)) if found else None


def _policy(state: Sns, text: str) -> object:
    topic = _topic(state, text)
    return topic.attributes.get("Policy") if topic else None


def _tags(state: Sns, text: str) -> Mapping[str, str] | None:
    topic = _topic(state, text)
    return topic.tags if topic else None
