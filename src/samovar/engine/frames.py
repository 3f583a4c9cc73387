"""The frames between the engine and a managed runtime; `runtimes/nodejs/index.cjs` describes them.

Owns: their layout on this side. The content of a frame from there is whatever the function wants it to be.
"""

import struct

import msgspec

from samovar.core import ids
from samovar.core.expressions import expression
from samovar.engine import lineage
from samovar.engine.model import Invocation

CONFIGURE, INVOCATION, NEXT, RESPONSE, TOO_LARGE, ERROR, INIT_ERROR = b"CINRLEX"
AHEAD, MOUNTED = b"AM"
RESTORE, PAUSED, RESTORE_ERROR, SNAPSHOT_ERROR = b"VPYB"
"""Only Python's; `runtimes/python/samovar_runtime.py` describes them."""
STREAM, DATA = b"SD"
"""A response that comes in pieces: its beginning, and a piece; `R` or `E` end it. Only Node.js sends them."""

_INVOKE = struct.Struct("<IBQ36sHHH")
_BESIDES_LENGTH = _INVOKE.size - 4
_LARGE = 64 * 1024
_ROOT = expression("1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = expression("[0-9a-f]{16}")
_USUAL = expression("Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;Parent=([0-9a-f]{16}))?(?:;Sampled=([01]))?")
"""What APIs, and nearly everybody else, send."""


def head(kind: int, length: int) -> bytes:
    """What stands before `length` bytes of content."""
    return (length + 1).to_bytes(4, "little") + bytes((kind,))


def invocation(invocation: Invocation, trace_id: str, deadline_ms: int) -> tuple[bytes, ...]:
    """The frame that delivers an invocation, in one piece, or two when the payload is large."""
    arn = invocation.invoked_arn.encode()
    trace = trace_id.encode()
    context = invocation.client_context.encode()
    if invocation.cognito_identity:
        context += b"\0" + invocation.cognito_identity.encode()
    payload = invocation.payload
    beside = arn + trace + context
    length = _BESIDES_LENGTH + len(beside) + len(payload)
    request_id = invocation.request_id.encode()
    header = _INVOKE.pack(length, INVOCATION, deadline_ms, request_id, len(arn), len(trace), len(context))
    if len(payload) > _LARGE:
        return header + beside, payload
    return (header + beside + payload,)


def complete_trace(given: str, epoch_s: int, mark: str, sampled: int = 0) -> str:
    """The trace header as a function gets it, whatever came; what the caller left out, or can't be read, is ours.

    `mark`: the function's in the lineage. `sampled`: unless the caller has decided it.
    """
    if not given:
        return f"Root=1-{epoch_s:08x}-{ids.hex_id(24)};Parent={ids.hex_id(16)};Sampled={sampled};Lineage={mark}:1"
    usual = _USUAL.fullmatch(given)
    if usual is not None:
        root, parent, decided = usual.groups()
        return f"Root={root};Parent={parent or ids.hex_id(16)};Sampled={decided or sampled};Lineage={mark}:1"
    parts = dict(part.strip().split("=", 1) for part in given.split(";") if "=" in part)
    root, parent, decided = parts.get("Root", ""), parts.get("Parent", ""), parts.get("Sampled", "")
    if not _ROOT.fullmatch(root):
        root, parent, decided = f"1-{epoch_s:08x}-{ids.hex_id(24)}", "", ""
    if not _PARENT.fullmatch(parent):
        parent = ids.hex_id(16)
    if decided not in ("0", "1"):
        decided = str(sampled)
    chain = f";Lineage={parts['Lineage']}" if "Lineage" in parts else ""
    return lineage.counted(f"Root={root};Parent={parent};Sampled={decided}{chain}", mark)


class _Paused(msgspec.Struct):
    problems: list[str] = []


def problems(content: bytes) -> list[str]:
    """Why a process says that it can't be forked faithfully."""
    try:
        return msgspec.json.decode(content, type=_Paused).problems
    except msgspec.MsgspecError:
        return ["its runtime says nonsense"]


def restore(environ: dict[str, str], fill_tmp: bool) -> bytes:
    """The frame that lets a restored runtime go on."""
    content = msgspec.json.encode({"environ": environ, "tmp": fill_tmp})
    return head(RESTORE, len(content)) + content


class _Error(msgspec.Struct):
    errorType: str = ""


def error_type(payload: bytes) -> str:
    """The errorType of an error report; empty when it has none."""
    try:
        return msgspec.json.decode(payload, type=_Error).errorType
    except msgspec.MsgspecError:
        return ""
