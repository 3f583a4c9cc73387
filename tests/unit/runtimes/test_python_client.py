"""What of awslambdaric is made quick comes to the same as awslambdaric's own, under each Python of this machine."""

import subprocess
from pathlib import Path

import pytest

from samovar.engine.languages.python import RUNTIME_CLIENT, find_interpreters, own_packages, search_path

_FIRST = """
import json, os, sys
sys.path[:0] = %r
import samovar_context, samovar_json
from awslambdaric import lambda_context, lambda_runtime_client, lambda_runtime_marshaller
client = lambda_runtime_client.LambdaRuntimeClient

def outcome(call, *arguments):
    try:
        value = call(*arguments)
    except Exception as error:
        return "%%s: %%s" %% (type(error).__name__, getattr(error, "msg", error))
    if isinstance(value, tuple) and isinstance(value[0], samovar_json.Pieces):
        text = b"".join(value[0])
        assert len(text) == len(value[0])
        value = (text.decode(), value[1])
    return repr(value)

theirs = client.marshaller
samovar_json.adopt(client)
ours = client.marshaller
assert isinstance(ours, samovar_json.Marshaller) and ours.plain
"""

_ANSWERS = """
import collections, decimal, enum
Pair = collections.namedtuple("Pair", "a b")
Level = enum.IntEnum("Level", "LOW HIGH")
circle = []
circle += [circle, circle]
deep = [1]
for _ in range(5000):
    deep = [deep]
large = "x" * 70000
answers = [
    None, True, 10**50, -0.0, 1e22, float("nan"), float("-inf"), "", large, large + "'", large + '"', large + chr(127),
    large + chr(10), large + chr(0xe9), large + chr(0x2028), large + chr(0xd800), {"statusCode": 200, "body": large},
    {"body": large, "headers": {"a": chr(0xe9)}}, {"body": large, "b": Pair(1, 2)}, {1: large},
    {large: 1, large + "y": large}, {"a" + chr(34): large}, {str(n): large for n in range(20)}, [], {}, (),
    [Pair(1, [Pair(2, 3)])], {"a": Level.HIGH}, collections.OrderedDict(b=1, a=2), b"bytes", [b"bytes"], [b"\\xff"],
    {b"k": 1}, {1: 1, 1.5: 2, None: 3, True: 4}, {(1,): 1},
    decimal.Decimal("1.10"), [decimal.Decimal("NaN")], {decimal.Decimal(1): 1}, {1, 2}, object, 1j, circle, deep,
    type("Text", (str,), {})("text"), [type("Dict", (dict,), {})(a=1)], [bytearray(b"x")], float("nan"),
]
characters = [*range(0x500), *range(0x2020, 0x2030), *range(0xd7f0, 0xd810), 0xfeff, 0x1f600, 0x10ffff]
answers += [chr(code) for code in characters] + [{chr(code): [chr(code) * 2]} for code in characters]
for answer in answers:
    assert outcome(ours.marshal_response, answer) == outcome(theirs.marshal_response, answer), repr(answer)[:100]
print(type(ours.marshal_response(large)[0]).__name__, type(ours.marshal_response({"body": large})[0]).__name__)
"""

_EVENTS = """
events = [
    b"", b"null", b" {} ", b"\\xef\\xbb\\xbf[1]", b"\\xff", b"[1,]", b"[1] x", b"{'a': 1}", b'{"a":1,"a":{"b":2}}',
    b"NaN", b"[-Infinity]",    b"1e999", b"-0", b"-0.0", b"01", b"1.", b".5", b"+1", b"1_0", b"9" * 40, b"9" * 5000,
    b"nul", b'"\\x00"', b'"\\x1f"', b'"\\x7f"', b'"a',    b'"\\\\u00e9"', b'"\\\\ud83d\\\\ude00"', b'"\\\\ud83d"',
    b'"\\\\ud83d\\\\u0041"', b'"\\\\u 12"', b'"\\\\u0x12"', b'"\\\\x"', b'"\\\\', b"\\x0b1",
    b"\\xc2\\xa01",    b"[" * 5000, b"{", b'{"a"', b'{"a":', b'{"a":1', b'{1:2}', b'[true,false,null]',
    chr(0x2028).encode(), b'"' + b"x" * 70000 + b'"',
]
for event in events:
    assert outcome(ours.unmarshal_request, event) == outcome(theirs.unmarshal_request, event), event[:100]
    assert outcome(ours.unmarshal_request, memoryview(event)) == outcome(theirs.unmarshal_request, event), event[:100]
    assert ours.unmarshal_request(event, "text/plain") == event
"""

