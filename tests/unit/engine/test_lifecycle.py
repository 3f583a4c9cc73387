"""The table of `engine/lifecycle.py`: its rules, held by every row, then the stories of facts/lambda-runtime.md."""

import pytest

from samovar.engine.lifecycle import (
    ENVIRONMENT,
    EXTENSION,
    INITIALISING,
    OCCUPIED,
    Effect,
    Event,
    ExtensionEvent,
    ExtensionState,
    State,
    allowed,
    refusal,
)

ANSWERS = {
    Effect.RESPOND, Effect.FAIL_HANDLER, Effect.FAIL_INIT, Effect.FAIL_RESTORE, Effect.FAIL_TIMEOUT, Effect.FAIL_EXIT,
    Effect.FAIL_BOX,
}  # fmt: skip
"""The effects that answer the invoker."""
WAITED_FOR = OCCUPIED - {State.ANSWERED}
"""The states in which the invoker waits."""

ROWS = [(state, event, after, effects) for (state, event), (after, effects) in ENVIRONMENT.items()]


def live(state: State, *events: Event) -> tuple[State, list[Effect]]:
    """Where `events` lead from `state`, and all their effects."""
    done: list[Effect] = []
    for event in events:
        state, effects = ENVIRONMENT[state, event]
        done += effects
    return state, done


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_whoever_is_waited_for_answers_or_moves_exactly_once_and_nothing_else_answers(state, event, after, effects):
    answers = [effect for effect in effects if effect in ANSWERS or effect is Effect.MOVE]
    assert len(answers) == (state in WAITED_FOR and after not in WAITED_FOR)


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_an_environment_that_is_done_is_released_last_or_discarded(state, event, after, effects):
    if state in OCCUPIED and after not in OCCUPIED:
        done = [effect for effect in effects if effect is not Effect.MOVE]
        assert done[-1] is (Effect.DISCARD if after is State.DEAD else Effect.RELEASE)
    else:
        assert Effect.RELEASE not in effects


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_a_box_is_discarded_exactly_when_its_environment_dies(state, event, after, effects):
    assert effects.count(Effect.DISCARD) == (after is State.DEAD and state is not State.DEAD)


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_only_idle_is_frozen_and_whoever_leaves_it_alive_thaws(state, event, after, effects):
    assert (Effect.FREEZE in effects) == (after is State.IDLE)
    assert (Effect.THAW in effects) == (state is State.IDLE and after is not State.DEAD)


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_kill_leads_to_a_state_that_waits_for_the_end_of_the_runtime(state, event, after, effects):
    waiting = {State.RESETTING, State.RESTARTING, State.LEAVING}
    if Effect.KILL in effects:
        assert after in waiting
    elif after in waiting:
        assert state in waiting


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_a_runtime_is_started_exactly_on_the_way_into_an_init(state, event, after, effects):
    assert (Effect.START_RUNTIME in effects) == (after in INITIALISING - {State.RESTORING})
    assert (Effect.RESTORE in effects) == (after is State.RESTORING)
    assert (Effect.START_INIT_CLOCK in effects) == (after in {State.INIT, State.PREPARING, State.RESTORING})


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_the_event_is_delivered_exactly_on_the_way_to_busy(state, event, after, effects):
    assert (Effect.DELIVER in effects) == (after is State.BUSY)


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_whoever_wanted_an_environment_ahead_is_told_exactly_once(state, event, after, effects):
    ahead = {State.MAKING, State.PREPARING}
    told = effects.count(Effect.PARK) + effects.count(Effect.UNREADY)
    assert told == (state in ahead and after not in ahead)
    assert (Effect.PARK in effects) == (state in ahead and after in {State.IDLE, State.TEMPLATE})


@pytest.mark.parametrize("state", [state for state in State if state is not State.DEAD])
def test_every_living_environment_may_break(state):
    assert ENVIRONMENT[state, Event.BROKEN][0] is State.DEAD


