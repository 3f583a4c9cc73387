"""How a Node.js function is found, and what its process looks like before the first invocation."""

import json
from typing import Any

import pytest

ANSWER = "exports.handler = async (event) => ({got: event})"
ESM = "export const handler = async (event) => ({got: event})"


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"index.js": ANSWER}, "index.handler"),
        ({"index.cjs": ANSWER}, "index.handler"),
        ({"index.mjs": ESM}, "index.handler"),
        ({"index.js": ESM, "package.json": '{"type": "module"}'}, "index.handler"),
        ({"src/deep/app.js": ANSWER}, "src/deep/app.handler"),
        ({"src/app.mjs": "export const a = {b: {go: async (e) => ({got: e})}}"}, "src/app.a.b.go"),
        ({"node_modules/lib/index.js": ANSWER}, "lib.handler"),
        ({"index.mjs": "const late = await Promise.resolve(1);\n" + ESM}, "index.handler"),
    ],
)
@pytest.mark.parametrize("runtime", ["nodejs20.x", "nodejs24.x"])
def test_a_handler_is_found_in_files_of_every_kind(make: Any, files: Any, handler: str, runtime: str) -> None:
    process = make(files)
    assert process.become(handler, runtime) == ("N", b"")
    assert process.invoke({"a": "ü"}) == {"got": {"a": "ü"}}


def test_a_folder_with_an_index_is_a_module_up_to_node_22(make: Any) -> None:
    process = make({"app/index.js": ANSWER})
    assert process.become("app.handler") == ("N", b"")
    assert process.invoke(1) == {"got": 1}


def test_node_24_takes_a_handler_from_the_default_export(make: Any) -> None:
    process = make({"index.mjs": "export default {handler: async () => 1}"})
    assert process.become("index.handler", "nodejs24.x")[0] == "N"
    assert process.invoke() == 1


