"""`engine/provisioning.py`: environments that are ready ahead of invocations. The house answers by hand."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from samovar.engine.concurrency import Concurrency, Rates
from samovar.engine.limits import Reason, Throttle
from samovar.engine.model import InitFailure, Invocation, Version
from samovar.engine.pool import Lease, Pool
from samovar.engine.provisioning import AT_ONCE, Provisioned, Provisioning, Status, Use

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
ARN = f"{F.function_arn}:prod"
V1 = msgspec.structs.replace(F, key="f#1", version="1")
V2 = msgspec.structs.replace(F, key="f#2", version="2")
BROKEN = InitFailure("Runtime.ImportModuleError", b"{}")


class Env:
    def __init__(self, number: int, version: Version, house: "House") -> None:
        self.house = house
        self.id = f"env-{number}"
        self.version = version
        self.version_key = version.key
        self.memory_mb = version.memory_mb
        self.told: Callable[[InitFailure | None], None] | None = None
        self.retired = False

    def retire(self) -> None:
        self.retired = True
        self.house.die(self)


class House:
    """An engine whose environments become ready, or fail, when the test says so."""

    def __init__(self, limit: int = 20, memory_mb: int = 100_000, requests: bool = False) -> None:
        self.limits = Concurrency(limit, Rates(requests=requests))
        self.pool: Pool[Env] = Pool(self._make, limits=self.limits, memory_mb=memory_mb)
        self.made: list[Env] = []
        self.starting: list[Env] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.provisioning = Provisioning(self, self.limits)

    def _make(self, version: Version) -> Env:
        self.made.append(Env(len(self.made) + 1, version, self))
        return self.made[-1]

    def initialise(self, version: Version, told: Callable[[InitFailure | None], None]) -> Env | Throttle:
        lease = self.pool.keep(version)
        if isinstance(lease, Throttle):
            return lease
        lease.environment.told = told
        self.starting.append(lease.environment)
        return lease.environment

    def offer(self, environment: Env) -> None:
        for gone in self.pool.offer(environment, 0.0):
            self._gone(gone)

    def retire(self, version_key: str) -> None:
        for gone in self.pool.retire(version_key):
            if gone in self.starting:
                self.starting.remove(gone)
                gone.told(InitFailure(""))
            self._gone(gone)

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        self.timers.append((seconds, callback))

    def _gone(self, environment: Env) -> None:
        environment.retire()

    def ready(self, count: int = 1) -> None:
        for _ in range(count):
            self.starting.pop(0).told(None)

    def fail(self, failure: InitFailure = BROKEN) -> None:
        environment = self.starting.pop(0)
        environment.told(failure)
        self.die(environment)

    def die(self, environment: Env) -> None:
        self.pool.discard(environment)
        self.provisioning.lost(environment)

    def wait(self) -> float:
        seconds, callback = self.timers.pop(0)
        callback()
        return seconds

    def claim(self, version: Version = V1, arn: str = ARN, now: float = 0.0) -> Env | None:
        lease = self.provisioning.claim(version, Invocation("id", arn, b"{}"), now)
        return lease.environment if lease is not None else None

    def release(self, environment: Env) -> None:
        for gone in self.pool.release(environment, 0.0):
            self._gone(gone)

    @property
    def stands(self) -> Provisioned | None:
        return self.provisioning.get(ARN)


@pytest.fixture
def house() -> House:
    return House()


def test_the_first_comes_alone_then_the_others_and_all_are_in_use_together(house):
    house.provisioning.put(ARN, [(V1, 3)])
    assert len(house.starting) == 1
    house.ready()
    assert len(house.starting) == 2
    house.ready()
    assert house.stands == Provisioned(Status.IN_PROGRESS, requested=3, allocated=2, available=0)
    assert house.claim() is None
    house.ready()
    assert house.stands == Provisioned(Status.READY, requested=3, allocated=3, available=3)
    assert house.claim() in house.made


def test_no_more_than_a_few_start_at_once(house):
    house.provisioning.put(ARN, [(V1, 20)])
    house.ready()
    assert len(house.starting) == AT_ONCE
    while house.starting:
        house.ready()
    assert house.stands.status is Status.READY
    assert len(house.made) == 20


def test_allocations_take_turns_and_all_get_theirs(house):
    for number in range(AT_ONCE + 2):
        house.provisioning.put(f"{ARN}{number}", [(V1, 3)])
    assert len(house.starting) == AT_ONCE
    house.fail()
    while house.starting or house.timers:
        assert len(house.starting) <= AT_ONCE
        if house.starting:
            house.ready()
        else:
            house.wait()
    stands = [house.provisioning.get(f"{ARN}{number}") for number in range(AT_ONCE + 2)]
    assert {each.status for each in stands} == {Status.READY}
    assert sum(each.allocated for each in stands) == 3 * (AT_ONCE + 2)


def test_an_invocation_beyond_them_spills_over_and_a_released_one_is_claimed_again(house):
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready(2)
    first, second = house.claim(), house.claim()
    assert {first, second} == set(house.made)
    assert house.claim() is None
    house.release(first)
    assert house.claim() is first


def test_another_qualifier_or_another_version_gets_none(house):
    house.provisioning.put(ARN, [(V1, 1)])
    house.ready()
    assert house.claim(V1, F.function_arn) is None
    assert house.claim(V1, f"{F.function_arn}:1") is None
    assert house.claim(V2, ARN) is None  # the alias's additional version


def test_an_alias_uses_what_its_version_has(house):
    house.provisioning.put(f"{F.function_arn}:1", [(V1, 1)])
    house.ready()
    assert house.claim(V1, ARN) is house.made[0]


def test_six_inits_are_tried_and_then_it_has_failed_until_it_is_asked_for_anew(house):
    """facts/lambda-api.md §10."""
    house.provisioning.put(ARN, [(V1, 10)])
    waits = []
    for attempt in range(6):
        assert house.stands.status is Status.IN_PROGRESS
        house.fail()
        if attempt < 5:
            assert house.starting == []
            waits.append(house.wait())
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert house.stands == Provisioned(Status.FAILED, 10, 0, 0, "FUNCTION_ERROR_INIT_FAILURE")
    assert (house.starting, house.timers, len(house.made), len(house.pool)) == ([], [], 6, 0)
    house.provisioning.put(ARN, [(V1, 10)])  # a restart of something else
    assert house.stands.status is Status.FAILED
    house.provisioning.put(ARN, [(V1, 10)], anew=True)
    assert house.stands.status is Status.IN_PROGRESS
    assert len(house.starting) == 1


def test_a_success_forgives_the_failures_before_it(house):
    house.provisioning.put(ARN, [(V1, 2)])
    for _ in range(5):
        house.fail()
        house.wait()
    house.ready()
    for _ in range(5):
        house.fail()
        house.wait()
    house.ready()
    assert house.stands.status is Status.READY


def test_without_memory_it_says_so():
    house = House(memory_mb=V1.memory_mb)
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready()
    while house.timers:
        house.wait()
    assert house.stands.status is Status.FAILED
    assert house.stands.reason.startswith("f: no memory for another environment of 128 MB")
    assert len(house.pool) == 0


def test_one_that_dies_is_replaced_and_the_others_stay_in_use(house):
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready(2)
    busy = house.claim()
    house.die(busy)
    assert house.stands == Provisioned(Status.READY, 2, 1, 1)
    assert house.claim() is not None
    house.wait()
    house.ready()
    assert house.stands == Provisioned(Status.READY, 2, 2, 2)
    assert house.claim() is house.made[2]


def test_another_number_keeps_what_is_there(house):
    house.provisioning.put(ARN, [(V1, 1)])
    house.ready()
    first = house.claim()
    house.provisioning.put(ARN, [(V1, 3)], anew=True)
    assert house.stands == Provisioned(Status.IN_PROGRESS, 3, 1, 1)
    house.ready(2)
    assert house.stands == Provisioned(Status.READY, 3, 3, 3)
    house.provisioning.put(ARN, [(V1, 1)], anew=True)
    assert [env.retired for env in house.made] == [False, True, True]
    house.release(first)
    assert house.stands == Provisioned(Status.READY, 1, 1, 1)
    assert house.claim() is first


def test_fewer_and_then_more_starts_new_ones_while_the_old_ones_still_leave(house):
    house.provisioning.put(ARN, [(V1, 3)])
    house.ready(3)
    house.provisioning.put(ARN, [(V1, 1)], anew=True)
    house.provisioning.put(ARN, [(V1, 3)], anew=True)
    assert house.stands == Provisioned(Status.IN_PROGRESS, 3, 1, 1)
    house.ready(2)
    assert house.stands == Provisioned(Status.READY, 3, 3, 3)


def test_busy_ones_too_many_go_when_they_are_released(house):
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready(2)
    first, second = house.claim(), house.claim()
    house.provisioning.put(ARN, [(V1, 1)], anew=True)
    assert not first.retired
    house.release(first)
    assert first.retired
    house.release(second)
    assert not second.retired


def test_another_version_replaces_all_at_once_and_running_invocations_finish(house):
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready(2)
    busy = house.claim()
    house.provisioning.put(ARN, [(V2, 2)])
    assert house.stands == Provisioned(Status.IN_PROGRESS, 2, 0, 0)
    assert [env.retired for env in house.made if env is not busy and env.version.version == "1"] == [True]
    assert not busy.retired
    house.release(busy)
    assert busy.retired
    house.ready(2)
    assert house.claim(V2).version.version == "2"


def test_two_versions_of_an_alias_each_have_their_share(house):
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready(2)
    house.provisioning.put(ARN, [(V1, 1), (V2, 1)])
    assert house.stands == Provisioned(Status.IN_PROGRESS, requested=2, allocated=1, available=1)
    assert house.claim(V1).version.version == "1"
    assert house.claim(V2) is None
    house.ready()
    assert house.stands == Provisioned(Status.READY, 2, 2, 2)
    assert house.claim(V2).version.version == "2"
    assert repr(house.limits) == "0 of 18"
    assert house.provisioning.use(ARN) == Use(1.0, 1.0)
    house.provisioning.put(ARN, [(V2, 2)])
    house.ready()
    assert house.stands == Provisioned(Status.READY, 2, 2, 2)
    assert house.claim(V1) is None


def test_one_versions_failure_is_the_aliass(house):
    house.provisioning.put(ARN, [(V1, 1), (V2, 1)])
    house.ready()
    for attempt in range(6):
        house.fail()
        if attempt < 5:
            house.wait()
    assert house.stands == Provisioned(Status.FAILED, 2, 1, 1, "FUNCTION_ERROR_INIT_FAILURE")


def test_let_go_while_it_begins_nothing_is_left(house):
    house.provisioning.put(ARN, [(V1, 3)])
    house.ready()
    house.provisioning.remove(ARN)
    assert house.stands is None
    assert (house.starting, len(house.pool), house.timers) == ([], 0, [])
    house.provisioning.remove(ARN)


def test_what_is_in_use_is_taken_from_what_the_others_share(house):
    house.provisioning.put(ARN, [(V1, 4)])
    hold = house.limits.share(F)
    assert repr(house.limits) == "0 of 20"
    house.ready(4)
    assert repr(house.limits) == "0 of 16"
    house.claim()
    assert repr(house.limits) == "0 of 16"
    house.provisioning.remove(ARN)
    assert repr(house.limits) == "0 of 20"
    assert hold


def test_all_reserved_and_provisioned_throttles_every_other_qualifier(house):
    house.limits.reserve(F.function_arn, 2)
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready(2)
    refusal = house.pool.assign(F, 0.0)
    assert isinstance(refusal, Throttle)
    assert refusal.reason is Reason.RESERVED
    assert house.claim() is not None


def test_more_than_ten_requests_a_second_for_each_spill_over():
    house = House(requests=True)
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready(2)
    for _ in range(20):
        house.release(house.claim())
    assert house.claim() is None
    assert house.claim(now=0.1) is not None


def test_neither_age_nor_others_need_for_memory_takes_them():
    house = House(memory_mb=3 * V1.memory_mb)
    house.provisioning.put(ARN, [(V1, 2)])
    house.ready(2)
    assert house.pool.reap(1e9, 0.0) == ()
    assert isinstance(house.pool.assign(F, 0.0), Lease)
    assert house.pool.assign(F, 0.0).reason is Reason.MEMORY


def test_the_use_is_what_invocations_found_busy_with_themselves_since_it_was_asked_last(house):
    assert house.provisioning.use(ARN) is None
    house.provisioning.put(ARN, [(V1, 4)])
    house.ready(4)
    assert house.provisioning.use(ARN) is None
    for _ in range(3):
        house.claim()
    assert house.provisioning.use(ARN) == Use(average=0.5, maximum=0.75)
    assert house.provisioning.use(ARN) is None
    assert house.claim() is not None
    assert house.claim() is None
    assert house.provisioning.use(ARN) == Use(average=1.0, maximum=1.0)


class ProvisioningMachine(RuleBasedStateMachine):
    """Any sequence of calls: what is in use is what the limits know, nothing is started too often, nothing leaks."""

    @initialize()
    def begin(self) -> None:
        self.house = House(limit=50, memory_mb=14 * V1.memory_mb)
        self.busy: list[Env] = []

    @rule(
        name=st.sampled_from("abc"),
        shares=st.sampled_from([[(V1, 1)], [(V1, 5)], [(V2, 3)], [(V1, 2), (V2, 2)], [(V1, 4), (V2, 0)], [(V1, 12)]]),
        anew=st.booleans(),
    )
    def put(self, name: str, shares: list[tuple[Version, int]], anew: bool) -> None:
        self.house.provisioning.put(f"{ARN}{name}", shares, anew=anew)

    @rule(name=st.sampled_from("abc"))
    def remove(self, name: str) -> None:
        self.house.provisioning.remove(f"{ARN}{name}")

    @precondition(lambda self: self.house.starting)
    @rule(well=st.integers(0, 3))
    def initialised(self, well: int) -> None:
        if well:
            self.house.ready()
        else:
            self.house.fail()

    @precondition(lambda self: self.house.timers)
    @rule()
    def later(self) -> None:
        self.house.wait()

    @rule(name=st.sampled_from("abc"), version=st.sampled_from([V1, V2]))
    def claim(self, name: str, version: Version) -> None:
        environment = self.house.claim(version, f"{ARN}{name}")
        if environment is not None:
            assert environment not in self.busy
            assert not environment.retired
            assert environment.version.version == version.version
            self.busy.append(environment)

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), dies=st.booleans())
    def end(self, data: st.DataObject, dies: bool) -> None:
        environment = self.busy.pop(data.draw(st.integers(0, len(self.busy) - 1)))
        if dies:
            self.house.die(environment)
        else:
            self.house.release(environment)

    @rule()
    def invoke_ordinarily(self) -> None:
        lease = self.house.pool.assign(F, 0.0)
        if isinstance(lease, Lease):
            if lease.cold:
                self.house.pool.started(lease.environment)
            self.house.pool.release(lease.environment, 0.0)

    @invariant()
    def what_is_told_agrees(self) -> None:
        in_use = 0
        for name in "abc":
            stands = self.house.provisioning.get(f"{ARN}{name}")
            if stands is not None:
                assert 0 <= stands.available <= stands.allocated <= stands.requested
                assert (stands.status is Status.READY) <= (stands.available == stands.allocated)
        for allocation in self.house.provisioning._by_key.values():
            in_use += allocation.units if allocation.in_use else 0
        hold = self.house.limits.share(F)
        told = repr(self.house.limits)
        assert told == f"0 of {50 - in_use}", (told, in_use)
        assert hold
        assert len(self.house.starting) <= AT_ONCE
        assert self.house.pool.used_mb <= 14 * V1.memory_mb

    def teardown(self) -> None:
        self.house.provisioning.close()
        while self.house.starting:
            self.house.ready()
        while self.house.timers:
            self.house.wait()
        for environment in self.busy:
            self.house.release(environment)
        self.house.pool.reap(1e9, 0.0)
        assert len(self.house.pool) == 0
        assert repr(self.house.limits) == "0 of 50"


ProvisioningMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
test_any_sequence_of_calls = ProvisioningMachine.TestCase
