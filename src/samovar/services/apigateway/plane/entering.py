"""Who may enter: authorizers, signatures, the API's resource policy, API keys (facts/apigateway.md §7).

Owns: the order in which these are asked. `then` hears None, or the Refusal.
"""

from collections.abc import Callable

from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.refusals import Refusal

Then = Callable[[Refusal | None], None]


class Entrance:
    def enter(self, exchange: Exchange, then: Then) -> None:
        then(None)
