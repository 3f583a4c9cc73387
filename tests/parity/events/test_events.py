"""PutEvents, and what rules send where (facts/eventbridge.md §A3, §B, §D)."""

import json

import pytest


def test_an_event_reaches_the_targets_of_the_rules_it_matches_in_its_envelope(bridge):
    queue = bridge.queue()
    bridge.rule({"source": ["app"], "detail": {"n": [{"numeric": [">", 1]}]}}, queue)
    bridge.put({"n": 1})
    id = bridge.put({"n": 2.50, "text": "ü"}, Resources=["arn:x"], Time=1_700_000_000)
    [body] = bridge.bodies(queue)
    assert list(json.loads(body)) == [
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    ]  # fmt: skip
    assert json.loads(body) == {
        "version": "0",
        "id": id,
        "detail-type": "happened",
        "source": "app",
        "account": bridge.account,
        "time": "2023-11-14T22:13:20Z",
        "region": "us-east-1",
        "resources": ["arn:x"],
        "detail": {"n": 2.5, "text": "ü"},
    }


def test_bad_entries_fail_one_by_one_and_the_others_dont(bridge):
    good = {"Source": "app", "DetailType": "t", "Detail": "{}"}
    entries = [
        good,
        {"DetailType": "t", "Detail": "{}"},
        {"Source": "app", "Detail": "{}"},
        {"Source": "app", "DetailType": "t"},
        good | {"Detail": "[]"},
        good | {"Detail": '"x"'},
        good | {"Detail": "{"},
        good | {"Source": "aws.s3"},
        good | {"EventBusName": "nobody"},
    ]
    answer = bridge.events.put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 7
    missing = "Parameter {0} is not valid. Reason: {0} is a required argument."
    assert [(each.get("ErrorCode"), each.get("ErrorMessage")) for each in answer["Entries"]] == [
        (None, None),
        ("InvalidArgument", missing.format("Source")),
        ("InvalidArgument", missing.format("DetailType")),
        ("InvalidArgument", missing.format("Detail")),
        ("MalformedDetail", "Detail is malformed."),
        ("MalformedDetail", "Detail is malformed."),
        ("MalformedDetail", "Detail is malformed."),
        ("NotAuthorizedForSourceException", "Not authorized for the source."),
        (None, None),
    ]


def test_a_request_has_at_most_ten_entries_and_a_megabyte(bridge, refused):
    entry = {"Source": "app", "DetailType": "t", "Detail": "{}"}
    code, message = refused(bridge.events.put_events, Entries=[entry] * 11)
    assert code == "ValidationException"
    assert message.endswith("'entries' failed to satisfy constraint: Member must have length less than or equal to 10")
    large = entry | {"Detail": json.dumps({"x": "y" * 600_000})}
    assert refused(bridge.events.put_events, Entries=[large, large]) == (
        "ValidationException",
        "Total size of the entries in the request is over the limit.",
    )
    assert bridge.events.put_events(Entries=[large])["FailedEntryCount"] == 0


def test_a_function_gets_the_event(bridge, platform, deploy):
    function = deploy("import json\ndef handler(event, context): print('got', json.dumps(event))")
    events = platform.client("events")
    arn = platform.client("lambda").get_function_configuration(FunctionName=function.name)["FunctionArn"]
    events.put_rule(Name="to-function", EventPattern='{"source": ["for.function"]}')
    events.put_targets(Rule="to-function", Targets=[{"Id": "f", "Arn": arn}])
    entry = {"Source": "for.function", "DetailType": "t", "Detail": '{"a": [1, null]}'}
    id = events.put_events(Entries=[entry])["Entries"][0]["EventId"]

    def got():
        return [line for lines in function.log().values() for line in lines if line.startswith("got ")]

    [line] = bridge.until(got)
    assert json.loads(line.removeprefix("got "))["id"] == id
    events.remove_targets(Rule="to-function", Ids=["f"])
    events.delete_rule(Name="to-function")


