"""Actions of rules: which there may be, how they are completed, where a redirect leads."""

from typing import Any

import pytest

from samovar.core.errors import AwsError
from samovar.services.elbv2.actions import checked, location

PARTS = {"protocol": "HTTP", "host": "a.example", "port": "80", "path": "x/y", "query": "q=1"}


def redirect(**config: str) -> dict[str, Any]:
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"} | config}


def forward(*groups: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": list(groups), **config}}


def test_a_forward_is_shown_with_its_weights() -> None:
    shown = {
        "Type": "forward",
        "Order": 1,
        "TargetGroupArn": "a",
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": "a", "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": False},
        },
    }
    assert checked([{"Type": "forward", "TargetGroupArn": "a"}], "HTTP") == [shown]
    assert "TargetGroupArn" not in checked([forward({"TargetGroupArn": "a"}, {"TargetGroupArn": "b"})], "HTTP")[0]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Protocol": "HTTPS", "Port": "443"}, "https://a.example:443/x/y?q=1"),
        ({"Host": "www.#{host}", "Path": "/new/#{path}"}, "http://www.a.example:80/new/x/y?q=1"),
        ({"Query": "", "Path": "/"}, "http://a.example:80/"),
        ({"Query": "was=#{port}&#{query}"}, "http://a.example:80/x/y?was=80&q=1"),
    ],
)
def test_a_redirect_keeps_what_it_does_not_name(config: dict[str, str], expected: str) -> None:
    [action] = checked([redirect(**config)], "HTTP")
    assert location(action["RedirectConfig"], PARTS) == expected


@pytest.mark.parametrize(
    ("action", "protocol", "code"),
    [
        (redirect(), "HTTP", "InvalidLoadBalancerActionException"),
        (redirect(Protocol="HTTP"), "HTTP", "InvalidLoadBalancerActionException"),
        (redirect(Protocol="HTTP", Path="/x"), "HTTPS", "ValidationError"),
        (redirect(Port="0"), "HTTP", "ValidationError"),
        (redirect(Port="x"), "HTTP", "ValidationError"),
        (redirect(Path="x"), "HTTP", "ValidationError"),
        (redirect(Host="#{nonsense}"), "HTTP", "ValidationError"),
        ({"Type": "redirect"}, "HTTP", "ValidationError"),
        ({"Type": "fixed-response"}, "HTTP", "ValidationError"),
        (
            {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "image/png"}},
            "HTTP",
            "ValidationError",
        ),
        ({"Type": "forward"}, "HTTP", "ValidationError"),
        (forward(), "HTTP", "ValidationError"),
        (forward({"TargetGroupArn": "a", "Weight": 1000}), "HTTP", "ValidationError"),
        (forward({"TargetGroupArn": "a"}, {"TargetGroupArn": "a"}), "HTTP", "ValidationError"),
        (forward(*({"TargetGroupArn": str(n)} for n in range(6))), "HTTP", "TooManyTargetGroupsException"),
        (
            forward({"TargetGroupArn": "a"}, TargetGroupStickinessConfig={"Enabled": True}),
            "HTTP",
            "ValidationError",
        ),
        ({"Type": "authenticate-oidc"}, "HTTPS", "NotImplementedException"),
        ({"Type": "jwt-validation"}, "HTTPS", "NotImplementedException"),
    ],
)
def test_what_can_not_be_done_is_refused(action: dict[str, Any], protocol: str, code: str) -> None:
    with pytest.raises(AwsError) as refused:
        checked([action], protocol)
    assert refused.value.code == code


def test_one_action_ends_a_rule() -> None:
    for actions in ([], [redirect(Port="1"), redirect(Port="2")]):
        with pytest.raises(AwsError):
            checked(actions, "HTTP")
