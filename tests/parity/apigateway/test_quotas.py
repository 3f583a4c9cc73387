"""How much a REST API may have (facts/apigateway.md §12): AWS says it as 429, in the words recorded for resources."""

import pytest
from botocore.exceptions import ClientError


def test_an_api_has_ten_stages_and_ten_authorizers(rest):
    api = rest()
    api.mock("/")
    deployment = api.deploy("s0")
    for number in range(1, 10):
        api.create_stage(stageName=f"s{number}", deploymentId=deployment)
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    asks = {"type": "TOKEN", "authorizerUri": uri, "identitySource": "method.request.header.Auth"}
    for number in range(10):
        api.create_authorizer(name=f"a{number}", **asks)

    def full(call, what):
        with pytest.raises(ClientError) as caught:
            call()
        error, status = caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert (error["Code"], status) == ("LimitExceededException", 429)
        text = f"Maximum number of {what} for this API has been reached."
        assert error["Message"] == f"{text}  Please contact AWS if you need additional {what}."

    full(lambda: api.create_stage(stageName="more", deploymentId=deployment), "Stages")
    full(lambda: api.deploy("more"), "Stages")
    full(lambda: api.create_authorizer(name="more", **asks), "Authorizers")
    api.deploy("s0")
