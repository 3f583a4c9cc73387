"""The managed Python runtime: AWS's own client loop (awslambdaric) over one socket to the platform.

Owns: the life of a Python environment's process, from "take this function" to its exit. awslambdaric keeps what
users can see: handler lookup, context, errors, log formats. Only its transport is replaced: frames instead of HTTP.
Runs on Python 3.8 and later, in the box, beside hostile code: the platform trusts nothing that it says.

A frame is `u32 length | u8 kind | content`, little endian; length counts kind and content.
  to here      A  its handler, the folders of its code and of its layers, NAME=value of its variables, with a NUL
                  between two: become this function, as far as that is possible without its code
               M  NAME=value, with a NUL between two: its code is there, and these are its variables as well
               V  JSON {"environ": {name: value}, "tmp": bool}: restored, in an environment with these variables;
                  whether its /tmp is still to be filled
               I  u64 deadline (epoch ms) | 36s request id | u16 length of each of ARN, trace id, client context |
                  these | payload
  from here    N  init is done, ready for an invocation
               R  36s request id | result; ready for the next
               L  36s request id: the result or the error was larger than the platform takes; ready for the next
               E  36s request id | error JSON; ready for the next
               X  error JSON: init failed, the process exits
               P  JSON {"problems": [text]}: init is done, and a snapshot may be taken; V is what follows. A template
                  answers it in each of its forks. With problems it can't be forked faithfully, and says why.
               B  error JSON: what the function does before a snapshot has failed, the process exits
               Y  error JSON: what the function does after a restore has failed, the process exits
Responses are whole here, as on AWS: the frames that stream one are Node.js's (`S` and `D`).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import logging
import os
import signal
import socket
import struct
import sys
import threading

import samovar_context
import samovar_frames
import samovar_function
import samovar_json
import samovar_sdk
import samovar_snapshot
import samovar_trace
from awslambdaric import bootstrap
from awslambdaric import lambda_runtime_client as client_module

_INVOKE = struct.Struct("<Q36sHHH")
_INVOCATION, _NEXT, _RESPONSE, _TOO_LARGE, _ERROR, _INIT_ERROR = b"INRLEX"
_RESTORE, _PAUSED, _RESTORE_ERROR, _SNAPSHOT_ERROR = b"VPYB"
_SNAP_START = "snap-start"
_new = object.__new__
_LARGEST_RESULT = 6291556

# Loaded at this point on AWS as well: a function's own module of such a name loses there, too.
_LOADED_EVERYWHERE = frozenset(name.partition(".")[0] for name in sys.modules)

# Older clients, which older interpreters need, make their client themselves.
_TAKES_CLIENT = bootstrap.run.__code__.co_argcount == 2

_USUAL = (
    "asyncio base64 concurrent.futures datetime decimal email.parser hashlib hmac http.client subprocess "
    "threading typing urllib.parse uuid zipfile"
).split()


def warm():
    # type: () -> int
    """Do once, in the zygote, what nearly every function needs. Returns the megabytes that are kept for functions which
    will want them, and are nobody's yet."""
    kept = 0
    for name in _USUAL:
        importlib.import_module(name)
    try:
        kept = samovar_sdk.prepare()
    except Exception as error:  # noqa: BLE001 - an SDK that doesn't fit this interpreter: functions without it still run
        sys.stderr.write("samovar: boto3 can't be used on this Python: %s\n" % error)
    samovar_snapshot.reseed()  # OpenSSL starts up at the first use: here, for all
    samovar_json.adopt(client_module.LambdaRuntimeClient)
    samovar_context.adopt()
    samovar_trace.adopt(bootstrap)
    samovar_function.write_no_bytecode()
    samovar_function.replaceable.update({name.partition(".")[0] for name in sys.modules} - _LOADED_EVERYWHERE)
    rehearse()
    return kept


