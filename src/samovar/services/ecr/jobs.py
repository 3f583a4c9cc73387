"""What ECR does by itself, every hour: lifecycle policies, uploads that nobody goes on with, layers that nothing names.

AWS applies lifecycle policies within a day.

Rule: what is interrupted is found again the next time, as nothing is remembered but the records.
"""

import logging
from typing import Final

from samovar.core.context import Acting
from samovar.services.ecr.events import PRINCIPAL
from samovar.services.ecr.state import Ecr
from samovar.store.errors import StoreError

EVERY_S: Final = 3600
_log = logging.getLogger(__name__)


async def run(state: Ecr, acting: Acting) -> None:
    begun = state.clock.now()
    while True:
        await state.clock.sleep_until((begun // EVERY_S + 1) * EVERY_S)
        begun = state.clock.now()  # an hour that comes while this one's work is done isn't missed
        try:
            await _apply_policies(state, acting)
            await state.sweep()
        except StoreError as error:
            _log.warning("what ECR has to clean up is tried again in an hour: %s", error)


async def _apply_policies(state: Ecr, acting: Acting) -> None:
    for _, repository in state.repositories.items():
        if repository.lifecycle:
            ctx = acting(repository.account, repository.region, PRINCIPAL, repository.arn)
            await state.apply_lifecycle(ctx, repository)
