"""Aliases: facts/lambda-api.md §2, §5, §6."""

import pytest

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.fixture
def versions(lab):
    """A function with versions 1, 2 and 3; their timeout is their number."""
    for number in (1, 2, 3):
        if number == 1:
            lab.create(Timeout=1)
        else:
            lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=number)
            lab.settle()
        lab.call("PublishVersion", FunctionName="f")
        lab.settle()


def create(lab, name="prod", version="1", **params):
    return lab.call("CreateAlias", FunctionName="f", Name=name, FunctionVersion=version, **params)


def routed(**weights):
    return {"RoutingConfig": {"AdditionalVersionWeights": {key.removeprefix("v"): w for key, w in weights.items()}}}


def test_an_alias_is_answered_with_exactly_the_members_that_aws_gives(lab, versions):
    answer = create(lab, Description="what callers use")
    assert answer == {
        "AliasArn": f"{ARN}:prod",
        "Name": "prod",
        "FunctionVersion": "1",
        "Description": "what callers use",
        "RevisionId": answer["RevisionId"],
    }
    assert lab.call("GetAlias", FunctionName="f", Name="prod") == answer
    assert create(lab, "other")["Description"] == ""


def test_an_alias_with_a_routing_shows_it(lab, versions):
    answer = create(lab, **routed(v2=0.25))
    assert answer["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}
    assert lab.call("GetAlias", FunctionName="f", Name="prod") == answer


def test_a_taken_name_is_a_conflict(lab, versions):
    create(lab)
    error = lab.error("CreateAlias", FunctionName="f", Name="prod", FunctionVersion="2")
    assert (error.code, error.message) == ("ResourceConflictException", f"Alias already exists: {ARN}:prod")


@pytest.mark.parametrize(
    ("operation", "given", "message"),
    [
        ("GetAlias", {}, f"Cannot find alias arn: {ARN}:gone"),
        ("UpdateAlias", {}, f"Alias not found: {ARN}:gone"),
    ],
)
def test_a_missing_alias_is_told_in_each_operations_words(lab, versions, operation, given, message):
    error = lab.error(operation, FunctionName="f", Name="gone", **given)
    assert (error.code, error.message) == ("ResourceNotFoundException", message)


def test_deleting_a_missing_alias_succeeds(lab, versions):
    assert lab.call("DeleteAlias", FunctionName="f", Name="gone") == {}
    create(lab)
    lab.call("DeleteAlias", FunctionName="f", Name="prod")
    assert lab.error("GetAlias", FunctionName="f", Name="prod").code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("CreateAlias", {"Name": "prod", "FunctionVersion": "1"}),
        ("GetAlias", {"Name": "prod"}),
        ("UpdateAlias", {"Name": "prod"}),
        ("DeleteAlias", {"Name": "prod"}),
        ("ListAliases", {}),
    ],
)
def test_an_unknown_function_is_not_found(lab, operation, given):
    assert lab.error(operation, FunctionName="f", **given).message == f"Function not found: {ARN}"


@pytest.mark.parametrize(
    ("version", "weights", "code", "message"),
    [
        ("10", {}, "ResourceNotFoundException", f"Function not found: {ARN}:10"),
        ("$LATEST.PUBLISHED", {}, "ResourceNotFoundException", f"Function not found: {ARN}:$LATEST.PUBLISHED"),
        ("1", {"v10": 0.1}, "ResourceNotFoundException", f"Function not found: {ARN}:10"),
        (
            "1",
            {"v2": 0.1, "v3": 0.1},
            "InvalidParameterValueException",
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ),
        (
            "1",
            {"v1": 0.1},
            "InvalidParameterValueException",
            "Invalid function version 1. Function version 1 is already included in routing configuration.",
        ),
        (
            "$LATEST",
            {"v1": 0.1},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
    ],
)
def test_versions_that_an_alias_cannot_point_to(lab, versions, version, weights, code, message):
    given = {"FunctionName": "f", "Name": "prod", "FunctionVersion": version, **routed(**weights)}
    error = lab.error("CreateAlias", **given)
    assert (error.code, error.message) == (code, message)
    create(lab)
    error = lab.error("UpdateAlias", **given)
    assert (error.code, error.message) == (code, message)
    assert lab.call("GetAlias", FunctionName="f", Name="prod")["FunctionVersion"] == "1"


def test_both_versions_of_an_alias_need_the_same_role(lab, versions):
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Role="arn:aws:iam::123456789012:role/other")
    lab.settle()
    lab.call("PublishVersion", FunctionName="f")
    lab.settle()
    given = {"FunctionName": "f", "Name": "prod", "FunctionVersion": "1", **routed(v4=0.5)}
    assert lab.error("CreateAlias", **given).code == "InvalidParameterValueException"
    create(lab, **routed(v3=0.5))


