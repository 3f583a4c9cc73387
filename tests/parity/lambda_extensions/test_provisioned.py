"""Extensions of environments that are made ahead of invocations: facts/lambda-runtime.md §4, §7."""

import json
import time

LOUD = """
    print("static code", flush=True)
    def handler(event, context):
        return event
"""


def until(condition, within_s=60.0):
    """The first true value of `condition`."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.02)
    return value


def provision(platform, function):
    """Ask for one environment of version 1; how that stands when nothing is in progress any more."""
    lambda_, where = platform.client("lambda"), {"FunctionName": function.name, "Qualifier": "1"}
    lambda_.put_provisioned_concurrency_config(**where, ProvisionedConcurrentExecutions=1)

    def ended():
        stands = lambda_.get_provisioned_concurrency_config(**where)
        return None if stands["Status"] == "IN_PROGRESS" else stands

    return until(ended)


def heard(lines):
    return [json.loads(line.removeprefix("event ")) for line in lines if line.startswith("event ")]


def test_they_are_ready_before_the_environment_is_and_told_when_it_goes(platform, extended, quiet, lines):
    function = extended(LOUD, {"watcher": quiet}, Publish=True)
    assert provision(platform, function)["Status"] == "READY"
    found = lines(function, "INIT_REPORT")
    kinds = [line.split()[0] for line in found]
    # The runtime begins when the extension has registered: which of the two writes first is up to them.
    assert (kinds[0], sorted(kinds[1:3]), kinds[3:]) == (
        "INIT_START",
        ["registered", "static"],
        ["EXTENSION", "INIT_REPORT"],
    )
    assert function(1, Qualifier="1").result == 1
    platform.client("lambda").delete_provisioned_concurrency_config(FunctionName=function.name, Qualifier="1")
    invoked, gone = heard(lines(function, "shutdownReason"))
    assert (invoked["eventType"], gone["shutdownReason"]) == ("INVOKE", "SPINDOWN")


def test_one_that_fails_in_init_fails_all_six_attempts(platform, extended):
    function = extended(LOUD, {"broken": 'api.register("INVOKE")\nsys.exit(7)\n'}, Publish=True)
    stands = provision(platform, function)
    assert (stands["Status"], stands["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    failure = "Phase: init\tStatus: error\tError Type: Extension.Crash\n"
    until(lambda: sum(line.endswith(failure) for stream in function.log().values() for line in stream) == 6)
    assert len(function.log()) == 6
