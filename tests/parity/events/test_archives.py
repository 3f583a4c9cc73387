"""Archives keep events, replays send them again (facts/eventbridge.md §E)."""

import json
import time


def test_a_replay_sends_the_archived_events_of_its_time_again_with_its_name(bridge):
    events, queue = bridge.events, bridge.queue()
    bus = events.describe_event_bus()["Arn"]
    archive = events.create_archive(ArchiveName="a", EventSourceArn=bus, EventPattern='{"source": ["app"]}')
    assert archive["State"] == "ENABLED"
    now = int(time.time())
    for n in range(3):
        bridge.put({"n": n}, Time=now - 100 + n)
    bridge.put({}, source="other", Time=now - 100)
    shown = events.describe_archive(ArchiveName="a")
    assert (shown["EventCount"], shown["EventSourceArn"], shown["RetentionDays"]) == (3, bus, 0)
    rule = bridge.rule({"source": ["app"]}, queue)
    other = bridge.queue("unwanted")
    bridge.rule({"source": ["app"]}, other, name="unwanted")
    replay = events.start_replay(
        ReplayName="again",
        EventSourceArn=archive["ArchiveArn"],
        EventStartTime=now - 99,
        EventEndTime=now,
        Destination={"Arn": bus, "FilterArns": [rule]},
    )
    assert replay["State"] == "STARTING"
    found = [json.loads(body) for body in bridge.bodies(queue, 2)]
    assert sorted(event["detail"]["n"] for event in found) == [1, 2]
    assert {event["replay-name"] for event in found} == {"again"}
    assert list(found[0])[6:9] == ["region", "replay-name", "resources"]
    bridge.until(lambda: events.describe_replay(ReplayName="again")["State"] == "COMPLETED")
    assert [each["ReplayName"] for each in events.list_replays()["Replays"]] == ["again"]
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 3
    assert bridge.journal(target=other) == []


def test_what_cant_be_archived_or_replayed_is_refused(bridge, refused):
    events = bridge.events
    bus = events.describe_event_bus()["Arn"]
    other = events.create_event_bus(Name="other")["EventBusArn"]
    archive = events.create_archive(ArchiveName="a", EventSourceArn=bus)["ArchiveArn"]
    assert refused(events.create_archive, ArchiveName="a", EventSourceArn=bus) == (
        "ResourceAlreadyExistsException",
        "Archive a already exists.",
    )
    assert refused(events.update_archive, ArchiveName="a") == (
        "ValidationException",
        "At least one of EventPattern, RetentionDays or Description must be provided.",
    )
    replay = {"ReplayName": "r", "EventSourceArn": archive, "EventStartTime": 1000, "EventEndTime": 2000}
    for changes, message in (
        (
            {"Destination": {"Arn": other}},
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
        ),
        (
            {"EventEndTime": 1000},
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
        ),
        (
            {"EventSourceArn": archive + "x"},
            "Parameter EventSourceArn is not valid. Reason: Archive ax does not exist.",
        ),
    ):
        found = refused(events.start_replay, **({"Destination": {"Arn": bus}} | replay | changes))
        assert found == ("ValidationException", message)
    events.delete_archive(ArchiveName="a")
    missing = ("ResourceNotFoundException", "Archive a does not exist.")
    assert refused(events.describe_archive, ArchiveName="a") == missing
    assert refused(events.describe_replay, ReplayName="r") == (
        "ResourceNotFoundException",
        "Replay r does not exist.",
    )


def test_archived_events_go_after_their_retention(bridge):
    events = bridge.events
    events.create_archive(ArchiveName="a", EventSourceArn=events.describe_event_bus()["Arn"], RetentionDays=1)
    bridge.put({})
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 1
    bridge.platform.advance(86_400 + 7200)
    bridge.until(lambda: events.describe_archive(ArchiveName="a")["EventCount"] == 0)
