"""services/logs/pattern.py: the filter pattern language of facts/cloudwatch.md §3."""

import pytest

from samovar.services.logs.pattern import InvalidPattern, parse

WORDS = [
    # pattern, message, matches
    ("", "anything", True),
    ("  ", "anything", True),
    ("ERROR", "[ERROR] oh", True),
    ("ERROR", "error", False),
    ("ERR", "ERROR", True),
    ("ERROR timeout", "timeout: ERROR", True),
    ("ERROR timeout", "ERROR", False),
    ("ERROR -expected", "ERROR", True),
    ("ERROR -expected", "expected ERROR", False),
    ("-DEBUG", "INFO", True),
    ("-DEBUG", "DEBUG", False),
    ("?ERROR ?WARN", "a WARN", True),
    ("?ERROR ?WARN", "an INFO", False),
    ("?ERROR ?WARN needed", "needed", True),
    ("?ERROR ?WARN needed", "WARN", False),
    ('"INTERNAL SERVER ERROR"', "500 INTERNAL SERVER ERROR.", True),
    ('"INTERNAL SERVER ERROR"', "INTERNAL  SERVER ERROR", False),
    (r'"say \"hi\""', 'they say "hi"', True),
    ('-"a phrase" word', "word", True),
    ('?"a b" ?"c d"', "c d", True),
    ("snake_case", "a snake_case word", True),
    ("Grüße", "viele Grüße", True),
    ("%AUTH_[A-Z]+%", "AUTH_OK", True),
    ("%AUTH_[A-Z]+%", "AUTH_1", False),
    (r"%^\d{3}$%", "404", True),
    (r"%^\d{3}$%", "4040", False),
    (r"%4\x30\d|x{2,}%", "409", True),
    ("ERROR -%[a-c]z%", "ERROR bz", False),
    (r"%\[\(a\)%", "[(a)", True),
]
EVENT = (
    '{"status": 404, "ok": false, "on": true, "none": null, "text": "500", "ip": "10.0.0.7", "cost": -1.5e3, '
    '"user": {"name": "Ada", "roles": ["admin", "dev"], "e.mail": "a@b"}, "items": [{"n": 1}, {"n": 7}], "empty": {}}'
)
JSON = [
    ("{ $.status = 404 }", True),
    ("{$.status=404}", True),
    ("{ $.status = 4* }", True),
    ("{ $.status = 5* }", False),
    ("{ $.status != 404 }", False),
    ("{ $.status != 200 }", True),
    ("{ $.status >= 404 && $.status < 405 }", True),
    ("{ $.status > 404 || $.status <= 403 }", False),
    ("{ $.cost = -1500 }", True),
    ("{ $.cost < -1.4e3 }", True),
    ("{ $.text = 500 }", True),
    ('{ $.text = "500" }', True),
    ('{ $.user.name = "Ada" }', True),
    ("{ $.user.name = Ada }", True),
    ("{ $.user.name = A*a }", True),
    ('{ $.user.name = "ada" }', False),
    ('{ $.user.name != "Bob" }', True),
    ("{ $.user.name = %^A.a$% }", True),
    ("{ $.user.name != %^A.a$% }", False),
    ("{ $.ip = 10.0.* }", True),
    ("{ $.ip = 10.1.* }", False),
    ("{ $.user.roles[0] = admin }", True),
    ("{ $.user.roles[1] = admin }", False),
    ("{ $.user.roles[9] = admin }", False),
    ("{ $.user.roles[*] = dev }", True),
    ("{ $.items[*].n = 7 }", True),
    ("{ $.items[*].n > 7 }", False),
    ("{ $.user.* = Ada }", True),
    ("{ $.user['e.mail'] = \"a@b\" }", True),
    ("{ $.user = Ada }", False),
    ("{ $.user != Ada }", False),
    ("{ $.missing = 1 }", False),
    ("{ $.missing != 1 }", False),
    ("{ $.missing NOT EXISTS }", True),
    ("{ $.none NOT EXISTS }", False),
    ("{ $.none IS NULL }", True),
    ("{ $.ok IS FALSE }", True),
    ("{ $.ok IS TRUE }", False),
    ("{ $.on IS TRUE }", True),
    ("{ $.status = 1 || $.ok IS FALSE && $.on IS TRUE }", True),
    ("{ ($.status = 404 || $.ok IS TRUE) && $.on IS FALSE }", False),
    ("{ $.status = 404 || $.ok IS TRUE && $.on IS FALSE }", True),
]
LINE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
FIELDS = [
    ("[]", True),
    ("[ip, id, user, timestamp, request, status, bytes]", True),
    ("[ip, id, user, timestamp, request, status]", False),
    ("[ip, id, user, timestamp, request, status = 4*, bytes]", True),
    ("[ip, id, user, timestamp, request, status = 5*, bytes]", False),
    ("[ip, id, user, timestamp, request = *.html*, status = 404, bytes > 1000]", True),
    ("[ip, id, user, timestamp, request, status, bytes > 1534]", False),
    ("[ip, id, user, timestamp, request, status, bytes >= 1534 && bytes != 7]", True),
    ("[ip, id, user = ada || user = frank, ...]", True),
    ("[ip=%127\\.0\\.0\\.[1-9]%, ...]", True),
    ("[..., status = 404, bytes]", True),
    ("[..., status = 1534, bytes]", False),
    ("[ip, ..., bytes = 1534]", True),
    ("[,,,,,,]", True),
    ("[,,,,,]", False),
    ('[ip, id, user, timestamp, request = "GET /index.html HTTP/1.0", ...]', True),
    ("[ip, id, user, timestamp = 10/Oct/2000*, ...]", True),
    ("[(ip = 127* || ip = 10.*) && ip != *.2, ...]", True),
]


