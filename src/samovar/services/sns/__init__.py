"""Amazon SNS (boto3 client `sns`): topics and what is delivered from them (facts/sns.md).

Operations: `ops/`. Keeps: the tables `sns.topics`, `sns.subscriptions`, `sns.settings`, and by SQL `sns_dedup`,
`sns_mail`, `sns_runs`; published messages in the durable queues of `delivery` until they have arrived. Links: SQS and
Lambda by `delivery/targets`, HTTP endpoints by `net/client`. Not here: mobile push, Firehose, archives and replay, data
protection policies, delivery status logs.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.service import Service, bind
from samovar.delivery.journal import Journal
from samovar.delivery.targets import Targets
from samovar.services.sns.access import access
from samovar.services.sns.delivery import Deliveries
from samovar.services.sns.house import House
from samovar.services.sns.mail import Mail
from samovar.services.sns.ops import publish, sms, subscriptions, topics
from samovar.services.sns.signing import Signer
from samovar.services.sns.state import Sns
from samovar.store.queue import Queues
from samovar.store.sqlite import Store

__all__ = ["build"]

Page = Callable[[str, str], Awaitable[bytes | None]]
"""(path, query) -> the certificate, if it is there."""
View = Callable[[Mapping[str, str]], Awaitable[object]]
"""The parameters of a query string -> what is shown as JSON."""


async def build(
    store: Store,
    queues: Queues,
    acting: Acting,
    targets: Targets,
    journal: Journal,
    folder: Path,
    clock: Clock,
    smtp: str,
) -> tuple[Service, Page, View]:
    """The service, the page of its certificate, and the view of its mails (`core/links` says where).

    `folder` is this service's own, for its key. `smtp`: the server that mails are sent through, empty for none.
    """
    state = await Sns.open(store, clock)
    mail = await Mail.open(store, clock, smtp)
    signer = Signer(folder, clock)
    deliveries = Deliveries(state, queues, acting, targets, journal, signer, mail, clock)
    await deliveries.start()
    house = House(state, deliveries, mail)

    async def reset() -> None:
        await deliveries.reset()
        await state.clear()
        await mail.clear()

    operations, direct = bind(house, topics, subscriptions, publish, sms)
    service = Service("sns", operations, direct, deliveries.close, reset, access(state))
    return service, signer.serve, mail.view