_CONTEXTS = """
names = "LOG_GROUP_NAME LOG_STREAM_NAME FUNCTION_NAME FUNCTION_MEMORY_SIZE FUNCTION_VERSION".split()
own = lambda_context.LambdaContext.__init__
samovar_context.adopt()
quick = lambda_context.LambdaContext.__init__
assert quick is not own

def contexts(client_context, identity):
    for initialise in (own, quick):
        context = lambda_context.LambdaContext.__new__(lambda_context.LambdaContext)
        initialise(context, "id", client_context and dict(client_context), identity, 1 << 50, "arn", None)
        yield list(vars(context)), repr(context), context.w3c(), context.get_remaining_time_in_millis()

def same():
    for client_context in (None, {}, {"client": {"app_title": "t"}, "custom": {"a": 1}, "w3c": {"traceparent": "p"}}):
        for identity in (None, {"cognitoIdentityId": "i"}):
            first, second = contexts(client_context, identity)
            assert first[:3] == second[:3] and second[3] > 0, (first, second)

for value in (None, "", "one", "two", chr(0xe9), chr(0xdcff)):
    for name in names:
        if value is None:
            os.environ.pop("AWS_LAMBDA_" + name, None)
        else:
            os.environ["AWS_LAMBDA_" + name] = value
        same()
environ, os.environ = os.environ, dict(os.environ, AWS_LAMBDA_FUNCTION_NAME="replaced")
same()
os.environ = environ

def older(changed):
    class Older(lambda_context.LambdaContext):
        def __init__(self, %s, invoked_function_arn=None, tenant_id=None):
            own(self, %s, invoked_function_arn, tenant_id)
            changed(self)
    lambda_context.LambdaContext, before = Older, Older.__init__
    samovar_context.adopt()
    return Older.__init__ is before

assert not older(lambda context: vars(context).pop("_w3c_fields"))
assert older(lambda context: setattr(context, "more", 1))
assert older(lambda context: vars(context).pop("tenant_id"))
""".replace("%s", "invoke_id, client_context, cognito_identity, epoch_deadline_time_in_ms")

_TRACE_IDS = """
import ctypes, subprocess
import samovar_trace
from awslambdaric import bootstrap

getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
theirs = bootstrap.update_xray_env_variable
samovar_trace.adopt(bootstrap)
ours = bootstrap.update_xray_env_variable
assert ours is not theirs

def seen(update, trace_id):
    failed = outcome(update, trace_id)
    children = [line for line in subprocess.check_output(["/usr/bin/env", "-0"]).split(bytes(1)) if line[:3] == b"_X_"]
    return failed, os.environ.get("_X_AMZN_TRACE_ID"), getenv(b"_X_AMZN_TRACE_ID"), children

def set_otherwise():
    os.environ["_X_AMZN_TRACE_ID"] = "other"

def remove():
    os.environ.pop("_X_AMZN_TRACE_ID", None)

for meanwhile in (list, set_otherwise, remove, os.environ.clear):
    for trace_id in ("Root=1", "Root=1;Parent=2", "", chr(0xe9), chr(0xdcff), "x" * 5000, "a" + chr(0), None, "Root=3"):
        told = []
        for update in (theirs, ours):
            ours("Root=0")
            meanwhile()
            told.append(seen(update, trace_id))
        assert told[0] == told[1], (meanwhile, told)

def resident_kb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4

ours("Root=1")
before = resident_kb()
for number in range(100000):
    ours("Root=1-%032d;Parent=0123456789abcdef;Sampled=0" % number)
grown = resident_kb() - before
assert grown < 2000, grown
os.environ = {}
assert seen(ours, "Root=4")[:2] == ("None", "Root=4")
"""

_REPLACED = """
sample = {"body": "x" * 70000}
def changes(**of):
    for name, value in of.items():
        holder, _, member = name.rpartition("__")
        holder = {"theirs": lambda_runtime_marshaller.LambdaMarshaller, "json": lambda_runtime_marshaller.json,
                  "encoder": lambda_runtime_marshaller.Encoder, "instance": ours.jsonEncoder, "ours": ours}[holder]
        had = vars(holder).get(member)
        setattr(holder, member, value)
        assert not ours.plain, name
        said = outcome(ours.marshal_response, sample), outcome(ours.unmarshal_request, b"[1]")
        if had is None:
            delattr(holder, member)
        else:
            setattr(holder, member, had)
        assert ours.plain, name
        yield said

told = list(changes(
    theirs__marshal_response=lambda self, value: ("mine", "text/plain"),
    theirs__unmarshal_request=lambda self, data, kind: ["mine", type(data).__name__],
    json__loads=lambda data: ["mine", type(data).__name__],
    encoder__encode=lambda self, value: "mine",
    encoder__iterencode=lambda self, value: ["mine"],
    encoder__default=lambda self, value: "mine",
    instance__encode=lambda value: "mine",
    instance__item_separator=";",
))
usual = ("('%s', 'application/json')" % json.dumps(sample), "[1]")
mine, read = "('mine', 'application/json')", "['mine', 'bytes']"
assert told == [
    ("('mine', 'text/plain')", "[1]"), (usual[0], read), (usual[0], read), (mine, "[1]"), (mine, "[1]"), usual,
    (mine, "[1]"), usual,
], [(a[:80], b) for a, b in told]
"""