@pytest.mark.parametrize(("text", "message", "matches"), WORDS)
def test_words_are_looked_for_in_the_whole_line(text: str, message: str, matches: bool) -> None:
    assert parse(text).matches(message) is matches


@pytest.mark.parametrize(("text", "matches"), JSON)
def test_a_json_pattern_compares_the_members_of_an_event(text: str, matches: bool) -> None:
    assert parse(text).matches(EVENT) is matches


def test_a_json_pattern_matches_no_message_that_is_not_json() -> None:
    for message in ("status 404", '{"status": 404', "404", '"status"', "", "{\ud800}"):
        assert not parse("{ $.status NOT EXISTS }").matches(message)


def test_a_json_pattern_reads_the_line_as_a_runtime_prints_it() -> None:
    assert parse("{ $.a = 1 }").matches(' {"a": 1}\n')
    assert parse("{ $[1] = x }").matches('["a", "x"]')


@pytest.mark.parametrize(("text", "matches"), FIELDS)
def test_a_pattern_of_fields_compares_the_words_of_a_line_by_their_places(text: str, matches: bool) -> None:
    assert parse(text).matches(LINE) is matches


@pytest.mark.parametrize(
    "text",
    [
        "user@host",
        "a.b",
        '"unclosed',
        '"closed"then',
        '""',
        "-",
        "%(group)%",
        "%a b%",
        "%é%",
        "%[%",
        "%*%",
        "%a% %b% %c%",
        "{ $.a = 1",
        "{ }",
        "{ $.a }",
        "{ $.a = }",
        "{ $.a == 1 }",
        "{ $.a > b }",
        '{ $.a > "1" }',
        "{ a = 1 }",
        "{ $.a IS NOT NULL }",
        "{ $.a IS 1 }",
        "{ $.a EXISTS }",
        "{ $.a = 1 && }",
        "{ ($.a = 1 }",
        "{ $.a = 1) }",
        "{ $.a[*].b[*] = 1 }",
        "{ $.a..b = 1 }",
        "{ $.a[x] = 1 }",
        "{ $ = 1 }",
        "{ $.a = %x% || $.a = %y% || $.a = %z% }",
        "[a, b",
        "[a = 1 && b = 2]",
        "[..., a, ...]",
        "[a >]",
        "[a b]",
    ],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(InvalidPattern):
        parse(text)


def test_the_refusal_names_the_term() -> None:
    with pytest.raises(InvalidPattern, match="Invalid character"):
        parse("ok user@host")
    with pytest.raises(InvalidPattern, match="must end with"):
        parse("{$.a=b")


def test_metric_filters_can_name_fields_and_selectors() -> None:
    assert parse("[ip, , ..., bytes]").extract(LINE) == {"$ip": "127.0.0.1", "$2": "-", "$bytes": "1534"}
    assert parse("{ $.status = 404 && $.user.name = * }").extract(EVENT) == {"$.status": "404", "$.user.name": "Ada"}
    assert parse("ERROR").extract("ERROR") == {}


def test_a_wildcard_takes_linear_time() -> None:
    """With backtracking, 40 wildcards over 100,000 characters wouldn't end."""
    text = '"' + "a*" * 40 + 'b"'
    assert not parse("{ $.a = " + text + " }").matches('{"a": "' + "a" * 100_000 + '"}')
