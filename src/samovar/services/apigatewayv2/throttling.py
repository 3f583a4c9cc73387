"""How fast a stage's routes may be taken: its settings for all of them, and for one (facts/apigateway.md §9, §12)."""

from samovar.core.bucket import Bucket
from samovar.services.apigatewayv2.records import Stage

_RATE, _BURST = 10_000.0, 5_000.0
"""What a limit is where only the other one was given: the account's."""


def bucket(stage: Stage, route_key: str) -> Bucket | None:
    """None for a route without a limit of its own."""
    settings = {**stage.default_route_settings, **stage.route_settings.get(route_key, {})}
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None and burst is None:
        return None
    return Bucket(capacity=_BURST if burst is None else burst, per_s=_RATE if rate is None else rate)
