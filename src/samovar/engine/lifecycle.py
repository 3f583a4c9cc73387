"""The lives of an environment and of its extensions: every legal step, as one table each. Pure.

Owns: State, Event, Effect, and the table `(state, event) -> (state, effects)`, the only way from one state to the next;
the same for an extension, whose steps have no effects.
Refuses: whatever the table doesn't list. That means a bug or a lying runtime; who met it then goes on with BROKEN,
which every living state allows.

The rules (facts/lambda-runtime.md §3 and §7):

1. An environment is made *for* an invocation: the box is made (STARTING), then the runtime and the function's static
   code initialise (INIT). The invocation waits for exactly this environment until it is answered.
   Or it is made *ahead* of any: MAKING, then PREPARING, then IDLE. Whoever wanted it so is told once: PARK when it is
   ready, UNREADY when it will never be. Its init has more time and one attempt: if that fails the environment goes.
   Or it is made to be copied: ahead as well, then TEMPLATE, which is never leased; others are forked from it.
   And it may be such a fork, made for an invocation: RESTORING, for ten seconds, takes the place of INIT. A restore
   that fails isn't tried again: the invoker hears of it, and the environment goes.
2. INIT has ten seconds. If it fails, dies or runs out of them, AWS doesn't answer yet: it initialises once more inside
   the invocation, under the *function's* timeout ("suppressed init", AWS's phase `invoke`): REINIT. What fails there
   is the invoker's answer.
3. The function's clock starts when INIT ends, whichever way; in a used environment it starts with the lease.
4. One invocation at a time (BUSY). The answer goes out as soon as the runtime gives it; the environment is still the
   invocation's (ANSWERED), under the same clock, until the runtime asks for the next one. A handler that raises, or
   returns too much, has answered as well; its runtime is healthy. IDLE is frozen: nothing in the box runs until the
   next lease.
5. A timeout or a dead runtime resets the environment *in place*: the runtime goes, the box stays (same id, log stream
   and `/tmp`, no globals). The reset is lazy: the box stays without a runtime (EMPTY) until the next lease, which pays
   for REINIT. A lease that comes before the old runtime is quite gone waits for that first (RESTARTING).
6. KILL ends the runtime: at once, or where there are extensions by a shutdown phase of two seconds at most. What a
   killed runtime still says is no event. Its end is always EXITED, and EXITED means that *nothing* runs in the box any
   more. Where the runtime or an extension goes and others stay, that is CRASHED, and those get their shutdown.
7. An environment that belongs to an invocation (OCCUPIED) can't be retired, only break. Whoever leaves the occupied
   states answers exactly once and is then released or discarded; whoever leaves IDLE alive thaws.
   Instead of an answer, an invocation moves to another environment when the box is LOST before the handler can have
   begun: it initialises, or the runtime has certainly not read the event. Where only the runtime went so (UNHEARD) it
   initialises again in place, as if its end had been noticed before the lease. What may have begun never begins twice.
8. NEXT comes when the runtime *and* all extensions have asked for their next event: with extensions, INIT and
   ANSWERED last until then.
9. An environment whose extensions must hear of its end is DISMISSED instead of RETIRED: it has left the pool already,
   and lives on (LEAVING) until they are done.
10. RELEASE comes last: from that moment on the environment may be leased again, even before the caller's next line.
"""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final


class _Word(Enum):
    """An Enum whose members hash by identity: the table is asked ten times an invocation, and Enum hashes in Python."""

    __hash__ = object.__hash__


class State(_Word):
    MAKING = auto()
    """The box is being made, ahead of any invocation."""
    PREPARING = auto()
    """Runtime and static code initialise, ahead of any invocation."""
    TEMPLATE = auto()
    """Initialised for others to be forked from."""
    STARTING = auto()
    """The box is being made, for an invocation."""
    INIT = auto()
    """Runtime and static code initialise for the first time, for ten seconds at most."""
    RESTORING = auto()
    """The box has a fork of a template; its runtime does what is to be done after a restore."""
    REINIT = auto()
    """They initialise again, inside the invocation and under its timeout."""
    IDLE = auto()
    """Ready and frozen."""
    BUSY = auto()
    """The handler runs."""
    ANSWERED = auto()
    """The invoker has its answer, the runtime hasn't asked for the next invocation yet."""
    RESETTING = auto()
    """The runtime has been killed but isn't gone; no invocation waits."""
    RESTARTING = auto()
    """The same, and an invocation waits to initialise again."""
    EMPTY = auto()
    """A box with its `/tmp` and without a runtime."""
    LEAVING = auto()
    """Out of the pool; its extensions shut down."""
    DEAD = auto()


