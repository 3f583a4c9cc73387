"""Names of services without their models: they say what the models say."""

import pytest

from samovar.wire.model import Models
from samovar.wire.names import SERVICES
from samovar.wire.route import Router


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_names_are_those_of_its_model(models: Models, service: str) -> None:
    assert SERVICES[service] == models[service].names


def test_only_the_model_of_the_service_that_is_meant_is_read() -> None:
    read: list[str] = []

    class Noting(Models):
        def __getitem__(self, service: str):  # type: ignore[no-untyped-def]
            read.append(service)
            return super().__getitem__(service)

    router = Router(Noting(), ["sqs", "lambda", "s3", "sts"])
    credential = "Credential=AKID/20260112/us-east-1/lambda/aws4_request"
    router.resolve("GET", "/2015-03-31/functions", "", {"authorization": f"AWS4-HMAC-SHA256 {credential}"}, b"")
    router.resolve("POST", "/", "", {"x-amz-target": "AmazonSQS.ListQueues"}, b"{}")
    assert set(read) == {"lambda", "sqs"}
