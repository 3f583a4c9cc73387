"""Topics and subscriptions: their records, and the memory of what FIFO topics have published.

Owns: the tables `sns.topics`, `sns.subscriptions`, `sns.settings`, and by SQL `sns_dedup`. Refuses: what becomes of a
published message (`delivery.py`).
"""

from typing import Any

import msgspec

from samovar.core import arn, ids
from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.pattern import Pattern
from samovar.services.sns import filtering
from samovar.services.sns.errors import no_such_subscription, no_such_topic, parse_arn
from samovar.store.sqlite import Statement, Steps, Store
from samovar.store.table import Table

MIGRATIONS = [
    "CREATE TABLE sns_dedup (topic TEXT NOT NULL, scope TEXT NOT NULL, dedup TEXT NOT NULL, expires BIGINT NOT NULL, "
    "message TEXT NOT NULL, sequence TEXT NOT NULL, PRIMARY KEY (topic, scope, dedup))",
    "CREATE INDEX sns_dedup_by_expiry ON sns_dedup (expires)",
    "CREATE TABLE sns_runs (one INTEGER PRIMARY KEY, run BIGINT NOT NULL)",
]
_NEW_RUN = (
    "INSERT INTO sns_runs (one, run) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET run = sns_runs.run + 1 RETURNING run"
)
DEDUP_MS = 300_000
TOKEN_DIGITS = 288
PENDING_S = 2 * 86_400
"""How long a token is good for (facts/sns.md §5)."""
_IDS_PER_RUN_BITS = 40
_SEQUENCE_BASE = 10_000_000_000_000_000_000


class Topic(msgspec.Struct, frozen=True):
    account: str
    region: str
    name: str
    attributes: dict[str, str]
    """Those that were set."""
    tags: dict[str, str]

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return arn.make("sns", self.region, self.account, self.name)

    @property
    def fifo(self) -> bool:
        return self.name.endswith(".fifo")


class Subscription(msgspec.Struct, frozen=True):
    account: str
    region: str
    topic: str
    id: str
    protocol: str
    endpoint: str
    owner: str
    principal: str
    """ARN of whoever subscribed."""
    attributes: dict[str, str]
    confirmed: bool
    authenticated: bool = False
    """Whether whoever confirmed it has signed that."""
    token: str = ""
    token_expires: float = 0.0
    locked: bool = False
    """AuthenticateOnUnsubscribe: only who signs may end it."""
    ended: bool = False
    """Unsubscribed by somebody without credentials: nobody sees it any more, but its token restores it."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.account, self.region, self.topic, self.id)

    @property
    def topic_arn(self) -> str:
        return arn.make("sns", self.region, self.account, self.topic)

    @property
    def arn(self) -> str:
        return f"{self.topic_arn}:{self.id}"

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"

    @property
    def scope(self) -> str:
        return self.attributes.get("FilterPolicyScope", filtering.ATTRIBUTES)


class Settings(msgspec.Struct, frozen=True):
    """SMS attributes of an account in a region."""

    sms: dict[str, str] = {}


class Sns:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        topics: Table[Topic],
        subscriptions: Table[Subscription],
        settings: Table[Settings],
        run: int,
    ) -> None:
        self.store = store
        self.clock = clock
        self.topics = topics
        self.subscriptions = subscriptions
        self.settings = settings
        self._last = run << _IDS_PER_RUN_BITS
        self._policies: dict[str, tuple[str, Pattern]] = {}
        """Subscription ARN -> (the text of its filter policy, compiled)."""

    @classmethod
    async def open(cls, store: Store, clock: Clock) -> "Sns":
        await store.migrate("sns", MIGRATIONS)
        [[(run,)]] = await store.transact((_NEW_RUN, ()))
        return cls(
            store,
            clock,
            await Table.open(store, "sns.topics", Topic),
            await Table.open(store, "sns.subscriptions", Subscription),
            await Table.open(store, "sns.settings", Settings),
            run,
        )

    def topic(self, ctx: Context, text: str, parameter: str = "TopicArn") -> Topic:
        """The topic of an ARN."""
        parsed = parse_arn(text, parameter, ctx.region)
        topic = self.topics.get((parsed.account, parsed.region, parsed.resource))
        if topic is None:
            raise no_such_topic()
        return topic

    def subscription(self, ctx: Context, text: str) -> Subscription:
        parsed = parse_arn(text, "SubscriptionArn", ctx.region)
        name, _, id = parsed.resource.partition(":")
        found = self.subscriptions.get((parsed.account, parsed.region, name, id))
        if found is None or found.ended:
            raise no_such_subscription()
        return found

    def by_arn(self, text: str) -> Subscription | None:
        parsed = arn.parse(text)
        if parsed is None:
            return None
        name, _, id = parsed.resource.partition(":")
        return self.subscriptions.get((parsed.account, parsed.region, name, id))

    def of(self, topic: Topic) -> list[Subscription]:
        """The subscriptions of a topic, also those that aren't confirmed."""
        return [each for _, each in self.subscriptions.items(topic.key) if not each.ended]

    async def change(self, subscription: Subscription, **changes: Any) -> Subscription:
        changed = msgspec.structs.replace(subscription, **changes)
        await self.subscriptions.put(changed.key, changed)
        return changed

    def wants(self, subscription: Subscription, body: str, attributes: dict[str, dict[str, str]]) -> bool:
        """Whether its filter policy lets a message through."""
        text = subscription.attributes.get("FilterPolicy")
        if not text:
            return True
        known, policy = self._policies.get(subscription.arn, ("", None))
        if policy is None or known != text:
            policy = filtering.compile(text, subscription.scope, "")
            self._policies[subscription.arn] = (text, policy)
        return filtering.lets_through(policy, subscription.scope, body, attributes)

    def new_sequence(self) -> str:
        """20 digits that grow."""
        self._last += 1
        return str(_SEQUENCE_BASE + self._last * 1000)

    def new_token(self) -> tuple[str, float]:
        """(token, until when it is good)."""
        return ids.hex_id(TOKEN_DIGITS), self.clock.now() + PENDING_S

    async def clear(self) -> None:
        await self.topics.clear()
        await self.subscriptions.clear()
        await self.settings.clear()
        await self.store.transact(("DELETE FROM sns_dedup", ()))
        self._policies.clear()


def publish_once(
    key: tuple[str, str, str], now: int, message: str, sequence: str, statements: list[Statement]
) -> Steps:
    """Run the statements unless the same was published before. Row: (message id, sequence, whether it is new)."""
    sql = "SELECT message, sequence FROM sns_dedup WHERE topic = ? AND scope = ? AND dedup = ? AND expires > ?"
    known = yield (sql, (*key, now))
    if known:
        return [(*known[0], False)]
    yield ("DELETE FROM sns_dedup WHERE expires <= ?", (now,))
    yield (
        "INSERT INTO sns_dedup (topic, scope, dedup, expires, message, sequence) VALUES (?, ?, ?, ?, ?, ?)",
        (*key, now + DEDUP_MS, message, sequence),
    )
    for statement in statements:
        _ = yield statement
    return [(message, sequence, True)]