class Event(_Word):
    BOX_READY = auto()
    FORKED = auto()
    """The box is ready, with a fork of a template in it."""
    PAUSED = auto()
    """The runtime of one to be copied has initialised, and waits to be forked."""
    NEXT = auto()
    """Runtime and extensions asked for an invocation: the first time that ends init, later the invocation before."""
    INIT_FAILED = auto()
    """The runtime posted an init error, or an error after a restore; or it can't be copied faithfully."""
    INIT_TIMED_OUT = auto()
    """The first init's time is over: ten seconds, or what there is ahead of invocations."""
    LEASED = auto()
    """The pool gave this environment to an invocation."""
    RESPONDED = auto()
    HANDLER_ERROR = auto()
    """The function failed, the runtime is fine: an error was posted, or the response was too large."""
    TIMED_OUT = auto()
    """The function's timeout is over."""
    EXITED = auto()
    """The runtime is gone, by itself, out of memory or killed; nothing runs in the box any more."""
    CRASHED = auto()
    """An extension has failed or gone, or the runtime has, and something else still runs in the box."""
    RETIRED = auto()
    """The pool let go of it: idle too long, updated, its memory is needed, shutting down."""
    DISMISSED = auto()
    """The same, and it has extensions that are to be told."""
    UNHEARD = auto()
    """EXITED, and the runtime hadn't read the event."""
    CRASHED_UNHEARD = auto()
    """CRASHED: the runtime, and it hadn't read the event."""
    LOST = auto()
    """The box has gone, and the handler can't have begun."""
    BROKEN = auto()
    """The sandbox failed, an illegal transition was refused, or the server stops before the invocation ends."""


class Effect(_Word):
    START_RUNTIME = auto()
    START_INIT_CLOCK = auto()
    """The first init's time, then INIT_TIMED_OUT; stops when INIT or PREPARING is left."""
    RESTORE = auto()
    """Let the fork go on, and log RESTORE_START."""
    REPORT_RESTORE = auto()
    """Log RESTORE_REPORT: a restore has failed."""
    START_CLOCK = auto()
    """The function's timeout, then TIMED_OUT; stops when the environment is given back."""
    REPORT_INIT = auto()
    """Log INIT_REPORT: an init has failed (successful ones are told by REPORT alone)."""
    DELIVER = auto()
    """Log START and hand the event to the runtime."""
    LOOK = auto()
    """See whether the box is still there, and whatever it depends on."""
    FREEZE = auto()
    THAW = auto()
    KILL = auto()
    """End every process of the box, which stays; EXITED follows."""
    DISCARD = auto()
    """Leave the pool and destroy the box."""
    RELEASE = auto()
    """Give the environment back to the pool."""
    PARK = auto()
    """Tell whoever wanted it ahead that it is ready; the init clock stops."""
    MOVE = auto()
    """Give the invocation back, for another environment."""
    UNREADY = auto()
    """Tell them that it won't be, and why; the init clock stops."""
    # The answers. Each logs START if that wasn't done, then END and REPORT.
    RESPOND = auto()
    FAIL_HANDLER = auto()
    FAIL_INIT = auto()
    """With the init error that the runtime posted."""
    FAIL_RESTORE = auto()
    FAIL_TIMEOUT = auto()
    FAIL_EXIT = auto()
    FAIL_BOX = auto()
    """With a failure of the platform."""


OCCUPIED: Final = frozenset(
    {State.STARTING, State.INIT, State.RESTORING, State.REINIT, State.RESTARTING, State.BUSY, State.ANSWERED}
)
"""The states in which the environment belongs to an invocation."""

INITIALISING: Final = frozenset({State.PREPARING, State.INIT, State.RESTORING, State.REINIT})
"""The states in which runtime and static code initialise."""

Step = tuple[State, tuple[Effect, ...]]

