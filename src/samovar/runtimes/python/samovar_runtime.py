"""The managed Python runtime: AWS's own client loop (awslambdaric) over one socket to the platform.

Owns: the life of a Python environment's process, from "take this function" to its exit. awslambdaric keeps what
users can see: handler lookup, context, errors, log formats. Only its transport is replaced: frames instead of HTTP.
Runs on Python 3.8 and later, in the box, beside hostile code: the platform trusts nothing that it says.

A frame is `u32 length | u8 kind | content`, little endian; length counts kind and content.
  to here      A  JSON {name: value}: its variables, where its code is not there yet; C is next
               C  JSON {"environ", "handler", "task", "opt"}: become this function; null for variables that A has told
               V  JSON {"environ": {name: value}, "tmp": bool}: restored, in an environment with these variables;
                  whether its /tmp is still to be filled
               I  u64 deadline (epoch ms) | 36s request id | u16 length of each of ARN, trace id, client context |
                  these | payload
  from here    N  init is done, ready for an invocation
               R  36s request id | result; ready for the next
               L  36s request id: the result was larger than the platform takes; ready for the next
               E  36s request id | error JSON; ready for the next
               X  error JSON: init failed, the process exits
               P  JSON {"problems": [text]}: init is done, and a snapshot may be taken; V is what follows. A template
                  answers it in each of its forks. With problems it can't be forked faithfully, and says why.
               B  error JSON: what the function does before a snapshot has failed, the process exits
               Y  error JSON: what the function does after a restore has failed, the process exits
Responses are whole here, as on AWS: the frames that stream one are Node.js's (`S` and `D`).
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import socket
import struct
import sys
import time

import samovar_context
import samovar_frames
import samovar_json
import samovar_sdk
import samovar_snapshot
from awslambdaric import bootstrap
from awslambdaric import lambda_runtime_client as client_module

_INVOKE = struct.Struct("<Q36sHHH")
_CONFIGURE, _INVOCATION, _NEXT, _RESPONSE, _TOO_LARGE, _ERROR, _INIT_ERROR = b"CINRLEX"
_AHEAD = ord("A")
_RESTORE, _PAUSED, _RESTORE_ERROR, _SNAPSHOT_ERROR = b"VPYB"
_SNAP_START = "snap-start"
_LARGEST_RESULT = 6291556
_ESCAPE = "surrogateescape"

# Loaded at this point on AWS as well: a function's own module of such a name loses there, too.
_LOADED_EVERYWHERE = frozenset(name.partition(".")[0] for name in sys.modules)

# Older clients, which older interpreters need, make their client themselves.
_TAKES_CLIENT = bootstrap.run.__code__.co_argcount == 2

# The SDK's modules hold on to each other: a function that brings one of them gets none of ours.
_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")

_loaded = set()  # type: set[str]
"""The top names of what the zygote has imported: to go through all modules would copy the pages of all their names."""

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
    _loaded.update(name.partition(".")[0] for name in sys.modules)
    rehearse()
    return kept


def rehearse():
    # type: () -> None
    """Go once the way from a function's variables to the answer to its first invocation, with a handler of our own, and
    undo what would show.

    In a fresh fork every page that is written to is copied first; after this the function's way finds its own pages.
    """
    environ, path, streams, pycache = dict(os.environ), sys.path[:], (sys.stdout, sys.stderr), sys.pycache_prefix
    written = sys.dont_write_bytecode
    channel, far = socket.socketpair()
    try:
        frames, platform = samovar_frames.Frames(channel), samovar_frames.Frames(far)
        variables = {"REHEARSAL_%d" % number: "x" * 40 for number in range(24)}
        platform.send(_AHEAD, json.dumps(dict(environ, **variables)).encode())
        _, frame = frames.receive()
        _set_environ(json.loads(bytes(frame[samovar_frames.CONTENT :])))
        platform.send(_INVOCATION, _INVOKE.pack(0, b"0" * 36, 3, 4, 0), b'arnRoot{"rehearsal": [1, 2.5, null, "x"]}')
        _shadowed(search_path("/var/runtime", "/opt") + _user_path("/var/runtime", "/"))
        sys.path_importer_cache.clear()
        sys.argv[:] = list(sys.argv)
        sys.pycache_prefix, sys.dont_write_bytecode = None, True
        os.chdir(".")
        os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(os.dup(1))
        sys.modules.pop("samovar_rehearsal", None)
        compile("def handler(event, context):\n    return {'statusCode': 200}\n", "rehearsal", "exec")
        run("samovar_rehearsal.handler", _Rehearsal(frames, None))
    except _Rehearsed:
        pass
    finally:
        channel.close()
        far.close()
        sys.stdout, sys.stderr = streams
        sys.pycache_prefix, sys.dont_write_bytecode = pycache, written
        sys.path[:] = path
        sys.modules.pop("samovar_rehearsal", None)
        del logging.getLogger().handlers[:]
        bootstrap._GLOBAL_AWS_REQUEST_ID = bootstrap._GLOBAL_TENANT_ID = None
        _set_environ(environ)
        gc.disable()


def serve(channel, template=None):
    # type: (socket.socket, object) -> None
    """Wait for a function, become it, and run its invocations until the end; with a template (see the zygote's), be
    forked when it is initialised, and let the forks do that."""
    channel.setblocking(True)
    code = 1
    samovar_snapshot.reseed()
    try:
        frames = samovar_frames.Frames(channel)
        kind, frame = frames.receive()
        if kind == _AHEAD:
            _set_environ(json.loads(bytes(frame[samovar_frames.CONTENT :])))
            kind, frame = frames.receive()
        if kind != _CONFIGURE:
            os._exit(70)
        handler = _become(json.loads(bytes(frame[samovar_frames.CONTENT :])))
        run(handler, Client(frames, template))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        if isinstance(leaving.code, str):
            sys.stderr.write(leaving.code + "\n")
    except KeyboardInterrupt:
        pass
    except BaseException:  # noqa: BLE001  # the interpreter's own last words, then its own exit status
        sys.excepthook(*sys.exc_info())
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
        os._exit(code & 0xFF)


def run(handler, client):
    # type: (str, object) -> None
    """AWS's loop, with a client of ours; it ends by SystemExit."""
    if _TAKES_CLIENT:
        bootstrap.run(handler, client)
    else:
        theirs, bootstrap.LambdaRuntimeClient = bootstrap.LambdaRuntimeClient, lambda *_: client
        try:
            bootstrap.run(os.getcwd(), handler, "")
        finally:
            bootstrap.LambdaRuntimeClient = theirs


def _become(configuration):
    # type: (dict) -> str
    task, opt = configuration["task"], configuration["opt"]
    if configuration["environ"] is not None:
        _set_environ(configuration["environ"])
    search = search_path(task, opt)
    sys.path[:0] = search
    search += _user_path(os.environ.get("PYTHONPATH", ""), task)
    sys.path_importer_cache.clear()
    sys.argv[:] = ["/var/runtime/bootstrap.py"]
    sys.pycache_prefix = None
    _forget_shadowed(search)
    if "AWS_LAMBDA_LOG_FORMAT" in os.environ or "AWS_LAMBDA_LOG_LEVEL" in os.environ:
        importlib.reload(bootstrap)
    os.chdir(task)
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = str(os.dup(1))
    gc.enable()
    return str(configuration["handler"])


def search_path(task, opt):
    # type: (str, str) -> list
    """Where a function's modules are, before all others (facts/lambda-runtime.md §2.2)."""
    lib = "python%d.%d" % sys.version_info[:2]
    return [task, "%s/python/lib/%s/site-packages" % (opt, lib), opt + "/python"]


def _user_path(text, task):
    # type: (str, str) -> list
    """What the user has put into PYTHONPATH: it stands where the interpreter would have put it, behind the folder of
    the runtime's own script."""
    folders = [os.path.normpath(os.path.join(task, entry)) for entry in text.split(":") if entry]
    wanted = [folder for folder in dict.fromkeys(folders) if folder not in sys.path]
    if wanted:
        at = sys.path.index("/var/runtime") + 1 if "/var/runtime" in sys.path else len(sys.path)
        sys.path[at:at] = wanted
    return wanted


def marshaller():
    # type: () -> object
    # Looked up at each use: a function may replace it on awslambdaric's class.
    return client_module.LambdaRuntimeClient.marshaller


def _set_environ(environ):
    # type: (dict) -> None
    """Only what differs: each variable that is set copies some pages, and so does going round by `os.environ`."""
    present = os.environ._data  # type: ignore[attr-defined]
    zone = present.get(b"TZ")
    wanted = {name.encode("utf-8", _ESCAPE): value.encode("utf-8", _ESCAPE) for name, value in environ.items()}
    for name in [name for name in present if name not in wanted]:
        os.unsetenv(name)
        del present[name]
    for name, value in wanted.items():
        if present.get(name) != value:
            os.putenv(name, value)
            present[name] = value
    if present.get(b"TZ") != zone:
        time.tzset()


def _forget_shadowed(search):
    # type: (list) -> None
    """Let the function's and layers' own modules win over those that the zygote has imported."""
    shadowed = _shadowed(search)
    if shadowed:
        for name in [name for name in sys.modules if name.partition(".")[0] in shadowed]:
            del sys.modules[name]


def _shadowed(search):
    # type: (list) -> set
    theirs = set()  # type: set[str]
    for folder in search:
        try:
            theirs.update(name.partition(".")[0] for name in os.listdir(folder))
        except OSError:
            pass
    shadowed = {name for name in theirs if name in _loaded} - _LOADED_EVERYWHERE
    if shadowed.intersection(_SDK):
        shadowed.update(_SDK)
    return shadowed


class Client:
    """What awslambdaric's loop takes for its runtime client."""

    def __init__(self, frames, template):
        # type: (samovar_frames.Frames, object) -> None
        self._frames = frames
        self._template = template
        self._first = True
        self._handles = bootstrap.handle_event_request

    @property
    def marshaller(self):
        # type: () -> object
        return marshaller()

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
        return client_module.InvocationRequest(
            invoke_id=request_id.decode(),
            x_amzn_trace_id=str(frame[arn_end:trace_end], "utf-8"),
            invoked_function_arn=str(frame[at:arn_end], "utf-8"),
            deadline_time_in_ms=deadline,
            client_context=client_context or None,
            cognito_identity=identity or None,
            tenant_id=None,
            content_type="application/json",
            event_body=event if type(event) is bytes or self._takes_views() else bytes(event),
            invocation_id=None,
        )

    def _takes_views(self):
        # type: () -> bool
        """Whether nobody sees the event's bytes but what is known not to mind: a copy of 6 MB takes its time."""
        theirs = marshaller()
        ours = isinstance(theirs, samovar_json.Marshaller) and theirs.plain
        return ours and bootstrap.handle_event_request is self._handles

    def post_invocation_result(self, invoke_id, result_data, content_type="application/json", invocation_id=None):
        # type: (str, object, str, object) -> None
        if isinstance(result_data, samovar_json.Pieces):
            size = result_data.size
        else:
            result_data = result_data if isinstance(result_data, bytes) else str(result_data).encode("utf-8")
            size = len(result_data)
        if size > _LARGEST_RESULT:
            self._frames.send(_TOO_LARGE, invoke_id.encode())
        else:
            self._frames.respond(invoke_id.encode(), result_data)

    def post_invocation_error(self, invoke_id, error_response_data, xray_fault, invocation_id=None):
        # type: (str, str, str, object) -> None
        self._frames.send(_ERROR, invoke_id.encode(), error_response_data.encode("utf-8"))

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


class _Rehearsed(BaseException):
    """The invocation that was rehearsed has been answered."""


class _Rehearsal(Client):
    """Of one invocation."""

    def wait_next_invocation(self):
        # type: () -> object
        if not self._first:
            raise _Rehearsed
        return Client.wait_next_invocation(self)
