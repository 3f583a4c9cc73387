"""What a Node.js handler is given, and what becomes of what it does."""

import json
import statistics
import time
from typing import Any

import pytest

LARGEST = 6_291_556


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("async () => ({a: 'ü'})", {"a": "ü"}),
        ("async () => {}", None),
        ("async () => () => 1", None),
        ("() => Promise.resolve(1)", 1),
        ("() => 1", None),  # neither a promise nor a callback: the event loop runs empty
        ("() => { setTimeout(() => 1, 5) }", None),
        ("() => new Promise(() => {})", None),
        ("(e, c, callback) => callback(null, 2)", 2),
        ("(e, c, callback) => { setTimeout(() => callback(null, 3), 5) }", 3),
        ("(e, c, callback) => { callback(null, 4); callback(null, 5) }", 4),
        ("(e, c) => c.succeed(6)", 6),
        ("(e, c) => c.done(null, 7)", 7),
        ("async (e, c, callback) => { c.callbackWaitsForEmptyEventLoop = false; callback(null, 8) }", 8),
        ("async (e, c, callback) => { callback(null, 8); return 9 }", 9),
    ],
)
def test_a_handler_answers_as_it_likes_up_to_node_22(start: Any, body: str, result: Any) -> None:
    process = start(f"exports.handler = {body}", AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING="1")
    assert process.invoke() == result
    assert process.invoke(number=2) == result


def test_node_24_answers_with_what_the_handler_returns(start: Any) -> None:
    assert start("exports.handler = () => 1", "nodejs24.x").invoke() == 1
    assert start("exports.handler = async () => 2", "nodejs24.x").invoke() == 2
    context = start("exports.handler = async (event, context) => Object.keys(context)", "nodejs24.x").invoke()
    assert not {"done", "fail", "succeed", "callbackWaitsForEmptyEventLoop"} & set(context)


def test_a_callback_waits_for_the_event_loop_unless_told_not_to(start: Any) -> None:
    source = (
        "let late = 0; exports.handler = (event, context, callback) => {"
        " context.callbackWaitsForEmptyEventLoop = event; const result = {get late() { return late }};"
        " setTimeout(() => { late += 1 }, 50); callback(null, result) }"
    )
    process = start(source, AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING="1")
    assert process.invoke(True) == {"late": 1}
    assert process.invoke(False, number=2) == {"late": 1}


def test_what_an_invocation_left_behind_goes_on_in_the_next(start: Any) -> None:
    process = start(
        "let done; exports.handler = async (event) => {"
        " if (event) { done = new Promise((r) => setTimeout(() => r('later'), 20)); return 'now' } return done }"
    )
    assert process.invoke(True) == "now"
    assert process.invoke(False, number=2) == "later"


def test_what_an_invocation_left_behind_does_not_answer_for_the_next(start: Any) -> None:
    process = start(
        "let old; exports.handler = (event, context, callback) => {"
        " if (event) { old = callback; context.succeed('first') }"
        " else { old(null, 'old'); setTimeout(() => {}, 5) } }",
        AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING="1",
    )  # fmt: skip
    assert process.invoke(True) == "first"
    assert process.invoke(False, number=2) is None


def test_async_storage_entered_in_one_invocation_is_not_seen_in_the_next(start: Any) -> None:
    process = start(
        "const s = new (require('async_hooks').AsyncLocalStorage)();"
        "exports.handler = async () => { const seen = s.getStore() ?? 'none'; s.enterWith('mine'); return seen }"
    )
    assert [process.invoke(number=1), process.invoke(number=2)] == ["none", "none"]


def test_the_context_is_aws_s(start: Any) -> None:
    process = start(
        "exports.handler = async (event, context) => ({...context, left: context.getRemainingTimeInMillis(),"
        " keys: Object.keys(context), trace: process.env._X_AMZN_TRACE_ID ?? 'none'})"
    )
    client = json.dumps({"client": {"installation_id": "i"}, "custom": {"k": "ü"}})
    seen = process.invoke(None, trace="Root=1-a", context=client)
    assert seen["awsRequestId"] == process.request_ids[1]
    assert seen["invokedFunctionArn"] == process.arn
    assert seen["functionName"] == "f"
    assert seen["functionVersion"] == "$LATEST"
    assert seen["memoryLimitInMB"] == "128"
    assert seen["logGroupName"] == "/aws/lambda/f"
    assert seen["logStreamName"] == "2026/01/31/[$LATEST]0"
    assert seen["callbackWaitsForEmptyEventLoop"] is True
    assert seen["clientContext"] == json.loads(client)
    assert 0 < seen["left"] <= 3000
    assert seen["trace"] == "Root=1-a"
    assert {"identity", "tenantId", "done", "fail", "succeed"} <= set(seen["keys"])
    assert process.invoke(None, 2)["trace"] == "none"


def test_a_client_context_that_is_not_json_fails_the_invocation(start: Any) -> None:
    error = start("exports.handler = async () => 1").fail(context="{")
    assert error["errorMessage"].startswith("Cannot parse ClientContext as json: SyntaxError")