# fmt: off
ENVIRONMENT: Final[Mapping[tuple[State, Event], Step]] = MappingProxyType({
    (State.MAKING, Event.BOX_READY): (State.PREPARING, (Effect.START_RUNTIME, Effect.START_INIT_CLOCK)),
    (State.MAKING, Event.RETIRED): (State.DEAD, (Effect.UNREADY, Effect.DISCARD)),
    (State.MAKING, Event.BROKEN): (State.DEAD, (Effect.UNREADY, Effect.DISCARD)),

    (State.PREPARING, Event.NEXT): (State.IDLE, (Effect.FREEZE, Effect.PARK)),
    (State.PREPARING, Event.INIT_FAILED): (State.LEAVING, (Effect.REPORT_INIT, Effect.KILL, Effect.UNREADY)),
    (State.PREPARING, Event.INIT_TIMED_OUT): (State.LEAVING, (Effect.REPORT_INIT, Effect.KILL, Effect.UNREADY)),
    (State.PREPARING, Event.CRASHED): (State.LEAVING, (Effect.REPORT_INIT, Effect.KILL, Effect.UNREADY)),
    (State.PREPARING, Event.EXITED): (State.DEAD, (Effect.REPORT_INIT, Effect.UNREADY, Effect.DISCARD)),
    (State.PREPARING, Event.RETIRED): (State.DEAD, (Effect.UNREADY, Effect.DISCARD)),
    (State.PREPARING, Event.DISMISSED): (State.LEAVING, (Effect.KILL, Effect.UNREADY)),
    (State.PREPARING, Event.BROKEN): (State.DEAD, (Effect.UNREADY, Effect.DISCARD)),

    (State.PREPARING, Event.PAUSED): (State.TEMPLATE, (Effect.PARK,)),
    (State.TEMPLATE, Event.EXITED): (State.DEAD, (Effect.DISCARD,)),
    (State.TEMPLATE, Event.CRASHED): (State.DEAD, (Effect.DISCARD,)),
    (State.TEMPLATE, Event.RETIRED): (State.DEAD, (Effect.DISCARD,)),
    (State.TEMPLATE, Event.DISMISSED): (State.DEAD, (Effect.DISCARD,)),
    (State.TEMPLATE, Event.BROKEN): (State.DEAD, (Effect.DISCARD,)),

    (State.STARTING, Event.BOX_READY): (State.INIT, (Effect.START_RUNTIME, Effect.START_INIT_CLOCK)),
    (State.STARTING, Event.FORKED): (State.RESTORING, (Effect.RESTORE, Effect.START_INIT_CLOCK)),
    (State.STARTING, Event.BROKEN): (State.DEAD, (Effect.FAIL_BOX, Effect.DISCARD)),

    (State.RESTORING, Event.NEXT): (State.BUSY, (Effect.START_CLOCK, Effect.DELIVER)),
    (State.RESTORING, Event.INIT_FAILED): (State.DEAD, (Effect.REPORT_RESTORE, Effect.FAIL_RESTORE, Effect.DISCARD)),
    (State.RESTORING, Event.INIT_TIMED_OUT): (State.DEAD, (Effect.REPORT_RESTORE, Effect.FAIL_RESTORE, Effect.DISCARD)),
    (State.RESTORING, Event.CRASHED): (State.DEAD, (Effect.REPORT_RESTORE, Effect.FAIL_RESTORE, Effect.DISCARD)),
    (State.RESTORING, Event.EXITED): (State.DEAD, (Effect.REPORT_RESTORE, Effect.FAIL_RESTORE, Effect.DISCARD)),
    (State.RESTORING, Event.LOST): (State.DEAD, (Effect.DISCARD, Effect.MOVE)),
    (State.RESTORING, Event.BROKEN): (State.DEAD, (Effect.FAIL_BOX, Effect.DISCARD)),

    (State.INIT, Event.NEXT): (State.BUSY, (Effect.START_CLOCK, Effect.DELIVER)),
    (State.INIT, Event.INIT_FAILED): (State.RESTARTING, (Effect.REPORT_INIT, Effect.START_CLOCK, Effect.KILL)),
    (State.INIT, Event.INIT_TIMED_OUT): (State.RESTARTING, (Effect.REPORT_INIT, Effect.START_CLOCK, Effect.KILL)),
    (State.INIT, Event.CRASHED): (State.RESTARTING, (Effect.REPORT_INIT, Effect.START_CLOCK, Effect.KILL)),
    (State.INIT, Event.EXITED): (State.REINIT, (Effect.REPORT_INIT, Effect.START_CLOCK, Effect.START_RUNTIME)),
    (State.INIT, Event.LOST): (State.DEAD, (Effect.DISCARD, Effect.MOVE)),
    (State.INIT, Event.BROKEN): (State.DEAD, (Effect.FAIL_BOX, Effect.DISCARD)),

    (State.REINIT, Event.NEXT): (State.BUSY, (Effect.DELIVER,)),
    (State.REINIT, Event.INIT_FAILED): (
        State.RESETTING, (Effect.REPORT_INIT, Effect.KILL, Effect.FAIL_INIT, Effect.RELEASE)
    ),
    (State.REINIT, Event.TIMED_OUT): (
        State.RESETTING, (Effect.REPORT_INIT, Effect.KILL, Effect.FAIL_TIMEOUT, Effect.RELEASE)
    ),
    (State.REINIT, Event.CRASHED): (
        State.RESETTING, (Effect.REPORT_INIT, Effect.KILL, Effect.FAIL_EXIT, Effect.RELEASE)
    ),
    (State.REINIT, Event.EXITED): (State.EMPTY, (Effect.REPORT_INIT, Effect.FAIL_EXIT, Effect.RELEASE)),
    (State.REINIT, Event.LOST): (State.DEAD, (Effect.DISCARD, Effect.MOVE)),
    (State.REINIT, Event.BROKEN): (State.DEAD, (Effect.FAIL_BOX, Effect.DISCARD)),

    (State.IDLE, Event.LEASED): (State.BUSY, (Effect.LOOK, Effect.START_CLOCK, Effect.THAW, Effect.DELIVER)),
    # Thawed, because the next runtime would start in a frozen box.
    (State.IDLE, Event.EXITED): (State.EMPTY, (Effect.THAW,)),
    (State.IDLE, Event.CRASHED): (State.RESETTING, (Effect.THAW, Effect.KILL)),
    (State.IDLE, Event.RETIRED): (State.DEAD, (Effect.DISCARD,)),
    (State.IDLE, Event.DISMISSED): (State.LEAVING, (Effect.THAW, Effect.KILL)),
    (State.IDLE, Event.BROKEN): (State.DEAD, (Effect.DISCARD,)),

    (State.BUSY, Event.RESPONDED): (State.ANSWERED, (Effect.RESPOND,)),
    (State.BUSY, Event.HANDLER_ERROR): (State.ANSWERED, (Effect.FAIL_HANDLER,)),
    # Killed before the answer: its END must not be followed by output of the invocation that it ended.
    (State.BUSY, Event.TIMED_OUT): (State.RESETTING, (Effect.KILL, Effect.FAIL_TIMEOUT, Effect.RELEASE)),
    (State.BUSY, Event.CRASHED): (State.RESETTING, (Effect.KILL, Effect.FAIL_EXIT, Effect.RELEASE)),
    (State.BUSY, Event.EXITED): (State.EMPTY, (Effect.FAIL_EXIT, Effect.RELEASE)),
    (State.BUSY, Event.UNHEARD): (State.REINIT, (Effect.START_RUNTIME,)),
    (State.BUSY, Event.CRASHED_UNHEARD): (State.RESTARTING, (Effect.KILL,)),
    (State.BUSY, Event.LOST): (State.DEAD, (Effect.DISCARD, Effect.MOVE)),
    (State.BUSY, Event.BROKEN): (State.DEAD, (Effect.FAIL_BOX, Effect.DISCARD)),

    (State.ANSWERED, Event.NEXT): (State.IDLE, (Effect.FREEZE, Effect.RELEASE)),
    (State.ANSWERED, Event.TIMED_OUT): (State.RESETTING, (Effect.KILL, Effect.RELEASE)),
    (State.ANSWERED, Event.CRASHED): (State.RESETTING, (Effect.KILL, Effect.RELEASE)),
    (State.ANSWERED, Event.EXITED): (State.EMPTY, (Effect.RELEASE,)),
    (State.ANSWERED, Event.BROKEN): (State.DEAD, (Effect.DISCARD,)),

    (State.RESETTING, Event.EXITED): (State.EMPTY, ()),
    (State.RESETTING, Event.CRASHED): (State.RESETTING, ()),
    (State.RESETTING, Event.LEASED): (State.RESTARTING, (Effect.START_CLOCK,)),
    (State.RESETTING, Event.RETIRED): (State.DEAD, (Effect.DISCARD,)),
    (State.RESETTING, Event.DISMISSED): (State.LEAVING, ()),
    (State.RESETTING, Event.BROKEN): (State.DEAD, (Effect.DISCARD,)),

    (State.RESTARTING, Event.EXITED): (State.REINIT, (Effect.START_RUNTIME,)),
    (State.RESTARTING, Event.CRASHED): (State.RESTARTING, ()),
    (State.RESTARTING, Event.TIMED_OUT): (State.RESETTING, (Effect.FAIL_TIMEOUT, Effect.RELEASE)),
    (State.RESTARTING, Event.LOST): (State.DEAD, (Effect.DISCARD, Effect.MOVE)),
    (State.RESTARTING, Event.BROKEN): (State.DEAD, (Effect.FAIL_BOX, Effect.DISCARD)),

    (State.EMPTY, Event.LEASED): (State.REINIT, (Effect.START_CLOCK, Effect.START_RUNTIME)),
    (State.EMPTY, Event.RETIRED): (State.DEAD, (Effect.DISCARD,)),
    (State.EMPTY, Event.BROKEN): (State.DEAD, (Effect.DISCARD,)),

    (State.LEAVING, Event.EXITED): (State.DEAD, (Effect.DISCARD,)),
    (State.LEAVING, Event.CRASHED): (State.LEAVING, ()),
    (State.LEAVING, Event.RETIRED): (State.DEAD, (Effect.DISCARD,)),
    (State.LEAVING, Event.BROKEN): (State.DEAD, (Effect.DISCARD,)),

    # Destroying a box ends its runtime.
    (State.DEAD, Event.EXITED): (State.DEAD, ()),
})
# fmt: on


