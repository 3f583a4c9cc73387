"""How a Python runtime ends, or doesn't: by what a handler, or the function's static code, does to its process."""

import pytest

EXITED = "Runtime exited with error: "
WRAPPER = "#!/bin/sh\nexec \"$@\"\n"
WRAPPED = {"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}}}
PYTHON = """
    import ctypes, faulthandler, os, signal, sys, threading

    class Wordless(Exception):
        def __str__(self): raise ValueError("no words")

    def recurse(): return recurse()

    def handler(event, context):
        return exec(event)
"""
THROW = "exports.handler = async (size) => { throw new Error('x'.repeat(size)); };"


@pytest.fixture(scope="module")
def run(platform):
    """Runs the statements that it's given. Programs and prepared processes end in the same way."""
    prepared = platform.deploy(PYTHON)
    program = platform.deploy({"h.py": PYTHON, "wrap": WRAPPER}, modes={"wrap": 0o755}, Timeout=20, **WRAPPED)
    yield {"prepared": prepared, "program": program}
    prepared.delete()
    program.delete()


def said(answer):
    """What the function, its interpreter and the runtime said, without the platform's lines."""
    platforms = ("INIT_START ", "START ", "END ", "REPORT ", "INIT_REPORT ")
    return [line for line in answer.log.split("\n") if line and not line.startswith(platforms)]


@pytest.mark.parametrize("how", ["prepared", pytest.param("program", marks=pytest.mark.root)])
@pytest.mark.parametrize(
    ("statement", "reason", "last_words"),
    [
        ("sys.exit('no')", EXITED + "exit status 1", "no"),
        ("sys.exit(('no', 2))", EXITED + "exit status 1", "('no', 2)"),
        ("raise KeyboardInterrupt", EXITED + "signal: interrupt", "KeyboardInterrupt"),
        ("signal.raise_signal(signal.SIGINT)", EXITED + "signal: interrupt", "KeyboardInterrupt"),
        ("raise BaseException('all')", EXITED + "exit status 1", "BaseException: all"),
        ("raise Wordless", EXITED + "exit status 1", "ValueError: no words"),
        ("os.kill(os.getpid(), signal.SIGTERM)", EXITED + "signal: terminated", None),
        ("faulthandler._stack_overflow()", EXITED + "signal: segmentation fault", None),
    ],
)
def test_what_a_handler_ends_its_process_with_is_told_and_the_next_one_runs(run, how, statement, reason, last_words):
    """awslambdaric lets pass what isn't an Exception, and the interpreter ends as it always does."""
    answer = run[how](statement)
    assert answer.failure == ("Runtime.ExitError", f"RequestId: {answer.request_id} Error: {reason}")
    assert said(answer)[-1:] == ([last_words] if last_words else [])
    assert run[how]("pass").payload == b"null"


@pytest.mark.parametrize("how", ["prepared", pytest.param("program", marks=pytest.mark.root)])
@pytest.mark.parametrize("descriptors", ["0, 3", "3, 1024", "0, 1024"])
def test_a_handler_that_closes_descriptors_hurts_itself_alone(run, how, descriptors):
    """The first three are its own. What the runtime speaks by is opened again by AWS's, and ends ours."""
    answer = run[how](f"os.closerange({descriptors})")
    assert answer.payload == b"null" or answer.failure[0] == "Runtime.ExitError"
    run[how]("os._exit(0)")
    assert run[how]("print('heard')").log.count("heard\n") == 1


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("raise MemoryError('all of it')", "MemoryError", "all of it"),
        ("bytearray(1 << 50)", "MemoryError", ""),
        ("recurse()", "RecursionError", "maximum recursion depth exceeded"),
        ("raise Exception({1}, object)", "Exception", "({1}, <class 'object'>)"),
        ("raise Exception(b'\\xff')", "Exception", "b'\\xff'"),
        ("sys.stdout = sys.stderr = None; raise Exception('unseen')", "Exception", "unseen"),
    ],
)
def test_an_exception_of_any_kind_is_an_answer(run, statement, kind, message):
    answer = run["prepared"](statement)
    assert answer.failure == (kind, message)
    assert f"[ERROR] {kind}" in answer.log
    run["prepared"]("os._exit(0)")