@pytest.mark.parametrize("state", [state for state in State if state is not State.DEAD])
def test_exactly_unoccupied_environments_can_be_leased_and_retired(state):
    for event in (Event.LEASED, Event.RETIRED):
        # Who is leaving has left the pool; its time can only be cut short. Who isn't ready isn't offered.
        unready = {State.LEAVING, State.MAKING, State.PREPARING, State.TEMPLATE}
        if state in OCCUPIED or (state in unready and event is Event.LEASED):
            assert not allowed(state, event)
        else:
            assert allowed(state, event)


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_an_invocation_moves_only_when_its_environment_has_gone_and_its_place_is_free(state, event, after, effects):
    if Effect.MOVE in effects:
        assert (event, after) == (Event.LOST, State.DEAD)
        assert effects[-2:] == (Effect.DISCARD, Effect.MOVE)


def test_what_was_answered_never_moves_or_begins_again():
    for event in (Event.LOST, Event.UNHEARD, Event.CRASHED_UNHEARD):
        assert (State.ANSWERED, event) not in ENVIRONMENT


def test_a_runtime_that_had_not_read_the_event_is_replaced_as_if_it_had_gone_before_the_lease():
    assert ENVIRONMENT[State.BUSY, Event.UNHEARD] == (State.REINIT, (Effect.START_RUNTIME,))
    state, effects = live(State.BUSY, Event.CRASHED_UNHEARD, Event.EXITED)
    assert (state, effects) == (State.REINIT, [Effect.KILL, Effect.START_RUNTIME])


def test_every_state_is_reached_and_every_event_and_effect_is_used():
    reached = {State.STARTING, State.MAKING} | {after for _, _, after, _ in ROWS}
    assert reached == set(State)
    assert {event for _, event, _, _ in ROWS} == set(Event)
    assert {effect for _, _, _, effects in ROWS for effect in effects} == set(Effect)


def test_the_function_clock_starts_once_before_every_delivery():
    """From the birth and from every leasable state, along every path without an end."""

    def walk(state: State, started: bool, seen: frozenset[State]) -> None:
        for (at, _), (after, effects) in ENVIRONMENT.items():
            if at is not state or after in seen or after is State.DEAD:
                continue
            starts = effects.count(Effect.START_CLOCK)
            assert not (started and starts), f"{at} -> {after} starts a running clock"
            running = started or bool(starts)
            if Effect.DELIVER in effects:
                assert running, f"{at} -> {after} delivers without a clock"
            walk(after, running and Effect.RELEASE not in effects, seen | {after})

    for first in (State.STARTING, State.MAKING, State.IDLE, State.EMPTY, State.RESETTING):
        walk(first, False, frozenset())


@pytest.mark.parametrize(("state", "event", "after", "effects"), ROWS)
def test_a_crash_always_ends_what_still_runs(state, event, after, effects):
    if event is Event.CRASHED:
        ending = {State.RESETTING, State.RESTARTING, State.LEAVING}
        assert (Effect.KILL in effects) == (state not in ending and after is not State.DEAD)
        assert after in ending or Effect.DISCARD in effects


def test_an_environment_with_extensions_is_discarded_only_when_they_are_gone():
    """facts §4, Shutdown."""
    state, effects = live(State.IDLE, Event.DISMISSED)
    assert effects == [Effect.THAW, Effect.KILL]
    assert ENVIRONMENT[state, Event.EXITED] == (State.DEAD, (Effect.DISCARD,))


def test_every_state_and_event_of_an_extension_is_used():
    reached = {ExtensionState.STARTED, *EXTENSION.values()}
    assert reached == set(ExtensionState)
    assert {event for _, event in EXTENSION} == set(ExtensionEvent)


@pytest.mark.parametrize("state", [ExtensionState.EXITED, ExtensionState.LAUNCH_ERROR])
def test_an_extension_that_has_gone_does_nothing_any_more(state):
    assert not [event for at, event in EXTENSION if at is state]


def test_an_illegal_event_names_itself_and_the_state():
    assert not allowed(State.IDLE, Event.RESPONDED)
    assert refusal(State.IDLE, Event.RESPONDED) == "RESPONDED is not allowed in IDLE"


