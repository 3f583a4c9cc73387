"""What the engine is given and what it gives back. Plain records; no behaviour.

Owns: Version, Invocation, Result, InitFailure. They cross rooms: services fill in a Version, delivery makes
Invocations, everybody reads Results.
"""

from enum import Enum
from typing import Final

import msgspec

ON_DEMAND: Final = "on-demand"
PROVISIONED: Final = "provisioned-concurrency"
SNAP_START: Final = "snap-start"
"""How an environment came to be, in the words of AWS_LAMBDA_INITIALIZATION_TYPE."""


class Root(msgspec.Struct, frozen=True):
    """What a function from a container image starts in, and as what."""

    tree: str
    """Name of the unpacked image: see `engine/images/tree.py`."""
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    working_directory: str
    variables: dict[str, str]
    """The image's own."""


class Version(msgspec.Struct, frozen=True):
    """A function version as the engine runs it. Two Versions with the same `key` are the same environments."""

    key: str
    """Identity of the environments: changes with every update of code or configuration (the function's ARN +
    RevisionId)."""
    account: str
    region: str
    function_name: str
    function_arn: str
    """Unqualified."""
    version: str
    """`$LATEST` or a number."""
    runtime: str
    """Identifier of the API: `python3.12`."""
    handler: str
    memory_mb: int
    timeout_s: int
    ephemeral_mb: int
    code: str
    """sha256 (hex) of the unpacked package, or the path of a folder: see `engine/package.py`."""
    variables: dict[str, str]
    """The user's environment variables."""
    role_arn: str
    log_group: str
    layers: str = ""
    """The tree at /opt: `package.stack_name` of the layers' trees. Empty when there are none."""
    log_format: str = "Text"
    """Or `JSON`: then the two levels say what is logged at least."""
    application_log_level: str = "INFO"
    """`TRACE` to `FATAL`."""
    system_log_level: str = "INFO"
    """`DEBUG`, `INFO` or `WARN`."""
    traced: bool = False
    """Tracing is Active: an invocation for which nobody has decided yet whether it is sampled may be."""
    initialization: str = ON_DEMAND
    """AWS_LAMBDA_INITIALIZATION_TYPE of its environments."""
    root: Root | None = None
    """Of a function from a container image, which has neither code nor layers."""


class Invocation(msgspec.Struct, frozen=True):
    request_id: str
    invoked_arn: str
    """As invoked: with the qualifier if one was given."""
    payload: bytes
    client_context: str = ""
    """Decoded JSON text, empty when none."""
    cognito_identity: str = ""
    """Of a caller whose credentials an identity pool of Amazon Cognito stands for: JSON text, empty for all others."""
    trace_id: str = ""
    """`Root=...;Parent=...;Sampled=0`; the engine adds what is missing."""
    tail: bool = False
    """Whether the caller wants the last 4 KB of the log."""
    moved: int = 0
    """How often the engine has begun with it anew, as what it was given to died before the handler could begin."""


class Outcome(Enum):
    OK = "ok"
    FUNCTION_ERROR = "function-error"
    """The function failed: HTTP 200 with `X-Amz-Function-Error: Unhandled`."""


class Result(msgspec.Struct, frozen=True):
    """What an invocation came to. A function that failed is a value, not an exception."""

    outcome: Outcome
    payload: bytes
    error_type: str = ""
    """AWS's string (`Runtime.ExitError`, `Sandbox.Timedout`, or the handler's own class name); empty when OK."""
    log_tail: bytes = b""
    """Last 4 KB of the log, when the Invocation asked for it."""
    duration_ms: float = 0.0
    init_ms: float | None = None
    """Set when this invocation was cold."""
    refused: str = ""
    """The exception that the invoker gets instead, whose message is the payload's; empty when it gets the payload."""


NOT_FORKABLE: Final = "NotForkable"
"""InitFailure.error_type of a template that initialised well, but can't be forked faithfully; the payload says why."""


class InitFailure(msgspec.Struct, frozen=True):
    """Why an environment that was wanted ahead of invocations will not be there."""

    error_type: str
    """As in a Result; empty when it was let go before it was ready."""
    payload: bytes = b""
    """What an invoker would have got."""