def rehearse():
    # type: () -> None
    """Go once the way from a function's variables to the answer to its first invocation, with a handler of our own, and
    undo what would show.

    In a fresh fork every page that is written to is copied first; after this the function's way finds its own pages.
    """
    present, here, path, argv = os.environ._data, os.getcwd(), sys.path[:], sys.argv[:]  # type: ignore[attr-defined]
    environ, streams, pycache = dict(present), (sys.stdout, sys.stderr), sys.pycache_prefix
    written = sys.dont_write_bytecode
    channel, far = socket.socketpair()
    try:
        frames, platform = samovar_frames.Frames(channel), samovar_frames.Frames(far)
        told = [b"samovar_rehearsal.handler", os.fsencode(os.path.dirname(__file__)), b"/opt"]
        told += [b"=".join(variable) for variable in environ.items()]
        told += [b"REHEARSAL_%d=%s" % (number, b"x" * 40) for number in range(24)]
        platform.send(samovar_function.AHEAD, b"\0".join(told))
        platform.send(samovar_function.MOUNTED, b"KEY_OF_REHEARSAL=" + b"x" * 400)
        platform.send(_INVOCATION, _INVOKE.pack(0, b"0" * 36, 3, 4, 0), b'arnRoot{"rehearsal": [1, 2.5, null, "x"]}')
        sys.dont_write_bytecode = True
        sys.modules.pop("samovar_rehearsal", None)
        compile("def handler(event, context):\n    return {'statusCode': 200}\n", "rehearsal", "exec")
        run(samovar_function.Rehearsed(frames), _Rehearsal(frames, None))
    except _Answered:
        pass
    finally:
        channel.close()
        far.close()
        sys.stdout, sys.stderr = streams
        sys.pycache_prefix, sys.dont_write_bytecode = pycache, written
        sys.path[:], sys.argv[:] = path, argv
        sys.modules.pop("samovar_rehearsal", None)
        del logging.getLogger().handlers[:]
        bootstrap._GLOBAL_AWS_REQUEST_ID = bootstrap._GLOBAL_TENANT_ID = None
        os.chdir(here)
        samovar_function.set_environ(environ)
        gc.disable()


def serve(channel, template=None):
    # type: (socket.socket, object) -> None
    """Wait for a function, become it, and run its invocations until the end; with a template (see the zygote's), be
    forked when it is initialised, and let the forks do that."""
    channel.setblocking(True)
    code, interrupted = 1, False
    samovar_snapshot.reseed()
    try:
        frames = samovar_frames.Frames(channel)
        function, streams = samovar_function.Function(frames), (sys.stdout, sys.stderr)
        try:
            if os.environ.get("AWS_EXECUTION_ENV") in getattr(bootstrap, "PREVIEW_RUNTIME_ENVS", ()):
                raise samovar_function.Otherwise(function.become())
            run(function, Client(frames, template))
        except samovar_function.Otherwise as otherwise:
            handler = otherwise.handler
        # Once more, and not while that is handled: it would stand behind whatever the function raises.
        sys.stdout, sys.stderr = streams
        del logging.getLogger().handlers[:]
        importlib.reload(bootstrap)
        samovar_trace.adopt(bootstrap)
        run(handler, Client(frames, template))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        if code is not leaving.code and code:
            sys.stderr.write("%s\n" % (leaving.code,))
    except BaseException as error:  # noqa: BLE001  # the interpreter's own last words, then its own exit status
        interrupted = isinstance(error, KeyboardInterrupt)
        sys.excepthook(*sys.exc_info())
    finally:
        _leave(code & 0xFF, interrupted)


def _leave(code, interrupted):
    # type: (int, bool) -> None
    """End the process as an interpreter does that has run its program; but for its memory, which goes with it."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that aren't daemons
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # also where one of these fails, as a stream that has been closed does
        if interrupted:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(code)


def run(handler, client):
    # type: (object, object) -> None
    """AWS's loop, with a client of ours; it ends by SystemExit."""
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(os.dup(1))
    if _TAKES_CLIENT:
        bootstrap.run(handler, client)
    else:
        theirs, bootstrap.LambdaRuntimeClient = bootstrap.LambdaRuntimeClient, lambda *_: client
        try:
            bootstrap.run(os.getcwd(), handler, "")
        finally:
            bootstrap.LambdaRuntimeClient = theirs


