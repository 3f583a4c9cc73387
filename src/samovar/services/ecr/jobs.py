"""What ECR does by itself, every hour: uploads that nobody goes on with, layers that nothing names.

Rule: what is interrupted is found again the next time, as nothing is remembered but the records.
"""

import logging
from typing import Final

from samovar.services.ecr.state import Ecr
from samovar.store.errors import StoreError

EVERY_S: Final = 3600
_log = logging.getLogger(__name__)


async def run(state: Ecr) -> None:
    while True:
        await state.clock.sleep_until((state.clock.now() // EVERY_S + 1) * EVERY_S)
        try:
            await state.sweep()
        except StoreError as error:
            _log.warning("what ECR has to clean up is tried again in an hour: %s", error)
