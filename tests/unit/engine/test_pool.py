"""`engine/pool.py`: who gets which environment. The pool's repr reads as a sentence; a state machine plays the rest."""

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from samovar.engine.concurrency import Concurrency
from samovar.engine.model import Version
from samovar.engine.pool import Lease, Pool, Reason, Throttle


def arn(name: str = "f", account: str = "000000000000") -> str:
    return f"arn:aws:lambda:us-east-1:{account}:function:{name}"


def version(name: str = "f", revision: int = 1, memory_mb: int = 128, account: str = "000000000000") -> Version:
    return Version(
        key=f"{name}/{revision}" if account == "000000000000" else f"{account}/{name}/{revision}",
        account=account,
        region="us-east-1",
        function_name=name,
        function_arn=arn(name, account),
        version="$LATEST",
        runtime="python3.12",
        handler="app.handler",
        memory_mb=memory_mb,
        timeout_s=3,
        ephemeral_mb=512,
        code="",
        variables={},
        role_arn="",
        log_group=f"/aws/lambda/{name}",
    )


class Env(msgspec.Struct, frozen=True):
    id: str
    version_key: str
    memory_mb: int


class Maker:
    def __init__(self) -> None:
        self.made = 0

    def __call__(self, version: Version) -> Env:
        self.made += 1
        return Env(f"env-{self.made}", version.key, version.memory_mb)


def make_pool(limit: int = 1000, memory_mb: int = 100_000) -> Pool[Env]:
    return Pool(Maker(), limits=Concurrency(limit), memory_mb=memory_mb)


def leased(pool: Pool[Env], wanted: Version) -> Env:
    lease = pool.assign(wanted, 0.0)
    assert isinstance(lease, Lease)
    return lease.environment


def running(pool: Pool[Env], wanted: Version) -> Env:
    environment = leased(pool, wanted)
    pool.started(environment)
    return environment


def test_the_first_invocation_starts_an_environment_of_its_own():
    pool = make_pool()
    lease = pool.assign(version(), 0.0)
    assert lease == Lease(Env("env-1", "f/1", 128), cold=True)
    assert repr(pool) == "Pool(f: 0 busy, 0 idle, 1 starting; 1 of 1000)"
    pool.started(lease.environment)
    assert repr(pool) == "Pool(f: 1 busy, 0 idle, 0 starting; 1 of 1000)"


def test_who_wants_a_fresh_one_gets_no_used_one():
    """Not even where its memory must come from one."""
    pool = make_pool(memory_mb=128)
    pool.release(running(pool, version()), 1.0)
    lease = pool.assign(version(), 2.0, fresh=True)
    assert lease == Lease(Env("env-2", "f/1", 128), cold=True, destroy=(Env("env-1", "f/1", 128),))
    assert repr(pool) == "Pool(f: 0 busy, 0 idle, 1 starting; 1 of 1000)"


def test_a_released_environment_is_reused():
    pool = make_pool()
    environment = running(pool, version())
    assert pool.release(environment, now=1.0) == ()
    assert repr(pool) == "Pool(f: 0 busy, 1 idle, 0 starting; 0 of 1000)"
    assert pool.assign(version(), 0.0) == Lease(environment)
    assert repr(pool) == "Pool(f: 1 busy, 0 idle, 0 starting; 1 of 1000)"


def test_the_most_recently_used_environment_comes_first():
    pool = make_pool()
    one, two, three = (running(pool, version()) for _ in range(3))
    for now, environment in enumerate((two, three, one)):
        pool.release(environment, float(now))
    assert [leased(pool, version()) for _ in range(3)] == [one, three, two]


def test_an_environment_is_used_for_no_other_revision():
    pool = make_pool()
    pool.release(running(pool, version(revision=1)), now=0.0)
    assert pool.assign(version(revision=2), 0.0).cold
    assert repr(pool) == "Pool(f: 0 busy, 1 idle, 0 starting; f: 0 busy, 0 idle, 1 starting; 1 of 1000)"


def test_concurrent_invocations_get_environments_of_their_own():
    pool = make_pool()
    assert len({running(pool, version()).id for _ in range(10)}) == 10
    assert repr(pool) == "Pool(f: 10 busy, 0 idle, 0 starting; 10 of 1000)"