def test_a_thread_that_raises_is_heard_and_nothing_else(run):
    """facts/lambda-runtime.md §6: each line of the interpreter's is an event."""
    answer = run["prepared"]("thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()")
    assert answer.payload == b"null"
    assert said(answer)[0].startswith("Exception in thread ")
    assert said(answer)[-1] == "ZeroDivisionError: division by zero"


def test_an_interpreter_that_ends_waits_for_its_threads_and_does_what_it_was_asked_to_at_its_exit(
    deploy, usable_pythons
):
    for runtime in usable_pythons:
        function = deploy(
            """
            import atexit, sys, threading, time

            def late():
                time.sleep(0.1)
                print("thread")

            def handler(event, context):
                atexit.register(print, "at exit")
                threading.Thread(target=late).start()
                sys.exit("handler")
            """,
            Runtime=runtime,
        )
        answer = function()
        assert answer.failure[1].endswith("exit status 1")
        assert said(answer) == ["handler", "thread", "at exit"], runtime


@pytest.mark.parametrize(
    ("statement", "reason", "last_words"),
    [
        ("sys.exit('no')", EXITED + "exit status 1", "no"),
        ("os._exit(0)", "Runtime exited without providing a reason", None),
        ("raise KeyboardInterrupt", EXITED + "signal: interrupt", "KeyboardInterrupt"),
        ("os.kill(os.getpid(), signal.SIGTERM)", EXITED + "signal: terminated", None),
        ("os.abort()", EXITED + "signal: aborted", None),
        ("os.closerange(3, 1024)", EXITED + "exit status 1", "OSError: [Errno 9] Bad file descriptor"),
    ],
)
def test_static_code_ends_its_process_in_the_same_ways(deploy, statement, reason, last_words):
    """facts/lambda-runtime.md §7: an init that fails is tried once more, and then told."""
    function = deploy(f"import os, signal, sys\n{statement}\ndef handler(event, context): pass\n")
    answer = function()
    assert answer.failure == ("Runtime.ExitError", f"RequestId: {answer.request_id} Error: {reason}")
    lines = [line.rstrip("\n") for stream in function.log().values() for line in stream]
    assert last_words is None or last_words in lines
    assert len([line for line in lines if line.startswith("INIT_REPORT ")]) == 2


@pytest.mark.parametrize("size", [6_400_000, 20_000_000])
@pytest.mark.parametrize("kind", ["python", "node", pytest.param("program", marks=pytest.mark.root)])
def test_an_error_that_is_larger_than_an_answer_may_be_is_told_as_one(deploy, kind, size):
    """The runtime is fine, and so is its environment (which whoever comes at once finds busy still, where it's a
    program's)."""
    code = "def handler(event, context): raise Exception('x' * event)\n"
    roomy = {"MemorySize": 1024, "Timeout": 30}
    if kind == "node":
        function = deploy({"h.js": THROW}, Runtime="nodejs20.x", **roomy)
    elif kind == "python":
        function = deploy(code, **roomy)
    else:
        function = deploy({"h.py": code, "wrap": WRAPPER}, modes={"wrap": 0o755}, **WRAPPED, **roomy)
    assert function(size).failure[0] == "Function.ResponseSizeTooLarge"
    assert function(1).failure[0] in ("Exception", "Error")
    assert kind == "program" or len(function.log()) == 1


@pytest.mark.root
def test_a_program_posts_an_answer_of_any_size_and_hears_that_it_is_too_large(deploy):
    code = "def handler(event, context): return 'x' * event\n"
    function = deploy({"h.py": code, "wrap": WRAPPER}, modes={"wrap": 0o755}, MemorySize=1024, Timeout=30, **WRAPPED)
    for size in (7_000_000, 40_000_000):
        assert function(size).failure[0] == "Function.ResponseSizeTooLarge"
    assert function(1).result == "x"
