"""What ECR tells EventBridge: `ECR Image Action`, of every push and deletion (ECR user guide, EventBridge)."""

from typing import Final

import msgspec

from samovar.core.context import Context
from samovar.delivery.outbox import Outbox, Shipment
from samovar.delivery.targets import Parcel
from samovar.services.ecr.records import Image, Repository
from samovar.store.sqlite import Change

PRINCIPAL: Final = "ecr.amazonaws.com"


class Events:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def putting(self, ctx: Context, repository: Repository, action: str, image: Image, tag: str) -> Change:
        """The change that sends word of it. `action`: PUSH or DELETE."""
        now = self._outbox.now()
        detail: dict[str, str] = {
            "result": "SUCCESS",
            "repository-name": repository.name,
            "image-digest": image.digest,
            "action-type": action,
            **({"image-tag": tag} if tag else {}),
        }
        parcel = Parcel(
            target=f"arn:aws:events:{repository.region}:{repository.account}:event-bus/default",
            payload=msgspec.json.encode(detail).decode(),
            principal=PRINCIPAL,
            source="ecr",
            origin=repository.arn,
            account=repository.account,
            region=repository.region,
            event_id=ctx.request_id,
            trace_id=ctx.trace_id,
            options={"DetailType": "ECR Image Action", "Source": "aws.ecr", "Resources": [], "Time": now},
        )
        return await self._outbox.putting(Shipment(parcel, now))
