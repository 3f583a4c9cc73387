"""Functions that try what they mustn't, and say how they were refused."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

PROBE = """
    import array, ctypes, errno, glob, json, os, platform, pwd, signal, socket, struct, subprocess, sys, threading, time

    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long

    def check(result):
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    def syscall(x86_64, aarch64, *arguments):
        number = aarch64 if platform.machine() == "aarch64" else x86_64
        return check(libc.syscall(ctypes.c_long(number), *arguments))

    def handler(event, context):
        scope = dict(globals(), context=context, **event.get("given", {}))
        try:
            exec(event["code"], scope)
        except OSError as error:
            return {"refused": errno.errorcode.get(error.errno, repr(error))}
        return {"result": scope.get("result")}
"""


@pytest.fixture(scope="session")
def probe_source() -> str:
    """Its handler runs the statements that it's given; they may set `result`."""
    return PROBE


@pytest.fixture(scope="module")
def probe(platform: Any) -> Iterator[Any]:
    """One function for all attempts of a module: they share its environment."""
    function = platform.deploy(PROBE, Timeout=20, MemorySize=512)
    yield function
    function.delete()


@pytest.fixture(scope="module")
def attempt(probe: Any) -> Callable[..., Any]:
    """Run statements in the box: the value that they give `result`, or the name of the errno that refused them."""

    def attempt(code: str, function: Any = probe, **given: object) -> Any:
        answer = function({"code": code, "given": given}).result
        return answer["refused"] if "refused" in answer else answer["result"]

    return attempt
