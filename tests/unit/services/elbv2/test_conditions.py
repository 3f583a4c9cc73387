"""Which requests meet which conditions, against a plain reading of the same rules; which conditions there may be."""

import ipaddress
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.net.message import Request
from samovar.services.elbv2.conditions import checked, compiled


def request(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    host: str = "a.example",
    peer: str = "127.0.0.1",
    fields: list[tuple[str, str]] | None = None,
) -> Request:
    fields = [("Host", host), *(fields or [])]
    headers: dict[str, str] = {}
    for name, value in fields:
        headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
    made = Request(method, path, query, headers, b"")
    made.fields = [(name.encode(), value.encode()) for name, value in fields]
    made.peer = peer
    return made


def regex(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)


def like(pattern: str, text: str, flags: int = re.IGNORECASE) -> bool:
    return re.fullmatch(regex(pattern), text, flags | re.DOTALL) is not None


def naive(condition: dict[str, Any], sent: Request) -> bool:
    field = condition["Field"]
    if field == "host-header":
        return any(like(value, sent.headers["host"].split(":")[0]) for value in condition["HostHeaderConfig"]["Values"])
    if field == "path-pattern":
        return any(like(value, sent.path, 0) for value in condition["PathPatternConfig"]["Values"])
    if field == "http-header":
        config = condition["HttpHeaderConfig"]
        values = [value for name, value in sent.lines() if name.lower() == config["HttpHeaderName"].lower()]
        return any(like(pattern, value) for pattern in config["Values"] for value in values)
    if field == "query-string":
        pairs = [part.split("=", 1) if "=" in part else [part, ""] for part in sent.query.split("&") if part]
        return any(
            like(wanted.get("Key", "*"), name) and like(wanted["Value"], value)
            for wanted in condition["QueryStringConfig"]["Values"]
            for name, value in pairs
        )
    if field == "http-request-method":
        return sent.method in condition["HttpRequestMethodConfig"]["Values"]
    networks = [ipaddress.ip_network(value) for value in condition["SourceIpConfig"]["Values"]]
    return any(ipaddress.ip_address(sent.peer) in network for network in networks)


def pair(key: str, value: str) -> dict[str, str]:
    return {"Key": key, "Value": value} if key else {"Value": value}


word = st.text("aA", min_size=1, max_size=2)
pattern = st.text("aA*?", min_size=1, max_size=2)
lists = lambda of: st.lists(of, min_size=1, max_size=2)  # noqa: E731
conditions = st.one_of(
    lists(st.builds("{}.{}".format, pattern, pattern)).map(
        lambda values: {"Field": "host-header", "HostHeaderConfig": {"Values": values}}
    ),
    lists(pattern.map("/{}".format)).map(
        lambda values: {"Field": "path-pattern", "PathPatternConfig": {"Values": values}}
    ),
    lists(pattern).map(
        lambda values: {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": values}}
    ),
    lists(st.builds(pair, st.one_of(st.just(""), pattern), pattern)).map(
        lambda values: {"Field": "query-string", "QueryStringConfig": {"Values": values}}
    ),
    lists(st.sampled_from(["GET", "POST"])).map(
        lambda values: {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": values}}
    ),
    lists(st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "::1/128"])).map(
        lambda values: {"Field": "source-ip", "SourceIpConfig": {"Values": values}}
    ),
)
requests = st.builds(
    request,
    st.sampled_from(["GET", "POST", "get"]),
    word.map("/{}".format),
    st.lists(st.builds("{}{}{}".format, word, st.sampled_from(["=", ""]), word), max_size=2).map("&".join),
    st.builds("{}.{}{}".format, word, word, st.sampled_from(["", ":80"])),
    st.sampled_from(["10.1.2.3", "127.0.0.1", "::1", "8.8.8.8"]),
    st.lists(st.tuples(st.sampled_from(["x-a", "X-A", "X-B"]), word), max_size=3),
)


@settings(max_examples=1000)
@given(st.lists(conditions, min_size=1, max_size=3), requests)
def test_a_rule_is_met_when_all_its_conditions_are(wanted: list[dict[str, Any]], sent: Request) -> None:
    assert compiled(wanted)(sent) is all(naive(each, sent) for each in wanted)


def one(field: str, **config: Any) -> list[dict[str, Any]]:
    name = {"http-request-method": "HttpRequestMethodConfig", "source-ip": "SourceIpConfig"}.get(field)
    name = name or "".join(part.capitalize() for part in field.split("-")) + "Config"
    return [{"Field": field, name: config}]


@pytest.mark.parametrize(
    "wanted",
    [
        [],
        [{"Field": "nonsense", "Values": ["x"]}],
        [{"Field": "path-pattern"}],
        [{"Field": "path-pattern", "Values": ["/ä"]}],
        [{"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/b"]}}],
        [{"Field": "host-header", "Values": ["nodot"]}],
        [{"Field": "host-header", "Values": ["a b.example"]}],
        [{"Field": "path-pattern", "Values": ["/" + "x" * 128]}],
        [{"Field": "path-pattern", "Values": ["/a"]}, {"Field": "path-pattern", "Values": ["/b"]}],
        [{"Field": "path-pattern", "Values": ["/1", "/2", "/3", "/4", "/5", "/6"]}],
        [{"Field": "path-pattern", "Values": ["/******"]}],
        one("http-request-method", Values=["get"]),
        one("http-header", HttpHeaderName="a b", Values=["x"]),
        one("http-header", Values=["x"]),
        one("query-string", Values=[{"Key": "a"}]),
        one("source-ip", Values=["10.0.0.1"]),
        one("source-ip", Values=["10.0.0.1/8"]),
        one("source-ip", Values=["example.com"]),
        one("path-pattern", RegexValues=["^/a"]),
    ],
)
def test_what_can_not_be_asked_is_refused(wanted: list[dict[str, Any]]) -> None:
    with pytest.raises(AwsError):
        checked(wanted)


def test_hosts_and_paths_are_shown_twice_and_others_once() -> None:
    given = [{"Field": "path-pattern", "Values": ["/a"]}, *one("http-request-method", Values=["GET"])]
    assert checked(given) == [
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}, "Values": ["/a"]},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
    ]
