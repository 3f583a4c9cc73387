"""How an environment closes an invocation, or an init that nobody has invoked yet: the effects that answer.

Owns: what is known of an end (how the runtime exited, whether something has failed), and when an invocation is closed
that extensions still work for. Refuses: the words for it (`verdict`), the log and the answer (`turn`).
"""

from typing import Protocol

from samovar.engine import report, verdict
from samovar.engine.extensions import Extensions
from samovar.engine.housing import Housing
from samovar.engine.launch import Launch
from samovar.engine.lifecycle import State
from samovar.engine.model import NOT_FORKABLE, InitFailure, Version
from samovar.engine.startup import Startup
from samovar.engine.turn import Turn
from samovar.engine.verdict import Verdict
from samovar.sandbox.port import Exit


class Ended(Protocol):
    """The environment, as its ends are told."""

    @property
    def state(self) -> State: ...
    @property
    def version(self) -> Version: ...
    @property
    def extensions(self) -> Extensions | None: ...


class Closing:
    def __init__(self, environment: Ended, launch: Launch, housing: Housing, startup: Startup, turn: Turn) -> None:
        self.exit = Exit()
        self.failed = False
        """Something of this run has failed; what ends without that has timed out."""
        self._environment = environment
        self._launch = launch
        self._housing = housing
        self._startup = startup
        self._turn = turn

    def begin(self) -> None:
        """Another run."""
        self.exit = Exit()
        self.failed = False

    # --- the effects

    def respond(self) -> None:
        self._finish(verdict.responded(self._turn.answer))

    def fail_handler(self) -> None:
        self._finish(verdict.handler_failed(self._turn.answer, self._turn.named))

    def fail_init(self) -> None:
        if self._startup.not_restored:
            self.fail_restore()  # initialised in full, and then its hooks failed
            return
        self._finish(verdict.init_failed(self._startup.error, self._startup.told_type))

    def fail_restore(self) -> None:
        failed = verdict.restore_failed(self._environment.version, self._startup.told_type, timed_out=not self.failed)
        self._finish(failed or self._exited())

    def fail_timeout(self) -> None:
        self._finish(verdict.timed_out(self._turn.request_id, self._environment.version.timeout_s))

    def fail_exit(self) -> None:
        self._finish(self._exited())

    def fail_box(self) -> None:
        self._finish(verdict.sandbox_failed(self._turn.request_id))

    def init_failure(self, init_timeout_s: float) -> InitFailure:
        """Why an environment that was wanted ahead of invocations, and still is, won't be ready."""
        startup, request_id = self._startup, self._turn.request_id
        if startup.problems:
            return InitFailure(NOT_FORKABLE, startup.problems.encode())
        if self._housing.box is None or (self._environment.state is State.DEAD and not self.failed):
            return verdict.sandbox_failed(request_id).as_init_failure()
        if not self.failed:
            return verdict.timed_out(request_id, init_timeout_s).as_init_failure()
        error_type = startup.error_type(self._environment.extensions)
        if error_type and startup.error:
            return InitFailure(error_type, startup.error)
        return self._exited().as_init_failure()

    def _exited(self) -> Verdict:
        extensions = self._environment.extensions
        failure = extensions.failure if extensions is not None else None
        return verdict.exited(self._turn.request_id, self.exit, failure)

    # --- closing

    def _finish(self, ended: Verdict) -> None:
        """Close the invocation; while extensions still work for it, only answer."""
        turn, extensions = self._turn, self._environment.extensions
        if turn.course is not None:
            turn.course.close()
        if extensions is not None and self._environment.state is State.ANSWERED and not extensions.ready:
            turn.answer_early(ended)
        else:
            self._close(ended)

    def close_late(self) -> None:
        """Close an invocation that was answered before, when the extensions are done with it, or have failed."""
        late, self._turn.late = self._turn.late, None
        if late is None:
            return
        state, extensions = self._environment.state, self._environment.extensions
        failure = extensions.failure if extensions is not None else None
        if state is State.IDLE:
            self._close(late)
        elif state is State.DEAD:
            self._close(late.overtaken("error", report.SANDBOX_FAILURE))
        elif self.failed or failure is not None:
            self._close(late.overtaken("error", failure.error_type if failure is not None else report.EXIT_ERROR))
        else:
            self._close(late.overtaken("timeout"))

    def _close(self, ended: Verdict) -> None:
        peak_mb = self._environment.version.memory_mb if self.exit.out_of_memory else None
        held = not self._launch.frames and self._environment.state is State.ANSWERED
        self._turn.close(ended, self._housing.box, peak_mb, held=held)
