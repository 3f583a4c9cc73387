"""What targets get of an event: the recorded table of facts/eventbridge.md §D2."""

import pytest

from samovar.services.events.inputs import Unsendable, is_path, path, transform

PAYLOAD = {"acc_id": "0a787ecb-4015", "sf_id": "baz"}
EVENT = {
    "version": "0",
    "id": "i",
    "detail-type": "t",
    "source": "s",
    "account": "123456789012",
    "time": "2026-11-24T23:11:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {
        "userId": "0a787ecb-4015",
        "payload": PAYLOAD,
        "one": ["HIGH"],
        "many": ["ACTIVE", "INACTIVE"],
        "valid": True,
        "quoted": 'say "x"',
    },
}
PATHS = {
    "userId": "$.detail.userId",
    "payload": "$.detail.payload",
    "one": "$.detail.one",
    "many": "$.detail.many",
    "valid": "$.detail.valid",
    "quoted": "$.detail.quoted",
    "command": "$.detail.command",
    "detail-type": "$.detail-type",
    "a": "$.detail.userId",
}


def filled(template: str) -> str:
    return transform(EVENT, PATHS, template, "arn:rule", "r", 1_764_025_872.5)


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ('{"id": <userId>}', '{"id":"0a787ecb-4015"}'),
        ('{"id": "<userId>"}', '{"id":"0a787ecb-4015"}'),
        (
            '{"path":"users/<userId>/second/<userId>"}',
            '{"path":"users/0a787ecb-4015/second/0a787ecb-4015"}',
        ),
        ('{"body": <payload>}', '{"body":{"acc_id":"0a787ecb-4015","sf_id":"baz"}}'),
        ('{"x":[<userId>,"hardcoded"]}', '{"x":["0a787ecb-4015","hardcoded"]}'),
        ('{"l": <one>}', '{"l":["HIGH"]}'),
        ('{"command": <command>}', '{"command":""}'),
        ('{"q": "<quoted>", "v": <valid>}', '{"q":"say \\"x\\"","v":true}'),
        (
            '"Payload of <payload> with <userId>"',
            '"Payload of {acc_id:0a787ecb-4015,sf_id:baz} with 0a787ecb-4015"',
        ),
        ('"<one> single"', '"[HIGH] single"'),
        ('"<many> many"', '"[ACTIVE,INACTIVE] many"'),
        ('"<command> system"', '" system"'),
        ('"Command is <valid>!"', '"Command is true!"'),
        ('"{[/odd start <detail-type>"', '"{[/odd start t"'),
        ('"line <a>"\n"line <a>"', '"line 0a787ecb-4015"\n"line 0a787ecb-4015"'),
        ("<payload>", '{"acc_id":"0a787ecb-4015","sf_id":"baz"}'),
        (
            '{"r": "<aws.events.rule-name>", "a": <aws.events.rule-arn>, "t": <aws.events.event.ingestion-time>}',
            '{"r":"r","a":"arn:rule","t":"2025-11-24T23:11:12.500Z"}',
        ),
        (
            '{"e": <aws.events.event>}',
            '{"e":{"id":"i","account":"123456789012","detailType":"t","time":"2026-11-24T23:11:00Z","source":"s",'
            '"region":"us-east-1","resources":[],"version":"0"}}',
        ),
    ],
)
def test_a_template_is_filled_in(template, sent):
    assert filled(template) == sent


@pytest.mark.parametrize(
    "template",
    ['{"p":"<payload>"}', '{"l":"<one>"}', '{"x":"a/<payload>","b":<payload>}', "<one> single list item", "{<a>: 1}}"],
)
def test_what_isnt_json_when_it_is_filled_in_isnt_sent(template):
    with pytest.raises(Unsendable):
        filled(template)


def test_the_whole_event_can_be_a_value():
    assert filled('{"e": <aws.events.event.json>}').startswith('{"e":{"version":"0","id":"i","detail-type":"t"')


@pytest.mark.parametrize(
    ("expression", "sent"),
    [
        ("$", None),
        ("$.detail.payload", '{"acc_id":"0a787ecb-4015","sf_id":"baz"}'),
        ("$.detail.userId", '"0a787ecb-4015"'),
        ("$.detail.many[1]", '"INACTIVE"'),
        ("$.detail.many[*]", '["ACTIVE","INACTIVE"]'),
        ("$.detail-type", '"t"'),
    ],
)
def test_a_path_gives_a_part_as_json(expression, sent):
    assert path(EVENT, expression) == (sent or path(EVENT, "$"))


@pytest.mark.parametrize("expression", ["$.nothing", "$.detail.many[7]", "$.detail.userId.x"])
def test_a_path_that_isnt_in_the_event_sends_nothing(expression):
    with pytest.raises(Unsendable):
        path(EVENT, expression)


def test_what_is_a_path():
    assert is_path("$") and is_path("$.a.b-c[0][*].d")
    assert not any(map(is_path, ["", "a", ".a", "$a", "$.", "$.a[", "$.a[x]", "$..a"]))
