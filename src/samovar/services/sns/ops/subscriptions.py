"""Subscriptions: made, confirmed, changed, ended (facts/sns.md §2, §3, §5)."""

from samovar.core import arn, ids
from samovar.core.clock import iso_z
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sns import pages, subscribing
from samovar.services.sns.errors import invalid, no_such_topic, parse_arn
from samovar.services.sns.house import House
from samovar.services.sns.message import CONFIRM, UNSUBSCRIBED, Message
from samovar.services.sns.state import TOKEN_DIGITS, Subscription, Topic

PENDING = "pending confirmation"


async def subscribe(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    topic = state.topic(ctx, params["TopicArn"])
    protocol, endpoint = params["Protocol"], params.get("Endpoint") or ""
    given: dict[str, str] = params.get("Attributes") or {}
    subscribing.check_endpoint(topic, protocol, endpoint)
    kept = subscribing.checked(topic, protocol, endpoint, given)
    existing = next((each for each in state.of(topic) if (each.protocol, each.endpoint) == (protocol, endpoint)), None)
    if existing is not None:
        if not subscribing.same(existing, kept):
            raise invalid("Attributes", "Subscription already exists with different attributes")
        if not existing.confirmed:
            await _ask(house, topic, existing)
        return _answer(existing, params)
    at_once = protocol in subscribing.AT_ONCE
    subscription = Subscription(
        *topic.key, ids.uuid4(), protocol, endpoint, ctx.account, ctx.principal, kept, at_once, at_once
    )
    await state.subscriptions.put(subscription.key, subscription)
    if not at_once:
        await _ask(house, topic, subscription)
    return _answer(subscription, params)


async def confirm_subscription(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    token: str = params["Token"]
    parse_arn(params["TopicArn"], "Topic", ctx.region)
    if len(token) < TOKEN_DIGITS or set(token) - set("0123456789abcdef"):
        raise AwsError("InvalidParameterException", "Invalid token")
    found = next((each for _, each in state.subscriptions.items() if each.token == token), None)
    if found is None or (not found.confirmed and found.token_expires < state.clock.now()):
        raise invalid("Token")
    if not found.confirmed:
        locked = params.get("AuthenticateOnUnsubscribe", "").lower() == "true"
        found = await state.change(
            found, confirmed=True, authenticated=_is_signed(ctx, found), locked=locked, ended=False
        )
    return {"SubscriptionArn": found.arn}


async def unsubscribe(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    text: str = params["SubscriptionArn"]
    if not text:
        raise invalid("SubscriptionArn", "no value for required parameter")
    parsed = parse_arn(text, "SubscriptionArn", ctx.region)
    name, _, id = parsed.resource.partition(":")
    if not id or len(id) != 36:
        raise invalid("SubscriptionId")
    found = state.subscriptions.get((parsed.account, parsed.region, name, id))
    if found is None or found.ended:
        return {}
    signed = _is_signed(ctx, found)
    if found.locked and not signed:
        raise AwsError("AuthorizationErrorException", "This subscription can be ended by its owner only.")
    if found.protocol in ("http", "https") and found.confirmed and not signed:
        await _tell_end(house, found)
    else:
        await state.subscriptions.delete(found.key)
    return {}


async def get_subscription_attributes(house: House, ctx: Context, params: Params) -> Params:
    found = house.state.subscription(ctx, params["SubscriptionArn"])
    topic = house.state.topics.get(found.key[:3])
    return {"Attributes": subscribing.shown(found, topic)}


async def set_subscription_attributes(house: House, ctx: Context, params: Params) -> Params:
    found = house.state.subscription(ctx, params["SubscriptionArn"])
    topic = house.state.topics.get(found.key[:3])
    if topic is None:
        raise no_such_topic()
    name, value = params["AttributeName"], params.get("AttributeValue") or ""
    both = {**found.attributes, name: value}
    subscribing.check(topic, found.protocol, found.endpoint, both, name, value)
    if name == "FilterPolicyScope" and both.get("FilterPolicy"):
        subscribing.check(topic, found.protocol, found.endpoint, both, "FilterPolicy", both["FilterPolicy"])
    await house.state.change(found, attributes={key: kept for key, kept in both.items() if kept})
    return {}


async def list_subscriptions(house: House, ctx: Context, params: Params) -> Params:
    found = house.state.subscriptions.items((ctx.account, ctx.region))
    page, more = pages.cut([("/".join(key[2:]), each) for key, each in found if not each.ended], params)
    return {"Subscriptions": [_listed(each) for each in page], **more}


async def list_subscriptions_by_topic(house: House, ctx: Context, params: Params) -> Params:
    topic = house.state.topic(ctx, params["TopicArn"])
    page, more = pages.cut([(each.id, each) for each in house.state.of(topic)], params)
    return {"Subscriptions": [_listed(each) for each in page], **more}


async def _ask(house: House, topic: Topic, subscription: Subscription) -> None:
    """Send the endpoint a token with which it confirms."""
    token, expires = house.state.new_token()
    subscription = await house.state.change(subscription, token=token, token_expires=expires)
    text = (
        f"You have chosen to subscribe to the topic {topic.arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    await _send(house, subscription, CONFIRM, text, topic.attributes.get("SignatureVersion", "1"))


async def _tell_end(house: House, subscription: Subscription) -> None:
    """End a subscription, and tell its endpoint how to restore it."""
    token, expires = house.state.new_token()
    ended = {"confirmed": False, "ended": True, "token": token, "token_expires": expires}
    subscription = await house.state.change(subscription, **ended)
    text = (
        f"You have chosen to deactivate subscription {subscription.arn}.\n"
        "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
    )
    topic = house.state.topics.get(subscription.key[:3])
    await _send(
        house, subscription, UNSUBSCRIBED, text, (topic.attributes if topic else {}).get("SignatureVersion", "1")
    )


async def _send(house: House, subscription: Subscription, kind: str, text: str, version: str) -> None:
    state = house.state
    message = Message(
        ids.uuid4(),
        subscription.topic_arn,
        text,
        iso_z(state.clock.now()),
        kind,
        token=subscription.token,
        signature_version=version,
    )
    signed = await house.deliveries.signed(message, {subscription.protocol})
    await state.store.transact(await house.deliveries.putting(subscription, signed))


def _is_signed(ctx: Context, subscription: Subscription) -> bool:
    """Whoever visits a link has no credentials, and so is of no account that has topics."""
    return bool(ctx.principal) and ctx.account == subscription.account


def _answer(subscription: Subscription, params: Params) -> Params:
    shown = subscription.confirmed or params.get("ReturnSubscriptionArn")
    return {"SubscriptionArn": subscription.arn if shown else PENDING}


def _listed(subscription: Subscription) -> Params:
    return {
        "SubscriptionArn": subscription.arn if subscription.confirmed else "PendingConfirmation",
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": arn.make("sns", subscription.region, subscription.account, subscription.topic),
    }
