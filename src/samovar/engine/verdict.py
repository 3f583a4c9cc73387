"""How an invocation ended, or an init ahead of any: what the invoker is told, and what the log says of it. Pure.

Owns: the error type and the payload of each way to end, in AWS's words. Refuses: which of them it was, which the
environment's states decide.
"""

import msgspec

from samovar.engine import frames, report
from samovar.engine.extensions import Failure
from samovar.engine.model import SNAP_START, InitFailure, Outcome, Version
from samovar.sandbox.port import Exit

_RESTORE_FAILED = (
    "SnapStartException",
    "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs.",
)
_RESTORE_TIMED_OUT = ("SnapStartTimeoutException", "Lambda couldn't restore the snapshot within the timeout limit.")
"""In the words that botocore's model has for them."""


class Verdict(msgspec.Struct, frozen=True):
    outcome: Outcome
    payload: bytes
    error_type: str = ""
    status: str = ""
    """As in `Ending`: empty when the handler ended it, well or not."""
    reported: str = ""
    """The error type that REPORT tells, where it is another."""
    refused: str = ""
    """As in `Result`."""

    @property
    def logged_type(self) -> str:
        return "" if self.status == "timeout" else self.reported or self.error_type

    def overtaken(self, status: str, reported: str = "") -> "Verdict":
        """The same answer, where what came after it went wrong."""
        return msgspec.structs.replace(self, status=status, reported=reported)

    def as_init_failure(self) -> InitFailure:
        return InitFailure(self.error_type, self.payload)


def responded(payload: bytes) -> Verdict:
    return Verdict(Outcome.OK, payload)


def handler_failed(payload: bytes, named: str) -> Verdict:
    return Verdict(Outcome.FUNCTION_ERROR, payload, frames.error_type(payload), reported=named)


def init_failed(payload: bytes, told: str) -> Verdict:
    """`payload`: what the runtime posted; `told`: what logs call it."""
    return _failed(frames.error_type(payload), payload, told)


def restore_failed(version: Version, told: str, *, timed_out: bool) -> Verdict | None:
    """`told`: what logs call the error that the runtime posted, if it did. None without SnapStart, where the end of the
    runtime is what counts."""
    if version.initialization != SNAP_START:
        return None
    refused, message = _RESTORE_TIMED_OUT if timed_out else _RESTORE_FAILED
    status = "timeout" if timed_out else "error"
    reported = told or report.EXIT_ERROR
    return Verdict(Outcome.FUNCTION_ERROR, report.refused(refused, message), refused, status, reported, refused)


def timed_out(request_id: str, timeout_s: float) -> Verdict:
    return Verdict(Outcome.FUNCTION_ERROR, report.timed_out(request_id, timeout_s), report.TIMED_OUT, status="timeout")


def exited(request_id: str, how: Exit, failure: Failure | None) -> Verdict:
    """The runtime has ended, or an extension has failed, which then counts."""
    if failure is not None:
        return _failed(failure.error_type, report.failure(request_id, failure.error_type, failure.message))
    payload = report.exited(request_id, -how.signal if how.signal else how.status)
    return _failed(report.EXIT_ERROR, payload, report.OUT_OF_MEMORY if how.out_of_memory else report.EXIT_ERROR)


def sandbox_failed(request_id: str) -> Verdict:
    message = "The execution environment could not be used; the server's log says why"
    return _failed(report.SANDBOX_FAILURE, report.failure(request_id, report.SANDBOX_FAILURE, message))


def _failed(error_type: str, payload: bytes, reported: str = "") -> Verdict:
    return Verdict(Outcome.FUNCTION_ERROR, payload, error_type, "error", reported)
