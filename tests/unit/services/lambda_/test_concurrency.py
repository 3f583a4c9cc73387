"""Reserved and provisioned concurrency, what an account may use: facts/lambda-api.md §5, §10; lambda-limits.md §2."""

import pytest

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


def test_provisioned_concurrency_is_refused_by_name_where_it_would_be_right(lab, published):
    given = {"FunctionName": "f", "ProvisionedConcurrentExecutions": 1}
    for qualifier in ("1", "prod"):
        error = lab.error("PutProvisionedConcurrencyConfig", Qualifier=qualifier, **given)
        assert error.code == "NotImplementedException"
        assert lab.error("GetProvisionedConcurrencyConfig", FunctionName="f", Qualifier=qualifier).message == (
            "No Provisioned Concurrency Config found for this function"
        )
        assert lab.call("DeleteProvisionedConcurrencyConfig", FunctionName="f", Qualifier=qualifier) == {}
    assert lab.call("ListProvisionedConcurrencyConfigs", FunctionName="f") == {"ProvisionedConcurrencyConfigs": []}


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
