"""Rates of the control plane: facts/lambda-limits.md §1."""

import asyncio

import pytest

from samovar.core.clock import FakeClock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.services.lambda_.callrates import CallRates


class Lambda:
    """Every operation of it, counted."""

    def __init__(self):
        self.clock = FakeClock()
        self.called = []

        def operation(name):
            async def call(ctx, params):
                self.called.append(name)
                return {}

            return call

        names = ("getfunction", "getpolicy", "createfunction", "listfunctions")
        self.operations = CallRates(self.clock).limit({name: operation(name) for name in names})

    def calls(self, name, account="123456789012", region="us-east-1"):
        """How many are answered before one is refused, and that error."""
        ctx = Context(account, region, "id", "root", "http://x", None)
        for answered in range(1000):
            try:
                asyncio.run(self.operations[name](ctx, {}))
            except AwsError as error:
                return answered, error
        raise AssertionError("never refused")


def test_get_function_has_a_hundred_a_second_and_a_refused_call_does_nothing():
    played = Lambda()
    answered, error = played.calls("getfunction")
    assert answered == len(played.called) == 100
    assert (error.code, error.message) == ("TooManyRequestsException", "Rate exceeded")
    assert error.members == {"Reason": "CallerRateLimitExceeded", "Type": "User"}


def test_everything_else_has_fifteen_together_and_get_policy_fifteen_of_its_own():
    played = Lambda()
    assert played.calls("createfunction")[0] == 15
    assert played.calls("listfunctions")[0] == 0
    assert played.calls("getpolicy")[0] == 15
    played.clock.advance(0.2)
    assert played.calls("listfunctions")[0] == 3


@pytest.mark.parametrize("other", [{"account": "999999999999"}, {"region": "eu-west-1"}])
def test_accounts_and_regions_have_their_own(other):
    played = Lambda()
    assert played.calls("createfunction")[0] == 15
    assert played.calls("createfunction", **other)[0] == 15