def test_at_the_limit_an_invocation_is_throttled_even_where_an_environment_is_idle():
    """facts/lambda-limits.md §2: a request counts from admission to the end of the invocation."""
    pool = make_pool(limit=2)
    first, _ = running(pool, version("f")), running(pool, version("f"))
    pool.release(first, now=0.0)
    starting = leased(pool, version("g"))
    assert pool.assign(version("f"), 0.0) == Throttle(Reason.CONCURRENCY, "f: 2 invocations run already")
    assert repr(pool) == "Pool(f: 1 busy, 1 idle, 0 starting; g: 0 busy, 0 idle, 1 starting; 2 of 2)"
    pool.discard(starting)
    assert pool.assign(version("f"), 0.0) == Lease(first)


def test_when_memory_lacks_the_idle_environments_used_least_recently_go_first():
    pool = make_pool(memory_mb=1000)
    old, new, busy = (running(pool, version(name, memory_mb=300)) for name in ("old", "new", "busy"))
    pool.release(old, now=1.0)
    pool.release(new, now=2.0)
    lease = pool.assign(version("f", memory_mb=200), 0.0)
    assert lease.destroy == (old,)
    assert repr(pool) == "Pool(new: 0 busy, 1 idle, 0 starting; busy: 1 busy, 0 idle, 0 starting; " + (
        "f: 0 busy, 0 idle, 1 starting; 2 of 1000)"
    )
    assert pool.used_mb == 800
    pool.discard(busy)
    assert pool.used_mb == 500


def test_as_many_idle_environments_go_as_are_needed():
    pool = make_pool(memory_mb=1000)
    idle = [running(pool, version(f"f{n}", memory_mb=200)) for n in range(5)]
    for now, environment in enumerate(idle):
        pool.release(environment, float(now))
    lease = pool.assign(version("big", memory_mb=500), 0.0)
    assert lease.destroy == tuple(idle[:3])
    assert pool.used_mb == 900


def test_when_even_all_idle_environments_would_not_make_room_none_goes():
    pool = make_pool(memory_mb=1000)
    running(pool, version("busy", memory_mb=600))
    pool.release(running(pool, version("idle", memory_mb=300)), now=0.0)
    assert pool.assign(version("big", memory_mb=500), 0.0) == Throttle(
        Reason.MEMORY, "big: no memory for another environment of 500 MB: 600 of 1000 MB are in use"
    )
    assert repr(pool) == "Pool(busy: 1 busy, 0 idle, 0 starting; idle: 0 busy, 1 idle, 0 starting; 1 of 1000)"


def test_a_warm_invocation_needs_no_memory():
    pool = make_pool(memory_mb=128)
    pool.release(running(pool, version()), now=0.0)
    assert not pool.assign(version(), 0.0).cold


def test_retiring_a_version_destroys_the_idle_now_and_the_others_as_they_are_released():
    pool = make_pool()
    idle, busy, starting = running(pool, version()), running(pool, version()), leased(pool, version())
    other = running(pool, version(revision=2))
    pool.release(idle, now=0.0)
    assert pool.retire("f/1") == (idle,)
    assert pool.release(busy, now=1.0) == (busy,)
    assert pool.release(starting, now=1.0) == (starting,)
    assert repr(pool) == "Pool(f: 1 busy, 0 idle, 0 starting; 1 of 1000)"
    assert pool.release(other, now=1.0) == ()
    assert pool.retire("never seen") == ()


def test_of_environments_to_expel_only_the_idle_ones_go():
    pool, f = make_pool(), version()
    idle, busy = running(pool, f), running(pool, f)
    pool.release(idle, 0.0)
    assert pool.expel([idle, busy]) == (idle,)
    assert repr(pool) == "Pool(f: 1 busy, 0 idle, 0 starting; 1 of 1000)"
    assert pool.expel([idle]) == ()


def test_environments_idle_for_too_long_are_reaped():
    pool = make_pool()
    old, new = running(pool, version("f")), running(pool, version("g"))
    pool.release(old, now=100.0)
    pool.release(new, now=101.0)
    assert pool.reap(now=399.0, idle_timeout_s=300.0) == ()
    assert pool.reap(now=400.0, idle_timeout_s=300.0) == (old,)
    assert repr(pool) == "Pool(g: 0 busy, 1 idle, 0 starting; 0 of 1000)"


def test_an_environment_in_use_again_is_not_old():
    pool = make_pool()
    environment = running(pool, version())
    pool.release(environment, now=0.0)
    assert leased(pool, version()) is environment
    pool.release(environment, now=299.0)
    assert pool.reap(now=300.0, idle_timeout_s=300.0) == ()