class Client(client_module.LambdaRuntimeClient):  # type: ignore[misc]
    """What awslambdaric's loop takes for its runtime client. A marshaller that a function sets on the class is used."""

    def __init__(self, frames, template):
        # type: (samovar_frames.Frames, object) -> None
        self._frames = frames
        self._template = template
        self._first = True
        self._handles = bootstrap.handle_event_request

    def wait_next_invocation(self):
        # type: () -> object
        if self._first:  # later, the answer to the last invocation has said it
            self._first = False
            if self._template is not None and os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != _SNAP_START:
                self.restore_next()
            self._frames.send(_NEXT)
        kind, frame = self._frames.receive()
        if kind != _INVOCATION:
            os._exit(70)
        deadline, request_id, arn, trace, context = _INVOKE.unpack_from(frame, samovar_frames.CONTENT)
        at = samovar_frames.CONTENT + _INVOKE.size
        arn_end, trace_end = at + arn, at + arn + trace
        end = trace_end + context
        client_context, _, identity = str(frame[trace_end:end], "utf-8").partition("\0") if context else ("", "", "")
        event = frame[end:]
        request = _new(client_module.InvocationRequest)
        request.__dict__ = {  # its initialiser copies it twice
            "invoke_id": request_id.decode(),
            "x_amzn_trace_id": str(frame[arn_end:trace_end], "utf-8"),
            "invoked_function_arn": str(frame[at:arn_end], "utf-8"),
            "deadline_time_in_ms": deadline,
            "client_context": client_context or None,
            "cognito_identity": identity or None,
            "tenant_id": None,
            "content_type": "application/json",
            "event_body": event if type(event) is bytes or self._takes_views() else bytes(event),
            "invocation_id": None,
        }
        return request

    def _takes_views(self):
        # type: () -> bool
        """Whether nobody sees the event's bytes but what is known not to mind: a copy of 6 MB takes its time."""
        theirs = self.marshaller
        ours = isinstance(theirs, samovar_json.Marshaller) and theirs.plain
        return ours and bootstrap.handle_event_request is self._handles

    def post_invocation_result(self, invoke_id, result_data, content_type="application/json", invocation_id=None):
        # type: (str, object, str, object) -> None
        if not isinstance(result_data, (bytes, samovar_json.Pieces)):
            result_data = str(result_data).encode("utf-8")
        if len(result_data) > _LARGEST_RESULT:
            self._frames.send(_TOO_LARGE, invoke_id.encode())
        else:
            self._frames.respond(invoke_id.encode(), result_data)

    def post_invocation_error(self, invoke_id, error_response_data, xray_fault, invocation_id=None):
        # type: (str, str, str, object) -> None
        data = error_response_data.encode("utf-8")
        if len(data) > _LARGEST_RESULT:
            self._frames.send(_TOO_LARGE, invoke_id.encode())
        else:
            self._frames.send(_ERROR, invoke_id.encode(), data)

    def restore_next(self):
        # type: () -> None
        """Offer this process for a snapshot; returns in what was restored from it."""
        copy = None
        if self._template is not None:
            copy = samovar_snapshot.Copy((0, 3, self._template.control.fileno()), self._template.isolated)  # type: ignore[attr-defined]
        problems = copy.problems if copy is not None else []
        self._frames.send(_PAUSED, json.dumps({"problems": problems}).encode("utf-8"))
        if copy is not None and not problems:
            self._template.serve(copy.outputs)  # type: ignore[attr-defined]
        kind, frame = self._frames.receive()
        if kind != _RESTORE:
            os._exit(70)
        restored = json.loads(bytes(frame[samovar_frames.CONTENT :]))
        if copy is not None:
            copy.renew(restored["tmp"])
        os.environ.update(restored["environ"])

    def report_restore_error(self, restore_error_data):
        # type: (dict) -> None
        self._frames.send(_RESTORE_ERROR, bootstrap.to_json(restore_error_data).encode("utf-8"))

    def post_init_error(self, error_response_data, error_type_override=None):
        # type: (dict, object) -> None
        kind = _SNAPSHOT_ERROR if error_type_override == "Runtime.BeforeSnapshotError" else _INIT_ERROR
        self._frames.send(kind, bootstrap.to_json(error_response_data).encode("utf-8"))


class _Answered(BaseException):
    """The invocation that was rehearsed has been answered."""


class _Rehearsal(Client):
    """Of one invocation."""

    def wait_next_invocation(self):
        # type: () -> object
        if not self._first:
            raise _Answered
        return Client.wait_next_invocation(self)