def test_only_given_members_change_and_an_empty_routing_clears(lab, versions):
    first = create(lab, Description="text", **routed(v2=0.5))
    second = lab.call("UpdateAlias", FunctionName="f", Name="prod", FunctionVersion="3")
    assert {member for member in first if first[member] != second[member]} == {"FunctionVersion", "RevisionId"}
    third = lab.call("UpdateAlias", FunctionName="f", Name="prod", RoutingConfig={}, Description="")
    assert "RoutingConfig" not in third
    assert (third["FunctionVersion"], third["Description"]) == ("3", "")


def test_the_version_of_a_weight_cannot_become_the_main_one_by_accident(lab, versions):
    create(lab, **routed(v2=0.5))
    error = lab.error("UpdateAlias", FunctionName="f", Name="prod", FunctionVersion="2")
    assert error.message.startswith("Invalid function version 2. ")


def test_a_stale_revision_is_refused(lab, versions):
    stale = create(lab)["RevisionId"]
    present = lab.call("UpdateAlias", FunctionName="f", Name="prod")["RevisionId"]
    error = lab.error("UpdateAlias", FunctionName="f", Name="prod", RevisionId=stale)
    assert error.code == "PreconditionFailedException"
    assert "Call the GetFunction/GetAlias API" in error.message
    lab.call("UpdateAlias", FunctionName="f", Name="prod", RevisionId=present)


def test_aliases_are_listed_by_name_in_pages_and_by_version(lab, versions):
    for number in range(7):
        create(lab, f"a{number}", str(number % 2 + 1))
    first = lab.call("ListAliases", FunctionName="f", MaxItems=5)
    rest = lab.call("ListAliases", FunctionName="f", Marker=first["NextMarker"])
    assert [alias["Name"] for alias in first["Aliases"] + rest["Aliases"]] == [f"a{number}" for number in range(7)]
    assert "NextMarker" not in rest
    second = lab.call("ListAliases", FunctionName="f", FunctionVersion="2")["Aliases"]
    assert [alias["Name"] for alias in second] == ["a1", "a3", "a5"]
    assert lab.error("ListAliases", FunctionName="f", Marker="%%%").code == "InvalidParameterValueException"


def test_a_function_is_shown_by_its_alias(lab, versions):
    create(lab, version="2")
    shown = lab.call("GetFunction", FunctionName="f", Qualifier="prod")["Configuration"]
    assert (shown["FunctionArn"], shown["Version"], shown["Timeout"]) == (f"{ARN}:prod", "2", 2)
    assert lab.call("GetFunctionConfiguration", FunctionName="f:prod") == shown
    assert lab.error("GetFunction", FunctionName="f:dev").message == f"Function not found: {ARN}:dev"


def test_an_alias_runs_its_version_and_moves_without_its_callers(lab, versions):
    create(lab)
    assert lab.invoke("f:prod")["ExecutedVersion"] == "1"
    version, invocation = lab.engine.started[-1]
    assert (version.version, invocation.invoked_arn) == ("1", f"{ARN}:prod")
    lab.call("UpdateAlias", FunctionName="f", Name="prod", FunctionVersion="3")
    assert lab.invoke("f", Qualifier="prod")["ExecutedVersion"] == "3"
    lab.restart()
    assert lab.invoke("f:prod")["ExecutedVersion"] == "3"


def test_an_alias_and_its_version_share_their_environments(lab, versions):
    create(lab)
    lab.invoke("f:prod")
    lab.invoke("f:1")
    assert lab.engine.started[0][0] is lab.engine.started[1][0]


def test_an_alias_of_latest_runs_what_latest_is(lab, versions):
    create(lab, "dev", "$LATEST")
    answer = lab.invoke("f:dev")
    assert answer["ExecutedVersion"] == "$LATEST"
    assert lab.engine.started[-1][1].invoked_arn == f"{ARN}:dev"
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=7)
    lab.settle()
    lab.invoke("f:dev")
    assert lab.engine.started[-1][0].timeout_s == 7
    assert lab.call("GetFunction", FunctionName="f:dev")["Configuration"]["Version"] == "$LATEST"


def test_a_weighted_alias_chooses_anew_for_every_invocation(lab, versions):
    create(lab, **routed(v2=0.25))
    lab.draws += [0.0, 0.2499, 0.25, 0.9999]
    assert [lab.invoke("f:prod")["ExecutedVersion"] for _ in range(4)] == ["2", "2", "1", "1"]


@pytest.mark.parametrize(("weight", "expected"), [(0.0, "1"), (1.0, "2")])
def test_a_weight_may_be_nothing_or_everything(lab, versions, weight, expected):
    create(lab, **routed(v2=weight))
    lab.draws += [0.0, 0.999999]
    assert [lab.invoke("f:prod")["ExecutedVersion"] for _ in range(2)] == [expected] * 2


def test_an_alias_of_another_function_or_account_is_not_seen(lab, versions):
    create(lab)
    lab.create("g")
    assert lab.invoke_error("g:prod").message == "Function not found: " + ARN[:-1] + "g:prod"
    other = lab.context(account="999999999999")
    assert lab.error("GetAlias", other, FunctionName="f", Name="prod").code == "ResourceNotFoundException"
