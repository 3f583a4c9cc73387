"""The trace id as a variable of the environment, in one place of memory.

awslambdaric sets the variable for each invocation, and the C library keeps every value that a variable ever had: 150
bytes each, until a busy environment has no memory left. So the C library gets a buffer of ours, which is written to.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any  # noqa: F401 - in the types

_NAME = b"_X_AMZN_TRACE_ID"
_LONGEST = 1024
_Environ = type(os.environ)


def adopt(bootstrap):
    # type: (Any) -> None
    """Take the place of awslambdaric's own function; what is unusual is left to that."""
    original = bootstrap.update_xray_env_variable
    buffer = ctypes.create_string_buffer(len(_NAME) + _LONGEST)
    put = ctypes.CDLL(None).putenv
    before = object()  # what the variable was set to, and is as long as nobody else sets or removes it

    def update_xray_env_variable(xray_trace_id):
        # type: (Any) -> None
        nonlocal before
        environ = os.environ
        value = b"" if xray_trace_id is None else xray_trace_id.encode("utf-8", "surrogateescape")
        if not 0 < len(value) < _LONGEST or b"\0" in value or type(environ) is not _Environ:
            original(xray_trace_id)
            return
        present = environ._data  # type: ignore[attr-defined]
        buffer.value = b"%s=%s" % (_NAME, value)
        if present.get(_NAME) is not before:
            put(buffer)
        present[_NAME] = before = value

    bootstrap.update_xray_env_variable = update_xray_env_variable