def test_payloads_of_every_size_arrive_whole(start: Any) -> None:
    process = start("exports.handler = async (event) => event")
    for number, size in enumerate((1, 70_000, 262_100, 262_144, 3_000_000), 1):
        assert process.invoke("ü" * size, number) == "ü" * size


@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs24.x"])
def test_a_result_above_the_limit_is_told_as_such_and_the_process_goes_on(start: Any, runtime: str) -> None:
    process = start("exports.handler = async (event) => 'x'.repeat(event)", runtime)
    assert len(process.invoke(LARGEST - 2)) == LARGEST - 2
    process.deliver(str(LARGEST - 1).encode(), 2)
    assert process.answer(2) == ("L", b"")
    assert process.invoke(3, number=3) == "xxx"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("async () => { throw new RangeError('m') }", {"errorType": "RangeError", "errorMessage": "m"}),
        ("() => { throw new TypeError('m') }", {"errorType": "TypeError", "errorMessage": "m"}),
        ("async () => { throw 'text' }", {"errorType": "string", "errorMessage": "text", "trace": []}),
        ("(e, c, callback) => callback(new Error('m'))", {"errorType": "Error", "errorMessage": "m"}),
        ("(e, c) => c.fail()", {"errorType": "string", "errorMessage": "handled", "trace": []}),
        ("async () => 1n", {"errorType": "Error", "errorMessage": "Unable to stringify response body"}),
        ("async () => { const a = {}; a.a = a; return a }",
         {"errorType": "Error", "errorMessage": "Unable to stringify response body"}),
    ],
)  # fmt: skip
def test_a_failure_has_aws_s_shape_and_the_process_goes_on(start: Any, body: str, error: Any) -> None:
    process = start(
        f"const fail = {body}; exports.handler = (e, c, callback) => e ? fail(e, c, callback) : c.succeed('well')",
        AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING="1",
    )
    told = process.fail(True)
    assert list(told) == ["errorType", "errorMessage", "trace"]
    assert {**told, **error} == told
    if error.get("trace") is None:
        assert told["trace"][0] == f"{error['errorType']}: {error['errorMessage']}"
    assert process.invoke(False, number=2) == "well"


def test_a_trace_names_the_handler_as_on_aws(make: Any) -> None:
    process = make({"index.mjs": "export const handler = async () => { throw new Error('m') }"})
    assert process.become("index.handler")[0] == "N"
    assert process.fail()["trace"][1] == f"    at Runtime.handler (file://{process.task}/index.mjs:1:44)"


def test_node_24_names_a_result_that_has_no_json(start: Any) -> None:
    assert start("exports.handler = async () => 1n", "nodejs24.x").fail()["errorType"] == "Runtime.JSONStringifyError"


@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs24.x"])
def test_a_promise_that_can_never_settle_fails_the_invocation_only(start: Any, runtime: str) -> None:
    process = start("exports.handler = async (event) => event || new Promise(() => {})", runtime)
    error = process.fail()
    assert error["errorType"] == "Runtime.NodeJsExit"
    assert error["errorMessage"].startswith("The Lambda runtime client detected an unexpected Node.js exit code.")
    assert process.invoke(1, number=2) == 1


def test_an_uncaught_exception_fails_the_invocation_and_the_process(start: Any) -> None:
    process = start("exports.handler = () => { setTimeout(() => { throw new Error('loose') }, 1) }")
    assert process.fail()["errorMessage"] == "loose"
    assert process.exit_status() == 129
    assert f"\t{process.request_ids[1]}\tERROR\tUncaught Exception \t" in process.events()[0]


def test_an_unhandled_rejection_fails_the_invocation_and_the_process(start: Any) -> None:
    process = start("exports.handler = async () => { Promise.reject(new Error('m')); await new Promise(() => {}) }")
    error = process.fail()
    assert (error["errorType"], error["errorMessage"]) == ("Runtime.UnhandledPromiseRejection", "Error: m")
    assert process.exit_status() == 128
    assert "\tERROR\tUnhandled Promise Rejection \t" in process.events()[0]


def test_a_result_beside_an_unhandled_rejection_counts_before_node_24(start: Any) -> None:
    source = "exports.handler = async () => { Promise.reject(new Error('m')); return 'well' }"
    older, newer = start(source), start(source, "nodejs24.x")
    assert older.invoke() == "well"
    assert older.exit_status() == 128
    assert newer.fail()["errorType"] == "Runtime.UnhandledPromiseRejection"


def test_a_handler_may_exit_the_process(start: Any) -> None:
    process = start("exports.handler = async () => process.exit(7)")
    process.deliver(b"null")
    assert process.exit_status() == 7


def test_the_process_ends_with_its_platform(start: Any) -> None:
    process = start("exports.handler = async () => 1")
    assert process.invoke() == 1
    process.hang_up()
    assert process.exit_status() == 0


def test_an_invocation_costs_little_above_the_socket(start: Any) -> None:
    process = start("exports.handler = async (event) => event")
    process.invoke()
    taken = []
    for _ in range(300):
        began = time.perf_counter()
        process.deliver(b'{"a": 1}')
        process.answer()
        taken.append(time.perf_counter() - began)
    # Measured: 15 us. Far above it, since the machine may be busy.
    assert statistics.median(taken) < 0.002
