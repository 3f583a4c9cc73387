"""The service models, read from the botocore distribution without its code."""

import subprocess
import sys

import pytest

from samovar.wire.model import Models
from samovar.wire.names import Names


def test_a_service_is_known_by_its_client_name_in_its_latest_version(models: Models) -> None:
    service = models["lambda"]
    assert service.names == Names("lambda", "lambda", "lambda")
    assert (service.api_version, service.protocol) == ("2015-03-31", "rest-json")
    assert "Invoke" in service.operation_names
    assert models["logs"].names.target_prefix == "Logs_20140328"
    assert models["sts"].xml_namespace == "https://sts.amazonaws.com/doc/2011-06-15/"


def test_models_and_operations_are_made_once(models: Models) -> None:
    assert models["lambda"] is models["lambda"]
    assert models["lambda"].operation("Invoke") is models["lambda"].operation("Invoke")


@pytest.mark.parametrize("name", ["no-such-service", "", "Lambda"])
def test_what_botocore_does_not_know_is_a_key_error(models: Models, name: str) -> None:
    with pytest.raises(KeyError):
        models[name]


def test_an_operation_that_the_model_does_not_have_is_a_key_error(models: Models) -> None:
    with pytest.raises(KeyError):
        models["lambda"].operation("Nope")


def test_a_query_compatible_service_speaks_query_as_well(models: Models) -> None:
    assert models["sqs"].protocols == ("json", "query")
    assert models["cloudwatch"].protocol == "smithy-rpc-v2-cbor"


def test_botocore_is_never_imported() -> None:
    """importing botocore.model alone costs 270 ms."""
    program = (
        "import sys; from samovar.wire.model import Models; from samovar.wire.route import Router; "
        "Router(Models(), ['lambda', 'kms']); Models()['sts']; sys.exit(int('botocore' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