_REHEARSAL = """
import logging
import samovar_frames, samovar_runtime
from awslambdaric import bootstrap

def shows():
    streams, handlers = (sys.stdout, sys.stderr), logging.getLogger().handlers[:]
    asked = bootstrap._GLOBAL_AWS_REQUEST_ID, getattr(bootstrap, "LambdaRuntimeClient", None)
    compiled = sys.pycache_prefix, sys.dont_write_bytecode, "samovar_rehearsal" in sys.modules
    process = dict(os.environ), os.getcwd(), os.listdir("/proc/self/fd")
    return process, sys.path[:], sys.argv[:], streams, handlers, asked, compiled

before = shows()
samovar_runtime.rehearse()
assert shows() == before, (shows(), before)
answers = []
samovar_frames.Frames.respond = lambda frames, *answer: answers.append(answer)
samovar_runtime.rehearse()
[(request_id, result)] = answers
print(request_id.decode(), json.loads(result)["event"])
"""

_WAITING = """
import socket, tempfile
import samovar_frames, samovar_function, samovar_runtime

def become(code, **variables):
    "What a process that waited says when it has become a function, what it printed, and its exit status."
    with tempfile.TemporaryDirectory() as task:
        with open(os.path.join(task, "h.py"), "w") as file:
            file.write(code)
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            ours.close()
            for output in (1, 2):
                os.dup2(write, output)
            os.close(write)
            samovar_runtime.serve(theirs)
        theirs.close()
        os.close(write)
        platform = samovar_frames.Frames(ours)
        words = ["h.handler", task, "/opt", *map("=".join, variables.items())]
        platform.send(samovar_function.AHEAD, "\\0".join(words).encode())
        platform.send(samovar_function.MOUNTED, b"KEY=value")
        kind, frame = platform.receive()
        ours.close()
        with open(read, errors="replace") as printed:
            text = printed.read()
        return chr(kind), frame[samovar_frames.CONTENT :].decode(), text, os.waitpid(child, 0)[1]

code = "import os; print(os.environ['KEY'], os.getcwd() == os.path.dirname(__file__)); handler = print"
assert become(code) == ("N", "", "value True\\n", 0), become(code)
kind, said, _, _ = become("def fail(): raise ValueError('no')\\nfail()")
assert kind == "X" and "ValueError" in said and "samovar" not in said, said
os.environ["AWS_EXECUTION_ENV"] = preview = "AWS_Lambda_python3.15"
print(become(code, AWS_EXECUTION_ENV=preview)[2].count("preview"), end=" ")
print(become(code, AWS_EXECUTION_ENV=preview, LAMBDA_DISABLE_PREVIEW_WARN="1")[2].count("preview"))
"""