def test_a_dead_environment_is_forgotten_whatever_it_was_at_and_how_often():
    pool = make_pool()
    idle, busy, starting = running(pool, version()), running(pool, version()), leased(pool, version())
    pool.release(idle, now=0.0)
    for environment in (idle, busy, starting, idle, busy, starting):
        pool.discard(environment)
    assert repr(pool) == "Pool(0 of 1000)"
    assert (pool.used_mb, pool.running, len(pool)) == (0, 0, 0)


def test_releasing_what_nobody_leased_is_a_bug():
    pool = make_pool()
    environment, _ = running(pool, version()), running(pool, version())
    pool.release(environment, now=0.0)
    with pytest.raises(KeyError):
        pool.release(environment, now=0.0)


def test_clear_lets_every_version_go():
    pool = make_pool()
    idle, busy = running(pool, version("f")), running(pool, version("g"))
    pool.release(idle, now=0.0)
    assert pool.clear() == (idle,)
    assert pool.release(busy, now=0.0) == (busy,)
    assert repr(pool) == "Pool(0 of 1000)"


def test_a_function_with_a_reservation_has_it_and_no_more():
    """facts/lambda-limits.md §2: it uses only its reserve, and always has it."""
    pool = make_pool(limit=3)
    pool.limits.reserve(arn("f"), 2)
    running(pool, version("f"))
    first = running(pool, version("f"))
    assert pool.assign(version("f"), 0.0) == Throttle(Reason.RESERVED, "f: 2 of 2 reserved run already")
    running(pool, version("g"))
    assert pool.assign(version("g"), 0.0) == Throttle(Reason.CONCURRENCY, "g: 1 invocations run already")
    assert repr(pool) == (
        "Pool(f: 2 busy, 0 idle, 0 starting; g: 1 busy, 0 idle, 0 starting; f: 2 of 2 reserved; 1 of 1)"
    )
    pool.release(first, now=0.0)
    assert pool.assign(version("g"), 0.0).reason is Reason.CONCURRENCY
    assert pool.assign(version("f"), 0.0) == Lease(first)


def test_a_reservation_of_zero_turns_the_function_off_and_taking_it_back_on_again():
    pool = make_pool()
    environment = running(pool, version())
    pool.release(environment, now=0.0)
    pool.limits.reserve(arn(), 0)
    assert pool.assign(version(), 0.0) == Throttle(Reason.RESERVED, "f: 0 of 0 reserved run already")
    pool.limits.reserve(arn(), None)
    assert pool.assign(version(), 0.0) == Lease(environment)


def test_all_versions_of_a_function_share_its_reservation():
    pool = make_pool()
    pool.limits.reserve(arn(), 1)
    running(pool, version(revision=1))
    assert pool.assign(version(revision=2), 0.0).reason is Reason.RESERVED


def test_a_reservation_counts_what_runs_already_and_stops_none_of_it():
    pool = make_pool(limit=3)
    first, second = running(pool, version("f")), running(pool, version("f"))
    other = running(pool, version("g"))
    pool.limits.reserve(arn("f"), 1)
    assert pool.assign(version("f"), 0.0).reason is Reason.RESERVED
    lease = pool.assign(version("g"), 0.0)  # two of the three are nobody's reserve, and f's don't count against them
    assert lease.cold
    assert repr(pool.limits) == "f: 2 of 1 reserved; 2 of 2"
    pool.release(first, now=0.0)
    assert pool.assign(version("f"), 0.0).reason is Reason.RESERVED
    pool.release(second, now=0.0)
    assert pool.assign(version("f"), 0.0) == Lease(second)
    pool.limits.reserve(arn("f"), None)
    assert repr(pool.limits) == "3 of 3"
    pool.release(other, now=0.0)
    assert repr(pool.limits) == "2 of 3"


def test_accounts_do_not_take_each_others_concurrency():
    pool = make_pool(limit=1)
    running(pool, version("f"))
    assert pool.assign(version("f"), 0.0).reason is Reason.CONCURRENCY
    assert pool.assign(version("f", account="111111111111"), 0.0).cold
    pool.limits.reserve(arn("g", "222222222222"), 1)
    assert pool.assign(version("g", account="222222222222"), 0.0).cold
    assert pool.assign(version("f", account="222222222222"), 0.0).reason is Reason.CONCURRENCY
    assert repr(pool.limits) == "g: 1 of 1 reserved; 1 of 1; 1 of 1; 0 of 0"


LIMIT, BUDGET_MB = 4, 1000