def test_a_cold_start_delivers_after_init():
    state, effects = live(State.STARTING, Event.BOX_READY, Event.NEXT)
    assert state is State.BUSY
    assert effects == [Effect.START_RUNTIME, Effect.START_INIT_CLOCK, Effect.START_CLOCK, Effect.DELIVER]


def test_a_handler_error_does_not_reset_the_runtime():
    state, effects = live(State.IDLE, Event.LEASED, Event.HANDLER_ERROR, Event.NEXT)
    assert state is State.IDLE
    assert Effect.KILL not in effects


def test_a_failing_init_is_tried_again_inside_the_invocation_before_it_is_answered():
    """facts §7: on timeout or error Lambda retries init at the first invoke under the function timeout."""
    for failures in ((Event.INIT_FAILED, Event.EXITED), (Event.INIT_TIMED_OUT, Event.EXITED), (Event.EXITED,)):
        state, effects = live(State.INIT, *failures)
        assert state is State.REINIT
        assert not ANSWERS & set(effects)
        assert effects.index(Effect.REPORT_INIT) < effects.index(Effect.START_CLOCK)
        assert ENVIRONMENT[state, Event.NEXT] == (State.BUSY, (Effect.DELIVER,))
        assert Effect.FAIL_INIT in ENVIRONMENT[state, Event.INIT_FAILED][1]


def test_a_fork_of_a_template_delivers_after_the_restore():
    state, effects = live(State.STARTING, Event.FORKED, Event.NEXT)
    assert state is State.BUSY
    assert effects == [Effect.RESTORE, Effect.START_INIT_CLOCK, Effect.START_CLOCK, Effect.DELIVER]


def test_a_restore_that_fails_is_answered_at_once_and_not_tried_again():
    """facts/lambda-api.md §12.7."""
    for failure in (Event.INIT_FAILED, Event.INIT_TIMED_OUT, Event.EXITED, Event.CRASHED):
        state, effects = live(State.RESTORING, failure)
        assert state is State.DEAD
        assert effects == [Effect.REPORT_RESTORE, Effect.FAIL_RESTORE, Effect.DISCARD]


def test_after_a_timeout_the_box_stays_and_the_next_lease_initialises_again():
    state, effects = live(State.BUSY, Event.TIMED_OUT, Event.EXITED)
    assert state is State.EMPTY
    assert effects == [Effect.KILL, Effect.FAIL_TIMEOUT, Effect.RELEASE]
    assert ENVIRONMENT[state, Event.LEASED] == (State.REINIT, (Effect.START_CLOCK, Effect.START_RUNTIME))


def test_a_lease_during_a_reset_waits_for_the_old_runtime_and_may_time_out_meanwhile():
    state, effects = live(State.RESETTING, Event.LEASED, Event.EXITED)
    assert (state, effects) == (State.REINIT, [Effect.START_CLOCK, Effect.START_RUNTIME])
    state, effects = live(State.RESETTING, Event.LEASED, Event.TIMED_OUT)
    assert (state, effects) == (State.RESETTING, [Effect.START_CLOCK, Effect.FAIL_TIMEOUT, Effect.RELEASE])


def test_the_end_of_a_discarded_box_changes_nothing():
    assert ENVIRONMENT[State.DEAD, Event.EXITED] == (State.DEAD, ())


def test_the_answer_goes_out_before_the_runtime_asks_for_more():
    """facts §4: the caller has the response as soon as the runtime posts it."""
    assert ENVIRONMENT[State.BUSY, Event.RESPONDED] == (State.ANSWERED, (Effect.RESPOND,))
    assert ENVIRONMENT[State.ANSWERED, Event.NEXT] == (State.IDLE, (Effect.FREEZE, Effect.RELEASE))


def test_a_runtime_that_never_asks_for_more_is_ended_by_the_functions_clock():
    state, effects = live(State.BUSY, Event.RESPONDED, Event.TIMED_OUT)
    assert state is State.RESETTING
    assert effects == [Effect.RESPOND, Effect.KILL, Effect.RELEASE]
