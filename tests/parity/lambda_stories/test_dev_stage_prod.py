"""One function, three environments: Dev follows `$LATEST`, Stage tries a version out, Prod stays until it is moved.

On a real server with real environments; whoever calls keeps the same ARN throughout (facts/lambda-api.md §6).
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

CODE = """
    import os

    def handler(event, context):
        return {
            "release": "%s",
            "arn": context.invoked_function_arn,
            "version": context.function_version,
            "environ": os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
            "stage": os.environ.get("STAGE"),
        }
    """


class Shop:
    """The function of the story."""

    def __init__(self, function):
        self.function = function
        self.aws = function.platform.client("lambda")
        self.named = {"FunctionName": function.name}

    def release(self, text):
        self.function.update(CODE % text)

    def publish(self):
        version = self.aws.publish_version(**self.named)["Version"]
        waiter = self.aws.get_waiter("function_active_v2")
        waiter.wait(**self.named, Qualifier=version, WaiterConfig={"Delay": 0})
        return version

    def call(self, alias):
        """(release, version) as the caller of an alias sees them; they agree wherever they are told."""
        answer = self.function(Qualifier=alias)
        assert answer.result["arn"].endswith(f":function:{self.function.name}:{alias}")
        assert answer.result["version"] == answer.result["environ"] == answer.version
        assert answer.log.startswith(f"START RequestId: {answer.request_id} Version: {answer.version}\n")
        return answer.result["release"], answer.version


@pytest.fixture
def shop(deploy):
    return Shop(deploy(CODE % "one"))


def test_prod_is_moved_from_release_to_release_without_its_callers(shop):
    aws, named = shop.aws, shop.named
    assert shop.publish() == "1"
    aws.create_alias(**named, Name="Dev", FunctionVersion="$LATEST")
    aws.create_alias(**named, Name="Prod", FunctionVersion="1")
    assert shop.call("Dev") == ("one", "$LATEST")
    assert shop.call("Prod") == ("one", "1")

    # Development goes on; Prod notices nothing.
    shop.release("two")
    assert shop.call("Dev") == ("two", "$LATEST")
    assert shop.call("Prod") == ("one", "1")

    # A candidate is frozen and tried out.
    assert shop.publish() == "2"
    aws.create_alias(**named, Name="Stage", FunctionVersion="2")
    shop.release("three")
    assert shop.call("Dev") == ("three", "$LATEST")
    assert shop.call("Stage") == ("two", "2")
    assert shop.call("Prod") == ("one", "1")

    # Some of Prod's callers get it first, then all of them.
    aws.update_alias(**named, Name="Prod", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    seen = Counter(shop.call("Prod") for _ in range(40))
    assert seen.keys() == {("one", "1"), ("two", "2")}
    aws.update_alias(**named, Name="Prod", FunctionVersion="2", RoutingConfig={})
    assert {shop.call("Prod") for _ in range(5)} == {("two", "2")}

    # It was a mistake: back at once, for version 1 is still there, and can't go while Prod names it.
    aws.update_alias(**named, Name="Prod", FunctionVersion="1")
    assert shop.call("Prod") == ("one", "1")
    with pytest.raises(aws.exceptions.ResourceConflictException):
        aws.delete_function(**named, Qualifier="1")


def test_a_version_keeps_its_variables_when_latest_gets_others(shop):
    shop.function.configure(Environment={"Variables": {"STAGE": "old"}})
    shop.publish()
    shop.function.configure(Environment={"Variables": {"STAGE": "new"}})
    assert shop.function(Qualifier="1").result["stage"] == "old"
    assert shop.function(Qualifier="$LATEST").result["stage"] == "new"


def test_a_function_can_be_turned_off_and_on_again(shop):
    """Reserved concurrency 0 (facts/lambda-api.md §11), where an environment is idle already."""
    shop.function()
    shop.aws.put_function_concurrency(**shop.named, ReservedConcurrentExecutions=0)
    with pytest.raises(shop.aws.exceptions.TooManyRequestsException) as caught:
        shop.function()
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    shop.aws.put_function_concurrency(**shop.named, ReservedConcurrentExecutions=1)
    assert shop.function().status == 200


def test_of_two_calls_at_a_time_one_is_too_many_for_a_reservation_of_one(deploy):
    slow = deploy("import time\ndef handler(event, context):\n    time.sleep(event)\n")
    aws = slow.platform.client("lambda")
    aws.put_function_concurrency(FunctionName=slow.name, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(lambda _: throttled(slow), range(2)))
    assert sorted(outcomes) == [False, True]


def throttled(function):
    try:
        return function(1).error is not None
    except function.platform.client("lambda").exceptions.TooManyRequestsException:
        return True