@pytest.mark.parametrize(
    ("files", "handler", "error_type", "message"),
    [
        ({}, "index.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'index'\nRequire stack:\n- "),
        ({"index.js": "require('nowhere')"}, "index.handler", "Runtime.ImportModuleError",
         "Error: Cannot find module 'nowhere'\nRequire stack:\n- {task}/index.js\n- "),
        ({"index.js": "exports.a = 1"}, "index.handler", "Runtime.HandlerNotFound",
         "index.handler is undefined or not exported"),
        ({"index.js": "exports.handler = 1"}, "index.handler", "Runtime.HandlerNotFound",
         "index.handler is not a function"),
        ({"index.js": ANSWER}, "index", "Runtime.MalformedHandlerName", "Bad handler"),
        ({"index.js": ANSWER}, "../index.handler", "Runtime.MalformedHandlerName",
         "'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in "
         "handler names."),
        ({"index.js": "exports.handler = )"}, "index.handler", "Runtime.UserCodeSyntaxError",
         "SyntaxError: Unexpected token"),
        ({"index.mjs": "export const handler = ("}, "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ({"index.js": "throw new RangeError('at init')"}, "index.handler", "RangeError", "at init"),
        ({"index.js": "exports.handler = async () => 1; exports.handler[Symbol.for('aws.lambda.runtime.handler."
                      "streaming')] = 'request'"}, "index.handler", "Runtime.MalformedStreamingHandler",
         "Only response streaming is supported."),
    ],
)  # fmt: skip
def test_an_init_that_fails_says_why_and_ends_the_process(
    make: Any, files: Any, handler: str, error_type: str, message: str
) -> None:
    process = make(files)
    kind, content = process.become(handler)
    error = json.loads(content)
    assert kind == "X"
    assert list(error) == ["errorType", "errorMessage", "trace"]
    assert error["errorType"] == error_type
    assert error["errorMessage"].startswith(message.format(task=process.task))
    assert error["trace"][0].startswith(f"{error_type}: ") or not error_type.startswith("Runtime.")
    assert process.exit_status() == 129
    (line,) = process.events()
    assert f'\tundefined\tERROR\tUncaught Exception \t{{"errorType":"{error_type}"' in line


def test_a_rejection_in_init_fails_it(make: Any) -> None:
    process = make({"index.js": "Promise.reject(new Error('lost'));" + ANSWER})
    kind, content = process.become("index.handler")
    assert kind == "X"
    error = json.loads(content)
    assert (error["errorType"], error["errorMessage"]) == ("Runtime.UnhandledPromiseRejection", "Error: lost")
    assert process.exit_status() == 128


def test_an_await_at_top_level_that_never_settles_ends_the_process_with_node_s_status(make: Any) -> None:
    process = make({"index.mjs": "await new Promise(() => {})"})
    with pytest.raises(EOFError):
        process.become("index.handler")
    assert process.exit_status() == 13


def test_node_24_refuses_a_callback_handler(make: Any) -> None:
    process = make({"index.js": "exports.handler = (event, context, callback) => callback(null, 1)"})
    kind, content = process.become("index.handler", "nodejs24.x")
    assert kind == "X"
    assert json.loads(content)["errorType"] == "Runtime.CallbackHandlerDeprecated"
    assert "\t-\tERROR\tInit Error \t" in process.events()[0]


def test_older_runtimes_warn_of_a_callback_handler_unless_told_not_to(start: Any) -> None:
    source = "exports.handler = (event, context, callback) => callback(null, 1)"
    warned = start(source)
    assert warned.invoke() == 1
    assert "\tundefined\tWARN\tAWS Lambda plans to remove support for callback-based" in warned.events()[0]
    silent = start(source, AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING="1")
    assert silent.invoke() == 1
    assert silent.events() == []


def test_the_variables_are_the_configuration_s_and_nothing_else(start: Any) -> None:
    process = start(
        "const same = process.env; exports.handler = async () => ({...process.env, same: same === process.env, "
        "hours: new Date(0).getHours(), cwd: process.cwd(), main: typeof require.main, argv: process.argv[1]})",
        TZ="Asia/Tokyo", OWN="1",
    )  # fmt: skip
    seen = process.invoke()
    assert seen["OWN"] == "1"
    assert "LEFT_OVER" not in seen
    assert seen["same"] is True
    assert seen["hours"] == 9
    assert seen["cwd"] == str(process.task)
    assert seen["main"] == "undefined"
    assert seen["argv"].endswith("/index.mjs")


def test_node_path_has_aws_s_order_and_the_function_s_own_wins(start: Any) -> None:
    process = start("exports.handler = async () => process.env.NODE_PATH")
    folders = process.invoke().split(":")
    assert folders[0].startswith(f"{process.opt}/nodejs/node")
    assert folders[1] == f"{process.opt}/nodejs/node_modules"
    assert folders[2] == f"{folders[3]}/node_modules"
    assert folders[4] == str(process.task)
    assert start("exports.handler = async () => process.env.NODE_PATH", NODE_PATH="/x").invoke() == "/x"


@pytest.mark.parametrize(
    "source",
    [
        {"index.js": "const lib = require('lib'); exports.handler = async () => lib.name"},
        {"index.mjs": "import lib from 'lib'; export const handler = async () => lib.name"},
    ],
)
def test_require_and_import_find_packages_of_layers(make: Any, source: Any) -> None:
    process = make(source, {"nodejs/node_modules/lib/index.js": "module.exports = {name: 'layer'}"})
    assert process.become("index.handler") == ("N", b"")
    assert process.invoke() == "layer"


def test_require_finds_files_of_the_task_root_by_name(make: Any) -> None:
    process = make({"src/app.js": "exports.handler = async () => require('shared')", "shared.js": "module.exports = 7"})
    assert process.become("src/app.handler")[0] == "N"
    assert process.invoke() == 7


def test_the_function_s_thread_pool_size_counts(start: Any) -> None:
    process = start(
        "const fs = require('fs'); const before = fs.readdirSync('/proc/self/task').length;"
        "exports.handler = async () => { await fs.promises.readFile(__filename);"
        " return fs.readdirSync('/proc/self/task').length - before }",
        UV_THREADPOOL_SIZE="7",
    )  # fmt: skip
    assert process.invoke() == 7


def test_node_options_are_applied_as_far_as_they_can_be(make: Any) -> None:
    process = make({"index.js": "exports.handler = async () => [globalThis.first, Error.stackTraceLimit]",
                    "first.js": "globalThis.first = 1"})  # fmt: skip
    options = "--require ./first.js --stack-trace-limit=33 --jitless --max_old_space_size=100"
    assert process.become("index.handler", NODE_OPTIONS=options)[0] == "N"
    assert process.invoke() == [1, 33]
    (line,) = process.events()
    late = "--jitless, --max-old-space-size"
    assert line.endswith(f"NODE_OPTIONS: {late} can't be applied to a process that has already started.\n")