_EVENTS_OF_BOTOCORE = """
import logging
import samovar_hooks
from boto3 import Session
from botocore import hooks

def client():
    return Session("key", "secret", region_name="us-east-1").client("sqs")

def registered():
    made = client()
    return list(told(made.meta.events._emitter._handlers._root))

def kind(handler):
    return getattr(handler, "__qualname__", type(handler))

def told(node, path=()):
    for name, value in node.items():
        if name == "children":
            for chunk, child in value.items():
                yield from told(child, (*path, chunk))
        else:
            parts = value if isinstance(value, hooks.NodeList) else ()
            yield path, name, type(value), [list(map(kind, one)) for one in parts]

def outcome(call, *arguments):
    try:
        return call(*arguments)
    except Exception as error:
        return str(error)

class Callable:
    def __call__(self, **named): pass

handlers = [lambda **named: 1, lambda event: 1, lambda event, **named: 1, Callable(), Callable().__call__, print, 7]

def results():
    emitter = hooks.EventAliaser(hooks.HierarchicalEmitter())
    other = hooks.EventAliaser(hooks.HierarchicalEmitter(), {"creating-client-class": "other"})
    names = "creating-client-class.iot-data", "before-call.s3", "creating-client-class.s3", "a.runtime.sagemaker.b"
    for handler in handlers:
        yield str(outcome(emitter.register, "an.event", handler)).partition(" must")[2]
    yield from (each._alias_event_name(name) for each in (emitter, other, emitter) for name in names)
    yield registered()

class Lines(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())

lines = []
logging.getLogger("botocore.hooks").addHandler(Lines())
logging.getLogger("botocore.hooks").setLevel(logging.DEBUG)
theirs, theirs_said = list(results()), lines[:]
before = hooks.accepts_kwargs, hooks._PrefixTrie._recursive_copy
samovar_hooks.adopt(client)
assert before[0] is not hooks.accepts_kwargs and before[1] is not hooks._PrefixTrie._recursive_copy
del lines[:]
ours = list(results())
assert ours == theirs, [pair for pair in zip(ours, theirs) if pair[0] != pair[1]]
changed = [line for line in theirs_said if line.startswith("Changing")]
assert changed and [line for line in lines if line.startswith("Changing")] == changed
known = hooks.EventAliaser(None)._alias_name_cache
assert len(known) > 50 and all(name == other for name, other in known.items())
one, other = client(), client()
one.meta.events.register_first("before-call.sqs", handlers[0])
assert handlers[0] in one.meta.events._emitter._handlers.prefix_search("before-call.sqs")
assert handlers[0] not in other.meta.events._emitter._handlers.prefix_search("before-call.sqs")
hooks.EVENT_ALIASES["before-call"] = "changed"
assert hooks.EventAliaser(None)._alias_event_name("before-call.s3") == "changed.s3"
"""

_TLS_OF_BOTOCORE = """
import samovar_tls
from botocore.httpsession import URLLib3Session

def given():
    return URLLib3Session()._manager.connection_pool_kw["ssl_context"]

def settings(context):
    names = "options minimum_version maximum_version verify_mode verify_flags check_hostname post_handshake_auth"
    return [getattr(context, name) for name in (*names.split(), "keylog_filename")], context.get_ciphers()

theirs, make = settings(given()), URLLib3Session._get_ssl_context
samovar_tls.adopt()
assert URLLib3Session._get_ssl_context is not make
kept = [given() for _ in range(20)]
assert len({id(each) for each in kept}) == 20 and all(settings(each) == theirs for each in kept)
URLLib3Session._get_ssl_context = make
samovar_tls.adopt()
os.environ["SSLKEYLOGFILE"] = file = sys.path[0] + "/keys"
assert given().keylog_filename == file
del os.environ["SSLKEYLOGFILE"]
assert given().keylog_filename is None
"""

_INTERPRETERS = {f"python{minor[0]}.{minor[1]}": each for minor, each in find_interpreters(search_path()).items()}


@pytest.fixture(params=[name for name in _INTERPRETERS if name not in ("python3.8", "python3.9")])
def told(request, tmp_path):
    """Runs code beside the client's parts; returns what it prints."""
    for host, name in [*own_packages(), *((path, path.name) for path in RUNTIME_CLIENT.iterdir())]:
        if name != "__pycache__":
            (tmp_path / name).symlink_to(Path(host).resolve())
    program = _INTERPRETERS[request.param].executable

    def run(code: str) -> str:
        environ = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{request.param}", "LANG": "C.UTF-8"}
        command = [str(program), "-S", "-c", _FIRST % [str(tmp_path)] + code]
        ended = subprocess.run(command, env=environ, timeout=100, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr[-2000:]
        return ended.stdout

    return run


def test_answers_become_the_same_text_or_the_same_error(told):
    assert told(_ANSWERS) == "Pieces Pieces\n"


def test_events_become_the_same_values_or_the_same_error(told):
    told(_EVENTS)


def test_contexts_are_the_same_also_when_a_function_changes_its_variables(told):
    told(_CONTEXTS)


def test_trace_ids_are_set_where_awslambdaric_sets_them_and_take_no_memory(told):
    told(_TRACE_IDS)


def test_what_a_function_replaces_is_what_does_it(told):
    told(_REPLACED)


def test_a_rehearsal_answers_an_invocation_and_leaves_nothing_that_shows(told):
    assert told(_REHEARSAL) == "0" * 36 + " {'rehearsal': [1, 2.5, None, 'x']}\n"


def test_a_process_that_waited_becomes_a_function_and_is_in_none_of_its_traces(told):
    """And a preview of a runtime warns of itself once, unless the function doesn't want that."""
    assert told(_WAITING) == "1 0\n"


def test_clients_begin_with_the_same_handlers_and_others_are_asked_as_ever(told):
    told(_EVENTS_OF_BOTOCORE)


def test_clients_begin_with_the_same_tls_settings_each_with_its_own(told):
    told(_TLS_OF_BOTOCORE)
