"""Reserved and provisioned concurrency, what an account may use: facts/lambda-api.md §5, §10; lambda-limits.md §2."""

import pytest

from samovar.engine.provisioning import Provisioned, Status

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
FUNCTIONS_ONLY = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
    "Please specify either a function name or an unqualified function ARN."
)


def reserve(lab, number, name="f"):
    return lab.call("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=number)


def test_a_reservation_is_echoed_shown_and_told_to_the_engine_at_once(lab):
    lab.create()
    lab.settle()
    assert lab.call("GetFunctionConcurrency", FunctionName="f") == {}
    assert "Concurrency" not in lab.call("GetFunction", FunctionName="f")
    revision = lab.settle()["RevisionId"]
    for number in (5, 0, 900):
        assert reserve(lab, number) == {"ReservedConcurrentExecutions": number}
        assert lab.engine.reserved == {ARN: number}
        assert lab.call("GetFunctionConcurrency", FunctionName=ARN) == {"ReservedConcurrentExecutions": number}
    assert lab.call("GetFunction", FunctionName="f")["Concurrency"] == {"ReservedConcurrentExecutions": 900}
    assert lab.settle()["RevisionId"] == revision
    assert lab.call("DeleteFunctionConcurrency", FunctionName="f") == {}
    assert lab.engine.reserved == {}
    assert lab.call("GetFunctionConcurrency", FunctionName="f") == {}


def test_a_reservation_outlives_the_server_and_goes_with_the_function(lab):
    lab.create()
    reserve(lab, 7)
    lab.restart()
    assert lab.engine.reserved == {ARN: 7}
    lab.call("DeleteFunction", FunctionName="f")
    assert lab.engine.reserved == {}


def test_a_hundred_must_stay_unreserved(lab):
    lab.create()
    lab.create("g")
    reserve(lab, 600, "g")
    reserve(lab, 300)
    error = lab.error("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=301)
    assert (error.code, error.message) == (
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        "its minimum value of [100].",
    )
    assert lab.engine.reserved[ARN] == 300
    other = lab.context(account="999999999999")
    assert lab.call("GetAccountSettings", other)["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000
    assert lab.call("GetAccountSettings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 100


def test_an_account_with_little_concurrency_can_still_turn_a_function_off(lab):
    lab.engine.concurrency = 10
    lab.create()
    reserve(lab, 0)
    assert lab.error("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1).message.endswith(
        "below its minimum value of [10]."
    )


@pytest.mark.parametrize("name", ["f:1", "f:prod", "f:$LATEST", f"{ARN}:prod"])
@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("PutFunctionConcurrency", {"ReservedConcurrentExecutions": 1}),
        ("GetFunctionConcurrency", {}),
        ("DeleteFunctionConcurrency", {}),
    ],
)
def test_versions_and_aliases_have_no_reservation_of_their_own(lab, operation, given, name):
    lab.create()
    error = lab.error(operation, FunctionName=name, **given)
    assert (error.code, error.message) == ("InvalidParameterValueException", FUNCTIONS_ONLY)


def test_a_reservation_for_an_unknown_function_is_refused_with_its_latest_version_in_the_text(lab):
    error = lab.error("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    assert (error.code, error.message) == ("ResourceNotFoundException", f"Function not found: {ARN}:$LATEST")
    for operation in ("GetFunctionConcurrency", "DeleteFunctionConcurrency"):
        assert lab.error(operation, FunctionName="f").message == f"Function not found: {ARN}"


def test_account_settings_have_exactly_the_members_that_aws_gives(lab, make_zip):
    assert lab.call("GetAccountSettings") == {
        "AccountLimit": {
            "TotalCodeSize": 322122547200,
            "CodeSizeUnzipped": 262144000,
            "CodeSizeZipped": 52428800,
            "ConcurrentExecutions": 1000,
            "UnreservedConcurrentExecutions": 1000,
        },
        "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": 0},
    }


def test_every_version_counts_as_code_of_its_own_and_an_update_replaces(lab, make_zip):
    def usage():
        return lab.call("GetAccountSettings")["AccountUsage"]

    one, other = len(make_zip("one")), len(make_zip("another one"))
    lab.create()
    assert usage() == {"TotalCodeSize": one, "FunctionCount": 1}
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
    lab.settle()
    assert usage()["TotalCodeSize"] == one
    lab.call("PublishVersion", FunctionName="f")
    assert usage() == {"TotalCodeSize": 2 * one, "FunctionCount": 1}
    lab.settle()
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("another one"))
    lab.settle()
    assert usage()["TotalCodeSize"] == one + other
    lab.create("g")
    assert usage() == {"TotalCodeSize": 2 * one + other, "FunctionCount": 2}
    lab.call("DeleteFunction", FunctionName="f")
    assert usage() == {"TotalCodeSize": one, "FunctionCount": 1}
    assert lab.call("GetAccountSettings", lab.context(region="eu-west-1"))["AccountUsage"]["FunctionCount"] == 0


@pytest.fixture
def published(lab):
    lab.create(Publish=True)
    lab.call("CreateAlias", FunctionName="f", Name="prod", FunctionVersion="1")


def provision(lab, number, qualifier="prod", name="f"):
    return lab.call(
        "PutProvisionedConcurrencyConfig",
        FunctionName=name,
        Qualifier=qualifier,
        ProvisionedConcurrentExecutions=number,
    )


def provision_error(lab, number, qualifier="prod", name="f"):
    error = lab.error(
        "PutProvisionedConcurrencyConfig",
        FunctionName=name,
        Qualifier=qualifier,
        ProvisionedConcurrentExecutions=number,
    )
    return error.code, error.message


def provisioned(lab, qualifier="prod", name="f"):
    return lab.call("GetProvisionedConcurrencyConfig", FunctionName=name, Qualifier=qualifier)


def asked(lab):
    """ARN -> version and number (or several of them), as the engine was asked."""
    found = {
        arn: [(version.version, units) for version, units in shares] for arn, shares in lab.engine.provisions.items()
    }
    return {arn: shares if len(shares) > 1 else shares[0] for arn, shares in found.items()}


def test_put_answers_before_anything_is_ready_and_get_says_how_the_engine_stands(lab, published):
    lab.engine.stands = Provisioned(Status.READY, requested=5, allocated=5, available=5)
    answer = {
        "RequestedProvisionedConcurrentExecutions": 5,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
        "LastModified": "2026-11-18T11:06:40+0000",
    }
    assert provision(lab, 5) == answer
    assert asked(lab) == {f"{ARN}:prod": ("1", 5)}
    assert provisioned(lab) == answer | {
        "AvailableProvisionedConcurrentExecutions": 5,
        "AllocatedProvisionedConcurrentExecutions": 5,
        "Status": "READY",
    }
    lab.engine.stands = Provisioned(Status.FAILED, 5, 0, 0, "FUNCTION_ERROR_INIT_FAILURE")
    assert provisioned(lab)["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
    listed = lab.call("ListProvisionedConcurrencyConfigs", FunctionName="f")["ProvisionedConcurrencyConfigs"]
    assert listed == [{"FunctionArn": f"{ARN}:prod"} | provisioned(lab)]


def test_there_is_none_where_none_was_put_and_deleting_that_succeeds(lab, published):
    error = lab.error("GetProvisionedConcurrencyConfig", FunctionName="f", Qualifier="1")
    assert (error.code, error.message) == (
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
    assert lab.call("DeleteProvisionedConcurrencyConfig", FunctionName="f", Qualifier="1") == {}
    assert lab.call("ListProvisionedConcurrencyConfigs", FunctionName="f") == {"ProvisionedConcurrencyConfigs": []}


def test_deleting_it_or_its_alias_version_or_function_lets_the_environments_go(lab, published):
    provision(lab, 1)
    assert lab.call("DeleteProvisionedConcurrencyConfig", FunctionName="f", Qualifier="prod") == {}
    assert asked(lab) == {}
    provision(lab, 1)
    lab.call("DeleteAlias", FunctionName="f", Name="prod")
    assert asked(lab) == {}
    provision(lab, 1, "1")
    lab.call("DeleteFunction", FunctionName="f", Qualifier="1")
    assert asked(lab) == {}
    lab.call("PublishVersion", FunctionName="f", Description="again")
    lab.settle()
    lab.call("CreateAlias", FunctionName="f", Name="prod", FunctionVersion="2")
    provision(lab, 1)
    lab.call("DeleteFunction", FunctionName="f")
    assert asked(lab) == {}


def test_moving_an_alias_moves_its_provisioned_environments(lab, published, make_zip):
    provision(lab, 2)
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"), Publish=True)
    lab.settle()
    assert asked(lab) == {f"{ARN}:prod": ("1", 2)}
    lab.call("UpdateAlias", FunctionName="f", Name="prod", FunctionVersion="2")
    assert asked(lab) == {f"{ARN}:prod": ("2", 2)}


def test_an_alias_that_comes_to_share_its_invocations_shares_its_environments(lab, published, make_zip):
    provision(lab, 5)
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"), Publish=True)
    lab.settle()
    for weight, shares in ((0.2, [("1", 4), ("2", 1)]), (0.5, [("1", 3), ("2", 2)]), (0.1, [("1", 5), ("2", 0)])):
        weights = {"AdditionalVersionWeights": {"2": weight}}
        lab.call("UpdateAlias", FunctionName="f", Name="prod", RoutingConfig=weights)
        assert asked(lab) == {f"{ARN}:prod": shares}
    lab.call("UpdateAlias", FunctionName="f", Name="prod", FunctionVersion="2", RoutingConfig={})
    assert asked(lab) == {f"{ARN}:prod": ("2", 5)}


def test_it_outlives_the_server_and_begins_anew(lab, published):
    provision(lab, 3)
    lab.restart()
    assert asked(lab) == {f"{ARN}:prod": ("1", 3)}
    lab.runner.run(lab.service.reset())
    assert asked(lab) == {}


def test_a_version_just_published_is_provisioned_when_it_comes_into_force(lab):
    async def publish_and_provision():
        await lab.acreate(Publish=True)
        await lab.acall(
            "PutProvisionedConcurrencyConfig", FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=2
        )

    lab.runner.run(publish_and_provision())
    lab.settle()
    assert asked(lab) == {f"{ARN}:1": ("1", 2)}


def test_an_alias_and_its_version_cannot_both_have_it(lab, published):
    provision(lab, 1)
    assert provision_error(lab, 1, "1") == (
        "ResourceConflictException",
        "Version is pointed by a Provisioned Concurrency alias",
    )
    lab.call("DeleteProvisionedConcurrencyConfig", FunctionName="f", Qualifier="prod")
    provision(lab, 1, "1")
    assert provision_error(lab, 1) == (
        "ResourceConflictException",
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    )


def test_an_alias_of_the_latest_version_or_of_two_cannot_have_it(lab, published, make_zip):
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"), Publish=True)
    lab.settle()
    lab.call("CreateAlias", FunctionName="f", Name="dev", FunctionVersion="$LATEST")
    assert provision_error(lab, 1, "dev")[1].endswith("cannot be applied to unpublished function versions.")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    lab.call("UpdateAlias", FunctionName="f", Name="prod", RoutingConfig=weights)
    assert provision_error(lab, 1) == (
        "InvalidParameterValueException",
        "Alias with weights can not be used with Provisioned Concurrency",
    )


def test_what_is_provisioned_without_a_reservation_is_taken_from_the_account(lab, published):
    """facts/lambda-limits.md §2."""
    provision(lab, 300)
    assert lab.call("GetAccountSettings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 700
    assert provision_error(lab, 901)[1].endswith("below its minimum value of [100].")
    assert provision_error(lab, 1001)[1].endswith("account's unreserved concurrency [1000].")
    provision(lab, 900)
    lab.create("g")
    error = lab.error("PutFunctionConcurrency", FunctionName="g", ReservedConcurrentExecutions=1)
    assert error.message.endswith("below its minimum value of [100].")
    reserve(lab, 900)
    assert lab.call("GetAccountSettings")["AccountLimit"]["UnreservedConcurrentExecutions"] == 100


def test_a_reservation_holds_all_that_its_function_has_provisioned(lab, published):
    lab.call("CreateAlias", FunctionName="f", Name="beta", FunctionVersion="1")
    reserve(lab, 3)
    provision(lab, 2)
    assert provision_error(lab, 2, "beta")[1].startswith("Requested Provisioned Concurrency should not be greater")
    provision(lab, 1, "beta")
    error = lab.error("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=2)
    assert (error.code, error.message) == (
        "InvalidParameterValueException",
        " ReservedConcurrentExecutions  2 should not be lower than function's total provisioned concurrency [3].",
    )
    assert error.members == {"Type": None}


def test_the_configs_of_a_function_are_listed_in_pages(lab, published):
    for name in ("a", "b", "c"):
        lab.call("CreateAlias", FunctionName="f", Name=name, FunctionVersion="1")
        provision(lab, 1, name)
    first = lab.call("ListProvisionedConcurrencyConfigs", FunctionName="f", MaxItems=2)
    rest = lab.call("ListProvisionedConcurrencyConfigs", FunctionName="f", Marker=first["NextMarker"])
    found = [*first["ProvisionedConcurrencyConfigs"], *rest["ProvisionedConcurrencyConfigs"]]
    assert [each["FunctionArn"] for each in found] == [f"{ARN}:{name}" for name in ("a", "b", "c")]
    assert "NextMarker" not in rest


@pytest.mark.parametrize(
    ("qualifier", "number", "code", "message"),
    [
        (
            "$LATEST",
            1,
            "InvalidParameterValueException",
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        ),
        ("7", 1, "ResourceNotFoundException", f"Function not found: {ARN}:7"),
        ("dev", 1, "ResourceNotFoundException", f"Cannot find alias arn: {ARN}:dev"),
        (
            "prod",
            901,
            "InvalidParameterValueException",
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            "minimum value of [100].",
        ),
        (
            "prod",
            1001,
            "InvalidParameterValueException",
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].",
        ),
    ],
)
def test_what_can_never_be_provisioned(lab, published, qualifier, number, code, message):
    given = {"FunctionName": "f", "Qualifier": qualifier, "ProvisionedConcurrentExecutions": number}
    error = lab.error("PutProvisionedConcurrencyConfig", **given)
    assert (error.code, error.message) == (code, message)


def test_no_more_can_be_provisioned_than_is_reserved(lab, published):
    reserve(lab, 3)
    given = {"FunctionName": "f", "Qualifier": "prod", "ProvisionedConcurrentExecutions": 4}
    assert lab.error("PutProvisionedConcurrencyConfig", **given).message == (
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    )


@pytest.mark.parametrize("operation", ["GetProvisionedConcurrencyConfig", "DeleteProvisionedConcurrencyConfig"])
def test_only_published_versions_and_aliases_have_provisioned_concurrency(lab, published, operation):
    error = lab.error(operation, FunctionName="f", Qualifier="$LATEST")
    assert (error.code, error.message) == (
        "InvalidParameterValueException",
        "The function resource provided must be an alias or a published version.",
    )
    assert lab.error(operation, FunctionName="f", Qualifier="dev").message == f"Cannot find alias arn: {ARN}:dev"
