"""What every driver of `engine/limits.py` keeps, and the rates of the one there is."""

from collections.abc import Callable

import msgspec
import pytest

from samovar.core.clock import FakeClock
from samovar.engine.concurrency import Concurrency, Growth, Rates
from samovar.engine.limits import Limits, Reason, Slot, Throttle
from samovar.engine.model import Version

DRIVERS: dict[str, Callable[[int], Limits]] = {
    "one process": lambda limit: Concurrency(limit, Rates(requests=False)),
}
F = Version(
    key="f",
    account="000000000000",
    region="us-east-1",
    function_name="f",
    function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
    version="$LATEST",
    runtime="python3.12",
    handler="app.handler",
    memory_mb=128,
    timeout_s=3,
    ephemeral_mb=512,
    code="",
    variables={},
    role_arn="",
    log_group="",
)


def of(name: str, account: str = "000000000000", region: str = "us-east-1") -> Version:
    arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
    return msgspec.structs.replace(
        F, key=arn, function_name=name, function_arn=arn, account=account, region=region
    )


F, G, H = of("f"), of("g"), of("h")


class Caller:
    """Holds on to the shares, as environments do."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held: list[object] = []

    def lease(self, version: Version, now: float = 0.0) -> Slot | Throttle:
        share = self.limits.share(version)
        self.held.append(share)
        return share.lease(now)

    def all(self, version: Version) -> list[Slot]:
        slots: list[Slot] = []
        while not isinstance(slot := self.lease(version), Throttle):
            slots.append(slot)
        return slots

    def refusal(self, version: Version) -> Reason:
        slot = self.lease(version)
        assert isinstance(slot, Throttle)
        return slot.reason


@pytest.fixture(params=DRIVERS)
def limits(request: pytest.FixtureRequest) -> Caller:
    return Caller(DRIVERS[request.param](10))


def test_the_functions_of_an_account_share_its_limit(limits):
    assert len(limits.all(F)) == 10
    assert limits.refusal(F) is Reason.CONCURRENCY
    assert limits.refusal(G) is Reason.CONCURRENCY


def test_a_slot_that_has_ended_is_there_for_the_next_and_ends_once(limits):
    first, *_ = limits.all(F)
    first.end()
    first.end()
    assert len(limits.all(G)) == 1


def test_accounts_and_regions_take_nothing_from_each_other(limits):
    limits.all(F)
    assert len(limits.all(of("f", account="111111111111"))) == 10
    assert len(limits.all(of("f", region="eu-west-1"))) == 10


def test_a_flood_takes_nothing_from_anothers_reservation_nor_a_reservation_from_the_others(limits):
    limits.limits.reserve(F.function_arn, 3)
    assert len(limits.all(G)) == 7
    assert limits.refusal(H) is Reason.CONCURRENCY
    assert len(limits.all(F)) == 3
    assert limits.refusal(F) is Reason.RESERVED


def test_nothing_reserved_turns_a_function_off_and_taking_that_back_turns_it_on(limits):
    limits.limits.reserve(F.function_arn, 0)
    assert limits.refusal(F) is Reason.RESERVED
    limits.limits.reserve(F.function_arn, None)
    assert len(limits.all(F)) == 10


def test_a_change_stops_nothing_and_what_runs_counts_where_it_would_be_admitted_now(limits):
    slots = limits.all(F)
    limits.limits.reserve(F.function_arn, 4)
    assert limits.refusal(F) is Reason.RESERVED
    assert len(limits.all(G)) == 6
    for slot in slots[:7]:
        slot.end()
    assert len(limits.all(F)) == 1
    limits.limits.reserve(F.function_arn, None)
    assert limits.refusal(F) is Reason.CONCURRENCY


def test_what_is_provisioned_is_taken_from_what_the_others_share(limits):
    limits.limits.provision(F.function_arn, 4)
    assert len(limits.all(G)) == 6
    limits.limits.provision(F.function_arn, 1)
    assert len(limits.all(F)) == 3
    limits.limits.provision(F.function_arn, 0)
    assert len(limits.all(H)) == 1


def test_what_is_provisioned_of_a_reservation_is_taken_from_that(limits):
    """facts/lambda-runtime.md §7: if all of it is provisioned, $LATEST and others are throttled."""
    limits.limits.reserve(F.function_arn, 5)
    limits.limits.provision(F.function_arn, 3)
    assert len(limits.all(G)) == 5
    assert len(limits.all(F)) == 2
    limits.limits.provision(F.function_arn, 5)
    assert limits.refusal(F) is Reason.RESERVED
    limits.limits.reserve(F.function_arn, None)
    limits.limits.provision(F.function_arn, 0)
    assert len(limits.all(H)) == 10 - 5 - 2


def test_a_limit_that_was_lowered_below_what_is_provisioned_refuses_and_does_not_go_below_nothing(limits):
    limits.limits.provision(F.function_arn, 3)
    limits.limits.reserve(F.function_arn, 1)
    assert limits.refusal(F) is Reason.RESERVED
    assert len(limits.all(G)) == 9


# --- rates, by the clock --------------------------------------------------------------------------------------------


def grown(limits: Concurrency, clock: FakeClock, *versions: Version) -> int:
    """How many environments may come now."""
    shares = [limits.share(version) for version in versions]
    count = 0
    while any(share.grow(clock.monotonic()) is None for share in shares):
        count += 1
    return count


def test_a_function_gets_a_thousand_environments_every_ten_seconds_and_each_its_own():
    """facts/lambda-limits.md §1, scaling rate: continuous refill, not accumulating."""
    clock, limits = FakeClock(), Concurrency(100_000)
    hold = limits.share(F), limits.share(G)
    assert grown(limits, clock, F) == 1000
    assert grown(limits, clock, G) == 1000
    clock.advance(0.5)
    assert grown(limits, clock, F) == 50
    clock.advance(9.5)
    assert grown(limits, clock, F) == 950
    clock.advance(3600)
    assert grown(limits, clock, F) == 1000
    refusal = limits.share(F).grow(clock.monotonic())
    assert refusal is not None
    assert refusal.reason is Reason.SCALING
    assert hold


@pytest.mark.parametrize("burst", [500, 1000, 3000])
def test_before_2023_an_account_burst_and_then_grew_by_500_a_minute(burst):
    clock, limits = FakeClock(), Concurrency(100_000, Rates(Growth.burst(burst)))
    hold = limits.share(F), limits.share(G)
    assert grown(limits, clock, F, G) == burst
    clock.advance(60)
    assert grown(limits, clock, G) == 500
    clock.advance(6)
    assert grown(limits, clock, F) == 50
    assert hold


def requests(limits: Concurrency, version: Version, now: float) -> tuple[int, Reason]:
    share = limits.share(version)
    admitted = 0
    while not isinstance(slot := share.lease(now), Throttle):
        slot.end()
        admitted += 1
    return admitted, slot.reason


def test_ten_requests_a_second_for_each_unit_of_the_account():
    clock, limits = FakeClock(), Concurrency(20)
    limits.reserve(G.function_arn, 5)
    hold = limits.share(F)
    assert requests(limits, F, clock.monotonic()) == (150, Reason.RATE)
    clock.advance(0.1)
    assert requests(limits, F, clock.monotonic()) == (15, Reason.RATE)
    assert hold


def test_ten_requests_a_second_for_each_unit_of_a_reservation():
    clock, limits = FakeClock(), Concurrency(20)
    limits.reserve(F.function_arn, 2)
    assert requests(limits, F, clock.monotonic()) == (20, Reason.RESERVED_RATE)
    assert requests(limits, G, clock.monotonic()) == (180, Reason.RATE)
    clock.advance(1)
    assert requests(limits, F, clock.monotonic()) == (20, Reason.RESERVED_RATE)


def test_the_request_rate_can_be_left_out():
    limits = Concurrency(1, Rates(requests=False))
    share = limits.share(F)
    for _ in range(100):
        slot = share.lease(0.0)
        assert not isinstance(slot, Throttle)
        slot.end()