def test_each_target_gets_its_own_input(bridge):
    queues = [bridge.queue(name) for name in "abc"]
    bridge.rule(
        {"source": ["app"]},
        {"Arn": queues[0], "Input": '{"constant": true}'},
        {"Arn": queues[1], "InputPath": "$.detail.name"},
        {
            "Arn": queues[2],
            "InputTransformer": {
                "InputPathsMap": {"name": "$.detail.name"},
                "InputTemplate": '"Hello <name> from <aws.events.rule-name>"',
            },
        },
    )
    bridge.put({"name": "baz"})
    assert [bridge.bodies(queue)[0] for queue in queues] == ['{"constant": true}', '"baz"', '"Hello baz from r"']


def test_an_event_that_a_target_cant_get_is_told_of(bridge):
    queue = bridge.queue()
    bridge.rule({"source": ["app"]}, {"Arn": queue, "InputPath": "$.detail.nothing"})
    id = bridge.put({})
    [entry] = bridge.until(lambda: bridge.journal(event_id=id))
    assert (entry["outcome"], entry["target"]) == ("dropped", queue)
    assert "$.detail.nothing" in entry["reason"]


def test_an_event_keeps_its_id_source_and_time_from_bus_to_bus(bridge):
    queue = bridge.queue()
    bus = bridge.events.create_event_bus(Name="other")["EventBusArn"]
    bridge.rule({"source": ["app"]}, bus)
    bridge.rule({"source": ["app"]}, queue, name="there", EventBusName="other")
    id = bridge.put({}, Time=1_700_000_000)
    [body] = bridge.bodies(queue)
    assert (json.loads(body)["id"], json.loads(body)["time"]) == (id, "2023-11-14T22:13:20Z")


def test_buses_that_send_to_each_other_come_to_an_end(bridge):
    one, two = (bridge.events.create_event_bus(Name=name)["EventBusArn"] for name in ("one", "two"))
    bridge.rule({"source": ["app"]}, two, name="a", EventBusName="one")
    bridge.rule({"source": ["app"]}, one, name="b", EventBusName="two")
    id = bridge.put({}, EventBusName="one")
    [entry] = bridge.until(lambda: bridge.journal(event_id=id))
    assert "10 buses" in entry["reason"]


def test_a_target_that_isnt_there_is_a_dead_letter_at_once(bridge):
    dead = bridge.queue("dead")
    missing = f"arn:aws:sqs:us-east-1:{bridge.account}:missing"
    rule = bridge.rule({"source": ["app"]}, {"Arn": missing, "DeadLetterConfig": {"Arn": dead}})
    id = bridge.put({"n": 1})
    [message] = bridge.messages(dead)
    assert json.loads(message["Body"])["id"] == id
    attributes = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": rule,
        "TARGET_ARN": missing,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }


def test_an_event_goes_into_a_log_group(bridge):
    logs = bridge.client("logs")
    logs.create_log_group(logGroupName="/aws/events/all")
    arn = f"arn:aws:logs:us-east-1:{bridge.account}:log-group:/aws/events/all"
    bridge.rule({"source": ["app"]}, arn)
    id = bridge.put({"n": 1})
    [event] = bridge.until(lambda: logs.filter_log_events(logGroupName="/aws/events/all")["events"])
    assert json.loads(event["message"])["id"] == id


def test_a_disabled_rule_sends_nothing_until_it_is_enabled(bridge):
    queue = bridge.queue()
    bridge.rule({"source": ["app"]}, queue, State="DISABLED")
    bridge.put({"n": 1})
    bridge.events.enable_rule(Name="r")
    id = bridge.put({"n": 2})
    assert [json.loads(body)["id"] for body in bridge.bodies(queue)] == [id]


@pytest.mark.parametrize(("detail", "result"), [({"a": 1}, True), ({"a": 2}, False)])
def test_a_pattern_can_be_tried(bridge, detail, result):
    event = {
        "id": "1",
        "account": "1",
        "source": "s",
        "time": "2026-01-01T00:00:00Z",
        "region": "r",
        "detail-type": "t",
        "detail": detail,
    }
    answer = bridge.events.test_event_pattern(EventPattern='{"detail": {"a": [1]}}', Event=json.dumps(event))
    assert answer["Result"] is result
