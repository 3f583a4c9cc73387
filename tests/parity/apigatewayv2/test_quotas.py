"""How much an API may have (facts/apigateway.md §12): what AWS says when it is full is recorded for authorizers."""

import pytest
from botocore.exceptions import ClientError


def refused(call, what):
    with pytest.raises(ClientError) as caught:
        call()
    text = f"Maximum number of {what}s for this API has been reached."
    text += f" Please contact AWS if you need additional {what}s."
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ConflictException", text)


def test_an_api_has_ten_stages_and_ten_authorizers(api):
    made = api(stage=None)
    for number in range(10):
        made.create_stage(StageName=f"s{number}")
        made.create_authorizer(
            Name=f"a{number}",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": "https://issuer.example", "Audience": ["a"]},
        )
    refused(lambda: made.create_stage(StageName="one-more"), "Stage")
    one = made.get_authorizers()["Items"][0]
    again = {name: one[name] for name in ("AuthorizerType", "IdentitySource", "JwtConfiguration")}
    refused(lambda: made.create_authorizer(Name="one-more", **again), "Authorizer")
    made.delete_stage(StageName="s0")
    made.create_stage(StageName="one-more")


def test_an_api_has_300_routes(api):
    made = api(stage=None)
    for number in range(300):
        made.create_route(RouteKey=f"GET /{number}")
    refused(lambda: made.create_route(RouteKey="GET /one-more"), "Route")