class PoolMachine(RuleBasedStateMachine):
    """Any sequence of calls: never more invocations than the limits, never more memory than there is, nobody shares."""

    @initialize()
    def begin(self) -> None:
        self.maker = Maker()
        self.pool = Pool(self.maker, limits=Concurrency(LIMIT), memory_mb=BUDGET_MB)
        self.used: dict[str, Env] = {}
        self.idle: dict[str, Env] = {}
        self.retired: set[str] = set()
        self.reserved: dict[str, int] = {}
        self.now = 0.0

    def destroyed(self, environments: tuple[Env, ...]) -> None:
        for environment in environments:
            del self.idle[environment.id]

    @rule(name=st.sampled_from("fgh"), revision=st.integers(1, 2), memory_mb=st.sampled_from([128, 300, 900]))
    def invoke(self, name: str, revision: int, memory_mb: int) -> None:
        wanted = version(f"{name}{memory_mb}", revision, memory_mb)
        could_reuse = [env for env in self.idle.values() if env.version_key == wanted.key]
        busy_mb = sum(env.memory_mb for env in self.used.values())
        match self.pool.assign(wanted, self.now):
            case Throttle(Reason.CONCURRENCY):
                assert wanted.function_name not in self.reserved
                assert self.unreserved() >= LIMIT - sum(self.reserved.values())
            case Throttle(Reason.RESERVED):
                assert self.running_of(wanted.function_name) >= self.reserved[wanted.function_name]
            case Throttle(Reason.MEMORY):
                assert not could_reuse
                assert busy_mb + memory_mb > BUDGET_MB
            case Lease(environment, cold, destroy):
                assert cold == (not could_reuse)
                if wanted.function_name in self.reserved:
                    assert self.running_of(wanted.function_name) < self.reserved[wanted.function_name]
                else:
                    assert self.unreserved() < LIMIT - sum(self.reserved.values())
                assert environment.id not in self.used
                assert environment.version_key == wanted.key
                self.destroyed(destroy)
                self.used[environment.id] = environment
                if cold:
                    self.pool.started(environment)
                else:
                    assert environment == could_reuse[-1], "not the most recently used"
                    del self.idle[environment.id]
                if not any(env.version_key == wanted.key for env in self.used.values() if env is not environment):
                    self.retired.discard(wanted.key)

    def running_of(self, name: str) -> int:
        return sum(env.version_key.partition("/")[0] == name for env in self.used.values())

    def unreserved(self) -> int:
        return sum(env.version_key.partition("/")[0] not in self.reserved for env in self.used.values())

    @rule(name=st.sampled_from(["f128", "g128", "f300"]), reserved=st.none() | st.integers(0, 2))
    def reserve(self, name: str, reserved: int | None) -> None:
        self.pool.limits.reserve(arn(name), reserved)
        if reserved is None:
            self.reserved.pop(name, None)
        else:
            self.reserved[name] = reserved

    @precondition(lambda self: self.used)
    @rule(data=st.data(), took=st.floats(0, 10))
    def release(self, data: st.DataObject, took: float) -> None:
        self.now += took
        environment = self.used.pop(data.draw(st.sampled_from(sorted(self.used))))
        destroy = self.pool.release(environment, self.now)
        if environment.version_key in self.retired:
            assert destroy == (environment,)
        else:
            assert destroy == ()
            self.idle[environment.id] = environment

    @precondition(lambda self: self.used or self.idle)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.used | self.idle)))
        environment = self.used.pop(key, None) or self.idle.pop(key)
        self.pool.discard(environment)

    @precondition(lambda self: self.used or self.idle)
    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted({env.version_key for env in (self.used | self.idle).values()})))
        destroy = self.pool.retire(key)
        assert {env.id for env in destroy} == {env.id for env in self.idle.values() if env.version_key == key}
        self.destroyed(destroy)
        self.retired.add(key)

    @rule(idle_timeout_s=st.floats(0, 20))
    def reap(self, idle_timeout_s: float) -> None:
        self.destroyed(self.pool.reap(self.now, idle_timeout_s))

    @invariant()
    def counts_agree(self) -> None:
        assert self.pool.running == len(self.used)
        assert len(self.pool) == len(self.used) + len(self.idle)
        assert self.pool.used_mb == sum(env.memory_mb for env in (self.used | self.idle).values()) <= BUDGET_MB

    def teardown(self) -> None:
        for environment in self.used.values():
            self.pool.release(environment, self.now)
        self.pool.clear()
        for name in self.reserved:
            self.pool.limits.reserve(arn(name), None)
        assert repr(self.pool) == f"Pool(0 of {LIMIT})", "something leaked"


PoolMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_any_sequence_of_calls = PoolMachine.TestCase
