"""Where a request to a custom domain leads (facts/apigateway.md §8)."""

import asyncio

from samovar.core.clock import FakeClock
from samovar.net.message import Request
from samovar.store.sqlite import open_store
from samovar.web.access_log import Format
from samovar.web.domains import RULES_FIRST, ApiMapping, Domain, Domains, Rule

KEY = ("1" * 12, "us-east-1", "api.example")


def led(paths, *mappings, rules=(), mode="API_MAPPING_ONLY", name="api.example", **headers):
    """(API, base path) of each path, or None."""

    async def run():
        store = await open_store(None)
        domains = await Domains.open(store, FakeClock())
        assert not domains.known("api.example")
        key = (*KEY[:2], name)
        await domains.domains.put(key, Domain(name=name, configurations=[], routing_mode=mode))
        for number, (path, api) in enumerate(mappings):
            await domains.mappings.put((*key, str(number)), ApiMapping(str(number), api, "s", path))
        for rule in rules:
            await domains.rules.put((*key, rule.id), rule)
        assert domains.known("api.example")
        found = [domains.find("api.example", Request("GET", path, "", headers, b"")) for path in paths]
        await store.close()
        return [(each.api, each.base_path) if each else None for each in found]

    return asyncio.run(run())


def test_the_longest_mapping_that_fits_wins_and_one_without_a_path_takes_the_rest():
    mappings = [("", "root"), ("v1", "one"), ("v1/shop", "shop")]
    assert led(["/v1/shop/a", "/v1/shopping", "/v1", "/v2"], *mappings) == [
        ("shop", "/v1/shop"), ("one", "/v1"), ("one", "/v1"), ("root", ""),
    ]  # fmt: skip


def test_a_path_that_no_mapping_fits_leads_nowhere():
    assert led(["/v2", "/"], ("v1", "one")) == [None, None]


def test_a_domain_may_have_a_wildcard():
    assert led(["/"], ("", "root"), name="*.example") == [("root", "")]


def rule(id, priority, api, strip=False, **conditions):
    action = {"InvokeApi": {"ApiId": api, "Stage": "s", "StripBasePath": strip}}
    return Rule(id, priority, [{name: value} for name, value in conditions.items()], [action])


def test_rules_go_by_priority_and_all_conditions_count():
    rules = [
        rule("b", 20, "second", MatchBasePaths={"AnyOf": ["v1"]}),
        rule(
            "a", 10, "first", strip=True,
            MatchBasePaths={"AnyOf": ["v1"]},
            MatchHeaders={"AnyOf": [{"Header": "X-Beta", "ValueGlob": "y*"}]},
        ),
    ]  # fmt: skip
    mapped = [("", "root")]
    assert led(["/v1/a", "/v2"], *mapped, rules=rules, mode=RULES_FIRST) == [("second", ""), ("root", "")]
    assert led(["/v1/a"], *mapped, rules=rules, mode=RULES_FIRST, **{"x-beta": "yes"}) == [("first", "/v1")]
    assert led(["/v1/a"], *mapped, rules=rules) == [("root", "")]


def test_a_line_of_an_access_log_has_a_dash_for_what_is_unknown():
    line = Format("$context.status [$context.identity.sourceIp] $context.nothing, $context.routeKey.").line(
        {"status": "200", "identity.sourceIp": "::1", "routeKey": "GET /"}.get
    )
    assert line == "200 [::1] -, GET /."