def allowed(state: State, event: Event) -> bool:
    return (state, event) in ENVIRONMENT


def refusal(state: State, event: Event) -> str:
    """What there is to say of an event that `state` doesn't allow."""
    return f"{event.name} is not allowed in {state.name}"


class ExtensionState(_Word):
    STARTED = auto()
    """An external one: its process runs. An internal one begins by registering."""
    REGISTERED = auto()
    READY = auto()
    """Waits for its next event."""
    RUNNING = auto()
    """Works on an event."""
    INIT_ERROR = auto()
    """It said that it can't initialise."""
    EXIT_ERROR = auto()
    """It said that it goes."""
    LAUNCH_ERROR = auto()
    """Its process could not be started."""
    EXITED = auto()


class ExtensionEvent(_Word):
    REGISTER = auto()
    NEXT = auto()
    TOLD = auto()
    """It got an INVOKE or SHUTDOWN event."""
    INIT_ERROR = auto()
    EXIT_ERROR = auto()
    NOT_STARTED = auto()
    EXITED = auto()
    """Its process has ended."""


_X, _XE = ExtensionState, ExtensionEvent
EXTENSION: Final[Mapping[tuple[ExtensionState, ExtensionEvent], ExtensionState]] = MappingProxyType({
    (_X.STARTED, _XE.REGISTER): _X.REGISTERED,
    (_X.STARTED, _XE.NOT_STARTED): _X.LAUNCH_ERROR,
    (_X.STARTED, _XE.EXITED): _X.EXITED,
    (_X.REGISTERED, _XE.NEXT): _X.READY,
    (_X.REGISTERED, _XE.INIT_ERROR): _X.INIT_ERROR,
    (_X.REGISTERED, _XE.EXIT_ERROR): _X.EXIT_ERROR,
    (_X.REGISTERED, _XE.EXITED): _X.EXITED,
    # Again: the connection of the first one was lost.
    (_X.READY, _XE.NEXT): _X.READY,
    (_X.READY, _XE.TOLD): _X.RUNNING,
    (_X.READY, _XE.EXIT_ERROR): _X.EXIT_ERROR,
    (_X.READY, _XE.EXITED): _X.EXITED,
    (_X.RUNNING, _XE.NEXT): _X.READY,
    (_X.RUNNING, _XE.EXIT_ERROR): _X.EXIT_ERROR,
    (_X.RUNNING, _XE.EXITED): _X.EXITED,
    # Told in the same words again, as AWS's own emulator allows.
    (_X.INIT_ERROR, _XE.INIT_ERROR): _X.INIT_ERROR,
    (_X.INIT_ERROR, _XE.EXITED): _X.EXITED,
    (_X.EXIT_ERROR, _XE.EXIT_ERROR): _X.EXIT_ERROR,
    (_X.EXIT_ERROR, _XE.EXITED): _X.EXITED,
})
