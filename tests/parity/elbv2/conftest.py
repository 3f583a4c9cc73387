"""Load balancers on the running platform, in front of functions and servers."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from balancers import ECHO, Backend, Balancer, says

NAMES = itertools.count(1)


@pytest.fixture
def elb(client) -> Any:
    return client("elbv2", parameter_validation=False)


@pytest.fixture
def balancer(endpoint: str, elb: Any) -> Iterator[Callable[..., Balancer]]:
    made: list[Balancer] = []

    def make(action: dict[str, Any] | None = None) -> Balancer:
        made.append(Balancer(endpoint, elb, f"lb-{next(NAMES)}", action or says("default", "404")))
        return made[-1]

    yield make
    for each in made:
        elb.delete_load_balancer(LoadBalancerArn=each.arn)


@pytest.fixture
def group(elb: Any) -> Callable[..., str]:
    """Makes target groups: their ARNs."""

    def make(kind: str = "lambda", attributes: dict[str, str] | None = None, **options: Any) -> str:
        if kind != "lambda":
            options = {"Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1"} | options
        made = elb.create_target_group(Name=f"tg-{next(NAMES)}", TargetType=kind, **options)
        arn: str = made["TargetGroups"][0]["TargetGroupArn"]
        if attributes:
            wanted = [{"Key": key, "Value": value} for key, value in attributes.items()]
            elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=wanted)
        return arn

    return make


@pytest.fixture(scope="session")
def echo(platform: Any) -> Iterator[Any]:
    """A function that answers with its event; at `/raw` with whatever it is sent."""
    function = platform.deploy(ECHO)
    yield function
    function.delete()


@pytest.fixture
def backend() -> Iterator[Callable[[str], Backend]]:
    made: list[Backend] = []

    def make(name: str = "one") -> Backend:
        made.append(Backend(name))
        return made[-1]

    yield make
    for each in made:
        each.shutdown()
        each.server_close()
