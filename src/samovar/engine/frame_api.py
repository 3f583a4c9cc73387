"""The Runtime API's words as a managed runtime says them, in frames: the fast transport beside `runtime_api`'s HTTP.

Owns: which frame says what. Refuses: states, which are the environment's; their layout, which is `frames`'. Rule: what
comes is hostile; a frame of no known kind ends the environment.
"""

from typing import Protocol

from samovar.engine import frames
from samovar.engine.streaming import Hold

_BEFORE_SNAPSHOT, _AFTER_RESTORE = "Runtime.BeforeSnapshotError", "Runtime.AfterRestoreError"
"""What AWS's client names them in a header: facts/lambda-runtime.md §1, "SnapStart"."""


class Told(Protocol):
    """The environment, as a runtime speaks to it in frames. False: its state doesn't allow that."""

    @property
    def awaits_next(self) -> bool:
        """Whether the runtime may ask for its next event, having answered."""
        ...

    def hold_channel(self, held: bool) -> None: ...
    def runtime_next(self) -> bool: ...
    def runtime_response(self, request_id: str, payload: bytes) -> bool: ...
    def runtime_error(self, request_id: str, payload: bytes) -> bool: ...
    def runtime_too_large(self, request_id: str) -> bool: ...
    def runtime_streams(self, request_id: str, content_type: str, hold: Hold) -> bool: ...
    def runtime_data(self, request_id: str, chunk: bytes) -> bool: ...
    def runtime_init_error(self, payload: bytes, named: str = "") -> bool: ...
    def runtime_paused(self, problems: list[str]) -> bool: ...
    def runtime_restore_error(self, payload: bytes, named: str) -> bool: ...
    def runtime_raves(self, kind: int) -> None: ...


def hear(environment: Told, kind: int, content: memoryview) -> None:
    """Tell the environment what a frame says."""
    request_id = str(content[:36], "latin-1")
    if kind == frames.RESPONSE:
        ended = environment.runtime_response(request_id, bytes(content[36:]))
    elif kind == frames.ERROR:
        ended = environment.runtime_error(request_id, bytes(content[36:]))
    elif kind == frames.TOO_LARGE:
        ended = environment.runtime_too_large(request_id)
    elif kind == frames.DATA:
        environment.runtime_data(request_id, bytes(content[36:]))
        return
    elif kind == frames.STREAM:
        environment.runtime_streams(request_id, str(content[36:], "latin-1"), environment.hold_channel)
        return
    else:
        _hear_of_init(environment, kind, content)
        return
    if ended and environment.awaits_next:
        environment.runtime_next()  # an answer in a frame asks for the next invocation as well


def _hear_of_init(environment: Told, kind: int, content: memoryview) -> None:
    if kind == frames.NEXT:
        environment.runtime_next()
    elif kind == frames.INIT_ERROR:
        environment.runtime_init_error(bytes(content))
    elif kind == frames.SNAPSHOT_ERROR:
        environment.runtime_init_error(bytes(content), _BEFORE_SNAPSHOT)
    elif kind == frames.PAUSED:
        environment.runtime_paused(frames.problems(bytes(content)))
    elif kind == frames.RESTORE_ERROR:
        environment.runtime_restore_error(bytes(content), _AFTER_RESTORE)
    else:
        environment.runtime_raves(kind)
