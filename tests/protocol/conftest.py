"""What the protocol tests share: the models under test, and values generated from botocore's view of them."""

import datetime
from collections.abc import Callable
from typing import Any

import botocore.loaders
import botocore.model
import pytest
from generated import Generator
from hypothesis import HealthCheck, settings

from samovar.wire.javaregex import JavaRegex
from samovar.wire.model import Models
from samovar.wire.route import Router

# Deterministic, so that a failure is the same everywhere; the health checks worry about generating from large models.
settings.register_profile(
    "protocol", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)

THOROUGH = ("lambda", "logs", "sts")
GENERAL = ("sqs", "sns", "dynamodb", "iam", "events", "kinesis", "cloudwatch")

PROTOCOLS = {"cloudwatch": ("smithy-rpc-v2-cbor", "json", "query")}
"""Those that are tried one after the other; else the one that boto3 chooses."""


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()


@pytest.fixture(scope="session")
def router(models: Models) -> Router:
    return Router(models, [*THOROUGH, *GENERAL])


@pytest.fixture(scope="session")
def botocore_model() -> Callable[[str], botocore.model.ServiceModel]:
    loader = botocore.loaders.Loader()
    loaded: dict[str, botocore.model.ServiceModel] = {}

    def load(service: str) -> botocore.model.ServiceModel:
        if service not in loaded:
            loaded[service] = botocore.model.ServiceModel(loader.load_service_model(service, "service-2"), service)
        return loaded[service]

    return load


@pytest.fixture(scope="session")
def generator() -> Callable[..., Generator]:
    made: dict[tuple[str, bool, bool], Generator] = {}
    regex = JavaRegex()

    def make(service: str, valid: bool, full: bool) -> Generator:
        return made.setdefault((service, valid, full), Generator(regex, valid, full))

    return make


def to_botocore(value: Any, shape: Any) -> Any:
    """Our values as botocore takes and gives them: times are datetimes."""
    if getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "timestamp":
        return datetime.datetime.fromtimestamp(value, datetime.UTC)
    if shape.type_name == "structure":
        return {name: to_botocore(item, shape.members[name]) for name, item in value.items()}
    if shape.type_name == "list":
        return [to_botocore(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: to_botocore(item, shape.value) for key, item in value.items()}
    return value


@pytest.fixture(scope="session", name="to_botocore")
def to_botocore_fixture() -> Callable[[Any, Any], Any]:
    return to_botocore


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per operation of the services present, and of others as a proof that nothing is special about them."""
    if {"service", "operation"} <= set(metafunc.fixturenames):
        models = Models()
        cases = [(s, o) for s in (*THOROUGH, *GENERAL) for o in sorted(models[s].operation_names)]
        if "protocol" not in metafunc.fixturenames:
            metafunc.parametrize(("service", "operation"), cases, ids=[f"{s}-{o}" for s, o in cases])
            return
        spoken = [(s, o, p) for s, o in cases for p in PROTOCOLS.get(s, ("",))]
        ids = ["-".join(filter(None, case)) for case in spoken]
        metafunc.parametrize(("service", "operation", "protocol"), spoken, ids=ids)
