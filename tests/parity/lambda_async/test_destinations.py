"""Where events go that have come to their end: a function as destination, a loop, order (facts/lambda-events.md §3)."""

import json

PRINTS = "import json\ndef handler(event, context): print('got', json.dumps(event))"


def test_another_function_gets_the_record_of_what_failed(platform, deploy, send, lines, until):
    listener = deploy(PRINTS)
    arn = platform.client("lambda").get_function_configuration(FunctionName=listener.name)["FunctionArn"]
    function = deploy("def handler(event, context): raise ValueError('boom')")
    platform.client("lambda").put_function_event_invoke_config(
        FunctionName=function.name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    id = send(function, b'{"a": 1}')
    [got] = until(lambda: lines(listener, "got "))
    told = json.loads(got)
    assert told["requestContext"]["requestId"] == id
    assert told["requestContext"]["functionArn"].endswith(f":function:{function.name}:$LATEST")
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["requestPayload"] == {"a": 1}
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert (told["responsePayload"]["errorMessage"], told["responsePayload"]["errorType"]) == ("boom", "ValueError")


def test_the_configuration_is_that_of_the_qualifier_it_was_invoked_with(
    platform, deploy, send, lines, until, outcomes
):
    function = deploy("def handler(event, context): raise ValueError('boom')")
    lambda_ = platform.client("lambda")
    version = lambda_.publish_version(FunctionName=function.name)["Version"]
    lambda_.create_alias(FunctionName=function.name, Name="live", FunctionVersion=version)
    lambda_.put_function_event_invoke_config(FunctionName=function.name, Qualifier="live", MaximumRetryAttempts=0)
    by_alias, plain = send(function, Qualifier="live"), send(function)
    until(lambda: outcomes(by_alias) == ["failed"])
    until(lambda: outcomes(plain) == ["retry"])


def test_a_function_that_sets_itself_off_is_stopped_after_sixteen_runs(platform, deploy, until, lines, journal):
    """The SDK passes the lineage on in the trace header."""
    function = deploy(
        """
        import boto3
        def handler(event, context):
            print("ran")
            boto3.client("lambda").invoke(FunctionName=context.function_name, InvocationType="Event")
        """,
        Timeout=60,
        MemorySize=256,
    )
    platform.client("lambda").invoke(FunctionName=function.name, InvocationType="Event")
    arn = f":function:{function.name}"
    [dropped] = until(lambda: journal(origin=arn, outcome="dropped"))
    assert "a loop" in dropped["reason"]
    until(lambda: len(lines(function, "ran")) >= 16)
    assert len(lines(function, "ran")) == 16


def test_events_of_a_function_with_a_concurrency_of_one_run_in_their_order(platform, deploy, send, lines, until):
    function = deploy("import time\ndef handler(event, context):\n print('ran', event['n'])\n time.sleep(0.01)")
    platform.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    for n in range(30):
        send(function, json.dumps({"n": n}).encode())
    until(lambda: len(lines(function, "ran ")) == 30)
    assert lines(function, "ran ") == [str(n) for n in range(30)]


def test_zero_reserved_concurrency_drops_events_at_once(platform, deploy, send, until, outcomes):
    function = deploy("def handler(event, context): pass")
    platform.client("lambda").put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    id = send(function)
    until(lambda: outcomes(id) == ["dropped"])


def test_the_old_way_to_invoke_asynchronously_works_as_well(platform, deploy, until, lines):
    function = deploy(PRINTS)
    answer = platform.client("lambda").invoke_async(FunctionName=function.name, InvokeArgs=b'{"old": true}')
    assert answer["Status"] == 202
    assert until(lambda: lines(function, "got ")) == ['{"old": true}']


def test_an_event_that_isnt_json_or_has_no_function_is_refused_at_once(platform, deploy):
    function = deploy("def handler(event, context): pass")
    lambda_ = platform.client("lambda")
    try:
        lambda_.invoke(FunctionName=function.name, InvocationType="Event", Payload=b"{")
        raise AssertionError("it was accepted")
    except lambda_.exceptions.InvalidRequestContentException as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    try:
        lambda_.invoke(FunctionName="nobody", InvocationType="Event")
        raise AssertionError("it was accepted")
    except lambda_.exceptions.ResourceNotFoundException as error:
        assert error.response["Error"]["Message"].endswith(":function:nobody:$LATEST")
