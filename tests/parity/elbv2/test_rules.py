"""Rules: which is taken, and what their actions do (ALB guide, "Listener rules")."""

import pytest
from balancers import says
from botocore.exceptions import ClientError


def path(*values):
    return [{"Field": "path-pattern", "Values": list(values)}]


def test_rules_are_tried_by_priority_and_the_default_last(elb, balancer):
    front = balancer()
    late = front.rule(20, path("/a/*"), says("late"))
    early = front.rule(10, path("/a/b*"), says("early"))
    assert [front(path=each).body for each in ("/a/b", "/a/c", "/x")] == [b"early", b"late", b"default"]
    elb.set_rule_priorities(
        RulePriorities=[{"RuleArn": late, "Priority": 5}, {"RuleArn": early, "Priority": 20}]
    )
    assert front(path="/a/b").body == b"late"
    shown = elb.describe_rules(ListenerArn=front.listener)["Rules"]
    assert [(each["Priority"], each["IsDefault"]) for each in shown] == [("5", False), ("20", False), ("default", True)]


def test_every_kind_of_condition(balancer):
    front = balancer()
    wanted = [
        [{"Field": "host-header", "Values": ["*.shop.example"]}],
        [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Kind", "Values": ["be?a", "RC*"]}}],
        [{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2*"}, {"Value": "any"}]}}],
        [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PURGE", "DELETE"]}}],
        [*path("/in"), {"Field": "source-ip", "SourceIpConfig": {"Values": ["127.0.0.0/8"]}}],
        [*path("/out"), {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}],
    ]
    for priority, conditions in enumerate(wanted, 1):
        front.rule(priority, conditions, says(str(priority)))
    port = {"path": f"/_aws/elb/{front.arn.split('/')[2]}/"}
    assert front(host="eu.SHOP.example", **port).body == b"1"
    assert front(headers=[("x-kind", "old"), ("X-Kind", "BETA")]).body == b"2"
    assert front(headers=[("x-kind", "rc1")]).body == b"2"
    assert front(path="/?V=20").body == b"3"
    assert front(path="/?x=ANY").body == b"3"
    assert front("DELETE").body == b"4"
    assert front(path="/in").body == b"5"
    assert front(path="/out").body == b"default"


def test_a_fixed_response_is_given_as_it_is(balancer):
    front = balancer()
    config = {"StatusCode": "503", "ContentType": "application/json", "MessageBody": '{"down": true}'}
    front.rule(1, path("/json"), {"Type": "fixed-response", "FixedResponseConfig": config})
    front.rule(2, path("/bare"), {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "204"}})
    page = front(path="/json")
    assert (page.status, page.headers["Content-Type"], page.body) == (503, "application/json", b'{"down": true}')
    assert page.headers["Server"] == "awselb/2.0"
    assert front(path="/bare").status == 204
    assert front("HEAD", "/json").body == b""


def test_a_redirect_keeps_what_it_does_not_name(balancer):
    front = balancer()
    config = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    front.rule(1, path("/old/*"), {"Type": "redirect", "RedirectConfig": config})
    config = {"Host": "www.example.com", "Path": "/new/#{path}", "Query": "from=#{host}", "StatusCode": "HTTP_302"}
    front.rule(2, path("/moved"), {"Type": "redirect", "RedirectConfig": config})
    page = front(path="/old/%20x?a=b")
    assert (page.status, page.headers["Location"]) == (301, f"https://{front.host}:443/old/%20x?a=b")
    page = front(path="/moved")
    assert page.status == 302
    assert page.headers["Location"] == f"http://www.example.com:80/new/moved?from={front.host}"


def test_trace_is_not_allowed(balancer):
    page = balancer()("TRACE", "/json")
    assert (page.status, page.headers["Server"]) == (405, "awselb/2.0")
    assert b"<title>405 Method Not Allowed</title>" in page.body


def test_a_priority_can_be_had_once(elb, balancer):
    front = balancer()
    first, second = front.rule(1, path("/a"), says("a")), front.rule(2, path("/b"), says("b"))
    with pytest.raises(ClientError, match=r"\(PriorityInUse\).*Priority '1' is currently in use"):
        front.rule(1, path("/c"), says("c"))
    with pytest.raises(ClientError, match="PriorityInUse"):
        elb.set_rule_priorities(RulePriorities=[{"RuleArn": first, "Priority": 2}])
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 1}])
    with pytest.raises(ClientError, match=r"1 and 50000|50000|ValidationError"):
        front.rule(50_001, path("/c"), says("c"))


def test_a_rule_is_changed_in_part(elb, balancer):
    front = balancer()
    arn = front.rule(1, path("/a"), says("a"))
    elb.modify_rule(RuleArn=arn, Actions=[says("b")])
    assert front(path="/a").body == b"b"
    elb.modify_rule(RuleArn=arn, Conditions=path("/c"))
    assert (front(path="/a").body, front(path="/c").body) == (b"default", b"b")
    elb.delete_rule(RuleArn=arn)
    assert front(path="/c").body == b"default"
    with pytest.raises(ClientError, match="RuleNotFound"):
        elb.delete_rule(RuleArn=arn)


def test_the_default_rule_is_the_listeners(elb, balancer):
    front = balancer()
    [default] = elb.describe_rules(ListenerArn=front.listener)["Rules"]
    assert elb.describe_rules(RuleArns=[default["RuleArn"]])["Rules"] == [default]
    for refused in (
        lambda: elb.delete_rule(RuleArn=default["RuleArn"]),
        lambda: elb.modify_rule(RuleArn=default["RuleArn"], Actions=[says("x")]),
        lambda: elb.set_rule_priorities(RulePriorities=[{"RuleArn": default["RuleArn"], "Priority": 1}]),
    ):
        with pytest.raises(ClientError, match="OperationNotPermitted"):
            refused()
    elb.modify_listener(ListenerArn=front.listener, DefaultActions=[says("other")])
    assert front().body == b"other"


@pytest.mark.parametrize(
    ("conditions", "action", "code"),
    [
        (path("/a"), {"Type": "authenticate-oidc"}, "NotImplemented"),
        ([{"Field": "path-pattern", "RegexValues": ["^/a"]}], says("x"), "NotImplemented"),
        (path("/a"), {"Type": "forward", "TargetGroupArn": "arn:aws:elasticloadbalancing:x"}, "TargetGroupNotFound"),
        ([{"Field": "path-pattern"}], says("x"), "ValidationError"),
    ],
)
def test_what_can_not_be_is_refused_by_name(balancer, conditions, action, code):
    with pytest.raises(ClientError, match=code):
        balancer().rule(1, conditions, action)
