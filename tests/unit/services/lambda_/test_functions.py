"""The operations on functions: facts/lambda-api.md §2-§5."""

import asyncio
import base64
import json
import re

import msgspec
import pytest

from samovar.core.errors import AwsError
from samovar.services.lambda_.function import Logging
from samovar.services.lambda_.listing import Listing
from samovar.store.table import Table

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
ROLE = "arn:aws:iam::123456789012:role/r"


def test_a_fresh_function_is_answered_with_exactly_the_members_that_aws_gives(lab, make_zip):
    created = lab.create()
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", created["RevisionId"])
    runtime_version = created["RuntimeVersionConfig"]["RuntimeVersionArn"]
    assert list(created.items()) == [
        ("FunctionName", "f"),
        ("FunctionArn", ARN),
        ("Runtime", "python3.12"),
        ("Role", ROLE),
        ("Handler", "h.handler"),
        ("CodeSize", len(make_zip("one"))),
        ("Description", ""),
        ("Timeout", 3),
        ("MemorySize", 128),
        ("LastModified", "2026-11-18T11:06:40.000+0000"),
        ("CodeSha256", created["CodeSha256"]),
        ("Version", "$LATEST"),
        ("TracingConfig", {"Mode": "PassThrough"}),
        ("RevisionId", created["RevisionId"]),
        ("State", "Pending"),
        ("StateReason", "The function is being created."),
        ("StateReasonCode", "Creating"),
        ("PackageType", "Zip"),
        ("Architectures", ["x86_64"]),
        ("EphemeralStorage", {"Size": 512}),
        ("SnapStart", {"ApplyOn": "None", "OptimizationStatus": "Off"}),
        ("RuntimeVersionConfig", {"RuntimeVersionArn": runtime_version}),
        ("LoggingConfig", {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}),
    ]


def test_an_active_function_has_lost_its_reasons_and_has_another_revision(lab):
    created = lab.create()
    active = lab.settle()
    changed = {member for member in created | active if created.get(member) != active.get(member)}
    assert changed == {"State", "StateReason", "StateReasonCode", "LastUpdateStatus", "RevisionId"}
    assert (active["State"], active["LastUpdateStatus"]) == ("Active", "Successful")
    assert not {"StateReason", "StateReasonCode", "LastUpdateStatusReason"} & active.keys()


def test_everything_that_can_be_kept_is_shown_again(lab, make_zip):
    given = {
        "Description": "what it does",
        "Timeout": 900,
        "MemorySize": 10240,
        "Environment": {"Variables": {"KEY": "välue"}},
        "KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
        "TracingConfig": {"Mode": "Active"},
        "EphemeralStorage": {"Size": 10240},
        "Architectures": ["x86_64"],
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/mine"},
    }
    lab.create(Tags={"team": "a"}, Code={"ZipFile": make_zip("one"), "SourceKMSKeyArn": "arn:aws:kms:x"}, **given)
    answer = lab.call("GetFunction", FunctionName="f")
    assert {member: answer["Configuration"][member] for member in given} == given
    assert answer["Tags"] == {"team": "a"}
    assert answer["Code"]["SourceKMSKeyArn"] == "arn:aws:kms:x"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"Environment": {}}, {"Environment": {"Variables": {}}}),
        ({"Environment": {"Variables": {}}}, {"Environment": {"Variables": {}}}),
        ({"Layers": [], "FileSystemConfigs": [], "DeadLetterConfig": {}, "ImageConfig": {}, "Publish": False}, {}),
        ({"SnapStart": {"ApplyOn": "None"}, "PackageType": "Zip", "Tags": {}, "LoggingConfig": {}}, {}),
        (
            {"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}},
            {"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}},
        ),
    ],
)
def test_an_empty_member_asks_for_nothing(lab, given, shown):
    plain = lab.create("plain").keys()
    created = lab.create(**given)
    assert {member: created[member] for member in created.keys() - plain} == shown


def test_members_that_were_never_given_are_absent(lab):
    answer = lab.create() and lab.call("GetFunction", FunctionName="f")
    assert answer.keys() == {"Configuration", "Code"}
    assert not {"Environment", "KMSKeyArn", "VpcConfig", "Layers", "DeadLetterConfig"} & answer["Configuration"].keys()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"PublishTo": "LATEST_PUBLISHED"}, "PublishTo"),
        ({"VpcConfig": {"Ipv6AllowedForDualStack": True}}, "VpcConfig.Ipv6AllowedForDualStack"),
        ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "TenancyConfig"),
        ({"DurableConfig": {"ExecutionTimeout": 1}}, "DurableConfig"),
        ({"CapacityProviderConfig": {"x": 1}}, "CapacityProviderConfig"),
        ({"RuntimeConfig": {"RuntimeArn": "x"}}, "RuntimeConfig"),
        ({"AcceleratorConfig": {"AcceleratorMemorySize": 1}}, "AcceleratorConfig"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name_and_leaves_nothing(lab, given, named):
    with pytest.raises(AwsError) as caught:
        lab.create(**given)
    assert caught.value.code == "NotImplementedException"
    assert caught.value.message == f"{named} is not implemented by this server yet."
    assert lab.call("ListFunctions") == {"Functions": []}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Runtime": "python4.0"}, "Value python4.0 at 'runtime' failed to satisfy constraint: Member must satisfy "),
        (
            {"Runtime": "python3.7"},
            "The runtime parameter of python3.7 is no longer supported for creating or updating",
        ),
        (
            {"Handler": ""},
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ),
        ({"Architectures": ["arm64"]}, "Architectures=[arm64]: this machine runs x86_64 functions only."),
        (
            {"Timeout": 901},
            "'Timeout' value failed to satisfy constraint: Member must have value less than or equal to 900",
        ),
        (
            {"MemorySize": 10241},
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or ",
        ),
        ({"EphemeralStorage": {"Size": 10241}}, "'EphemeralStorage.Size' value failed to satisfy constraint: Member "),
        ({"LoggingConfig": {"SystemLogLevel": "INFO"}}, "LoggingConfig.SystemLogLevel can only be set when "),
        (
            {"LoggingConfig": {"LogFormat": "Text", "ApplicationLogLevel": "WARN"}},
            "LoggingConfig.ApplicationLogLevel can only be set when LoggingConfig.LogFormat is JSON.",
        ),
        ({"LoggingConfig": {"LogGroup": "aws/mine"}}, "LoggingConfig.LogGroup can't begin with aws/: "),
        ({"Tags": {str(n): "" for n in range(51)}}, "Number of tags exceeds resource tag limit."),
        ({"Code": {}}, "Please provide a source for function code."),
        ({"Code": {"ImageUri": "i"}}, "Please don't provide ImageUri when creating a function with packageType Zip."),
        (
            {"Code": {"ZipFile": b"x", "S3Key": "k"}},
            "Please do not provide other FunctionCode parameters when providing a ZipFile.",
        ),
        (
            {"Code": {"ZipFile": b"not a zip"}},
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        ({"Code": {"ZipFile": b""}}, "Uploaded file must be a non-empty zip"),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x", "OK": "y", "_HANDLER": "z"}}},
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            "Reserved keys used in this request: AWS_REGION, _HANDLER",
        ),
    ],
)
def test_wrong_parameters_are_refused_in_aws_words_and_leave_nothing(lab, given, message):
    with pytest.raises(AwsError) as caught:
        lab.create(**given)
    assert caught.value.code == "InvalidParameterValueException"
    assert caught.value.message.startswith(message)
    assert lab.call("ListFunctions") == {"Functions": []}


@pytest.mark.parametrize("character", ["x", "é"])
def test_variables_may_have_4096_bytes_as_compact_json(lab, character):
    room = 4096 - len('{"KEY":""}')
    fits = character * (room // len(character.encode()))
    lab.create(Environment={"Variables": {"KEY": fits}})
    with pytest.raises(AwsError) as caught:
        lab.create("g", Environment={"Variables": {"KEY": fits + character}})
    assert caught.value.code == "InvalidParameterValueException"
    measured = json.dumps({"KEY": fits + character}, separators=(",", ":"), ensure_ascii=False)
    assert caught.value.message == (
        "Lambda was unable to configure your environment variables because the environment variables you have "
        f"provided exceeded the 4KB limit. String measured: {measured}"
    )


def test_a_runtime_that_this_machine_lacks_is_refused_with_what_to_do(lab):
    lab.engine.missing["nodejs24.x"] = "nodejs24.x is not here; found: python3.12"
    with pytest.raises(AwsError) as caught:
        lab.create(Runtime="nodejs24.x")
    assert caught.value.code == "InvalidParameterValueException"
    assert caught.value.message == "nodejs24.x is not here; found: python3.12"


def test_a_taken_name_is_a_conflict(lab):
    lab.create()
    with pytest.raises(AwsError) as caught:
        lab.create(FunctionName=ARN)
    assert (caught.value.code, caught.value.message) == ("ResourceConflictException", "Function already exist: f")


def test_of_simultaneous_creations_exactly_one_wins(lab):
    async def race():
        return await asyncio.gather(*(lab.acreate() for _ in range(8)), return_exceptions=True)

    outcomes = lab.runner.run(race())
    conflicts = [outcome for outcome in outcomes if isinstance(outcome, AwsError)]
    assert len(conflicts) == 7
    assert {conflict.code for conflict in conflicts} == {"ResourceConflictException"}


def test_accounts_and_regions_dont_see_each_other(lab):
    lab.create()
    for other in (lab.context(account="999999999999"), lab.context(region="eu-west-1")):
        assert lab.error("GetFunction", other, FunctionName="f").code == "ResourceNotFoundException"
        assert lab.error("DeleteFunction", other, FunctionName="f").code == "ResourceNotFoundException"
        assert lab.call("ListFunctions", other) == {"Functions": []}
        with pytest.raises(AwsError):
            lab.invoke(ctx=other)
    assert lab.call("GetFunction", FunctionName="f")


@pytest.mark.parametrize(
    "operation",
    ["GetFunction", "GetFunctionConfiguration", "UpdateFunctionCode", "UpdateFunctionConfiguration", "DeleteFunction"],
)
def test_an_unknown_function_is_not_found_without_a_qualifier_in_the_text(lab, operation):
    error = lab.error(operation, FunctionName="f")
    assert (error.code, error.message) == ("ResourceNotFoundException", f"Function not found: {ARN}")


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("operation", ["GetFunction", "GetFunctionConfiguration"])
@pytest.mark.parametrize("asked", [{"FunctionName": "f", "Qualifier": "1"}, {"FunctionName": "f:1"}])
def test_an_unknown_qualifier_is_not_found_with_it_in_the_text(lab, operation, asked, exists):
    if exists:
        lab.create()
    assert lab.error(operation, **asked).message == f"Function not found: {ARN}:1"


def test_the_latest_version_shows_its_qualifier_when_it_was_asked_for(lab):
    lab.create()
    shown = lab.call("GetFunctionConfiguration", FunctionName="f", Qualifier="$LATEST")
    assert (shown["FunctionArn"], shown["Version"]) == (f"{ARN}:$LATEST", "$LATEST")


def test_an_update_is_in_progress_in_its_answer_and_changes_the_revision_twice(lab):
    lab.create()
    before = lab.settle()
    lab.clock.advance(1)
    answer = lab.call(
        "UpdateFunctionConfiguration", FunctionName="f", Timeout=9, Environment={"Variables": {"AB": "1"}}
    )
    assert (answer["State"], answer["LastUpdateStatus"]) == ("Active", "InProgress")
    assert answer["LastUpdateStatusReason"] == "The function is being created."
    assert answer["LastUpdateStatusReasonCode"] == "Creating"
    assert answer["LastModified"] == "2026-11-18T11:06:41.000+0000"
    after = lab.settle()
    assert len({before["RevisionId"], answer["RevisionId"], after["RevisionId"]}) == 3
    changed = {member for member in before | after if before.get(member) != after.get(member)}
    assert changed == {"Timeout", "Environment", "LastModified", "RevisionId"}


def test_an_update_that_changes_nothing_changes_the_revision_twice_as_well(lab):
    lab.create()
    before = lab.settle()
    answer = lab.call("UpdateFunctionConfiguration", FunctionName="f")
    after = lab.settle()
    assert len({before["RevisionId"], answer["RevisionId"], after["RevisionId"]}) == 3


def test_only_given_members_change_and_empty_ones_clear(lab):
    lab.create(Description="old", Environment={"Variables": {"AB": "1"}}, KMSKeyArn="arn:aws:kms:k")
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Description="", Environment={}, KMSKeyArn="")
    shown = lab.settle()
    assert shown["Description"] == ""
    assert shown["Environment"] == {"Variables": {}}
    assert "KMSKeyArn" not in shown
    assert shown["Handler"] == "h.handler"


def test_new_code_changes_what_code_is_and_nothing_else(lab, make_zip):
    lab.create()
    before = lab.settle()
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("another one"))
    after = lab.settle()
    changed = {member for member in before | after if before.get(member) != after.get(member)}
    assert changed == {"CodeSha256", "CodeSize", "RevisionId"}
    assert after["CodeSize"] == len(make_zip("another one"))


def test_a_dry_run_shows_the_code_that_would_be_and_changes_nothing(lab, make_zip):
    lab.create()
    before = lab.settle()
    answer = lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"), DryRun=True)
    assert answer["CodeSha256"] != before["CodeSha256"]
    assert lab.settle() == before


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"ZipFile": b"no zip"}, "InvalidParameterValueException", "Could not unzip uploaded file. Please check your "),
        ({}, "InvalidParameterValueException", "Please provide a source for function code."),
        (
            {"ImageUri": "i"},
            "InvalidParameterValueException",
            "Please don't provide ImageUri when updating a function with packageType Zip.",
        ),
        ({"S3Bucket": "b"}, "InvalidParameterValueException", "Please provide a source for function code."),
        (
            {"ZipFile": b"", "Architectures": ["arm64"]},
            "InvalidParameterValueException",
            "Architectures=[arm64]: this ",
        ),
    ],
)
def test_a_refused_code_update_changes_nothing(lab, given, code, message):
    lab.create()
    before = lab.settle()
    error = lab.error("UpdateFunctionCode", FunctionName="f", **given)
    assert error.code == code
    assert error.message.startswith(message)
    assert lab.settle() == before


@pytest.mark.parametrize(
    ("operation", "given"), [("UpdateFunctionCode", {"ZipFile": b""}), ("UpdateFunctionConfiguration", {})]
)
def test_a_stale_revision_is_refused(lab, operation, given):
    stale = lab.create()["RevisionId"]
    error = lab.error(operation, FunctionName="f", RevisionId=stale, **given)
    assert error.code == "PreconditionFailedException"
    assert error.message == (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )


def test_the_present_revision_is_accepted(lab):
    lab.create()
    revision = lab.settle()["RevisionId"]
    assert lab.call("UpdateFunctionConfiguration", FunctionName="f", RevisionId=revision, Timeout=4)["Timeout"] == 4


def test_a_pending_function_cannot_be_updated(lab):
    async def update_at_once():
        await lab.acreate()
        await lab.acall("UpdateFunctionConfiguration", FunctionName="f")

    with pytest.raises(AwsError) as caught:
        lab.runner.run(update_at_once())
    assert caught.value.code == "ResourceConflictException"
    assert caught.value.message == (
        "The operation cannot be performed at this time. The function is currently in the following state: Pending"
    )


def test_one_update_at_a_time(lab):
    async def update_twice():
        await lab.acall("UpdateFunctionConfiguration", FunctionName="f", Timeout=5)
        await lab.acall("UpdateFunctionConfiguration", FunctionName="f", Timeout=6)

    lab.create()
    with pytest.raises(AwsError) as caught:
        lab.runner.run(update_twice())
    assert caught.value.code == "ResourceConflictException"
    assert caught.value.message == (
        f"The operation cannot be performed at this time. An update is in progress for resource: {ARN}"
    )
    assert lab.settle()["Timeout"] == 5


def test_a_runtime_past_its_update_date_blocks_updates(lab):
    lab.create(Runtime="python3.9")
    lab.clock.advance(200 * 86400)
    for operation, given in (("UpdateFunctionConfiguration", {"Timeout": 5}), ("UpdateFunctionCode", {"ZipFile": b""})):
        error = lab.error(operation, FunctionName="f", **given)
        assert error.message.startswith("The runtime parameter of python3.9 is no longer supported for creating or ")
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Runtime="python3.13")
    assert lab.settle()["Runtime"] == "python3.13"


def test_a_version_cannot_be_updated(lab):
    lab.create()
    assert lab.error("UpdateFunctionConfiguration", FunctionName="f:1").message == f"Function not found: {ARN}:1"


def test_a_deleted_function_is_gone_and_its_environments_are_retired(lab):
    lab.create()
    revision = lab.settle()["RevisionId"]
    assert lab.call("DeleteFunction", FunctionName=ARN) == {"StatusCode": 204}
    assert lab.engine.retired == [f"{ARN}:{revision}"]
    assert lab.error("GetFunction", FunctionName="f").code == "ResourceNotFoundException"
    assert lab.create()["State"] == "Pending"


def test_deleting_a_missing_version_succeeds_while_the_function_exists(lab):
    lab.create()
    assert lab.call("DeleteFunction", FunctionName="f", Qualifier="7") == {"StatusCode": 204}
    assert lab.call("GetFunction", FunctionName="f")
    assert lab.error("DeleteFunction", FunctionName="g", Qualifier="7").message == (
        "Function not found: arn:aws:lambda:us-east-1:123456789012:function:g"
    )


@pytest.mark.parametrize(
    ("qualifier", "message"),
    [
        ("$LATEST", "$LATEST version cannot be deleted without deleting the function."),
        ("prod", "Deletion of aliases is not currently supported."),
    ],
)
def test_neither_latest_nor_an_alias_can_be_deleted_here(lab, qualifier, message):
    lab.create()
    error = lab.error("DeleteFunction", FunctionName="f", Qualifier=qualifier)
    assert (error.code, error.message) == ("InvalidParameterValueException", message)
    assert lab.call("GetFunction", FunctionName="f")


def test_a_list_shows_no_states(lab):
    lab.create()
    shown = lab.settle()
    (item,) = lab.call("ListFunctions")["Functions"]
    hidden = {"State", "LastUpdateStatus", "RuntimeVersionConfig"}
    assert item == {member: value for member, value in shown.items() if member not in hidden}


def test_a_list_shows_a_function_as_it_is_now(lab):
    """Items are kept as long as nothing changes."""
    lab.create()
    for given in ({"Description": "one"}, {"Description": "two"}, {"MemorySize": 256}):
        lab.call("UpdateFunctionConfiguration", FunctionName="f", **given)
        for _ in range(2):
            (item,) = lab.call("ListFunctions")["Functions"]
            shown = lab.call("GetFunctionConfiguration", FunctionName="f")
            assert item == {member: shown[member] for member in item}
        lab.settle()
    lab.call("PublishVersion", FunctionName="f")
    listed = lab.call("ListVersionsByFunction", FunctionName="f")["Versions"]
    assert [each["Version"] for each in listed] == ["$LATEST", "1"]
    lab.call("DeleteFunction", FunctionName="f")
    lab.create(Description="three")
    assert lab.call("ListFunctions")["Functions"][0]["Description"] == "three"


def test_a_list_of_all_versions_qualifies_the_arns(lab):
    lab.create()
    (item,) = lab.call("ListFunctions", FunctionVersion="ALL")["Functions"]
    assert item["FunctionArn"] == f"{ARN}:$LATEST"
    assert lab.call("ListFunctions", FunctionVersion="ALL", MasterRegion="us-east-1") == {"Functions": []}
    assert len(lab.call("ListFunctions", FunctionVersion="ALL", MasterRegion="ALL")["Functions"]) == 1


def test_a_page_has_50_functions_at_most_and_the_marker_goes_on(lab):
    async def create_many():
        await asyncio.gather(*(lab.acreate(f"f{number:02}") for number in range(53)))

    lab.runner.run(create_many())
    names, marker = [], {}
    sizes = []
    for max_items in (10000, 2, 2):
        page = lab.call("ListFunctions", MaxItems=max_items, **marker)
        names += [item["FunctionName"] for item in page["Functions"]]
        sizes.append(len(page["Functions"]))
        marker = {"Marker": page.get("NextMarker")}
    assert sizes == [50, 2, 1]
    assert marker == {"Marker": None}
    assert names == [f"f{number:02}" for number in range(53)]


def test_a_marker_that_we_never_gave_is_refused(lab):
    assert lab.error("ListFunctions", Marker="%%%").code == "InvalidParameterValueException"


def test_after_a_restart_every_function_is_there_and_nothing_is_in_transition(lab):
    async def stop_before_it_settles():
        await lab.acreate("new")
        await lab.acall("UpdateFunctionConfiguration", FunctionName="old", Timeout=7)

    lab.create("old", Tags={"a": "b"})
    lab.runner.run(stop_before_it_settles())
    lab.restart()
    for name, timeout in (("old", 7), ("new", 3)):
        shown = lab.call("GetFunctionConfiguration", FunctionName=name)
        assert (shown["State"], shown["LastUpdateStatus"], shown["Timeout"]) == ("Active", "Successful", timeout)
        assert "StateReason" not in shown and "LastUpdateStatusReason" not in shown
        assert lab.invoke(name)["StatusCode"] == 200
    assert lab.call("GetFunction", FunctionName="old")["Tags"] == {"a": "b"}


def test_a_reset_forgets_every_function(lab):
    lab.create()
    lab.create("g")
    lab.runner.run(lab.service.reset())
    assert lab.call("ListFunctions") == {"Functions": []}
    assert len(lab.engine.retired) == 2
    with pytest.raises(AwsError):
        lab.invoke()
    lab.restart()
    assert lab.call("ListFunctions") == {"Functions": []}


def test_operations_that_arent_there_yet_are_not_pretended(lab):
    absent = {"listdurableexecutionsbyfunction", "createcapacityprovider", "putfunctionscalingconfig"}
    assert not absent & (set(lab.service.operations) | set(lab.service.direct))
    assert set(lab.service.direct) == {"invoke", "invokeasync", "invokewithresponsestream"}


def test_a_function_kept_before_there_were_json_logs_still_reads():
    kept = msgspec.json.decode(b'{"format":"Text","group":"/g"}', type=Logging)
    assert kept == Logging("Text", "/g")


@pytest.mark.parametrize("given", [{}, {"FunctionVersion": "ALL"}])
def test_a_page_of_functions_is_made_without_the_other_functions(lab, monkeypatch, given):
    """facts/lambda-api.md §1: paging. However many there are, a page costs what it shows."""
    for number in range(30):
        lab.create(f"f{number:02d}", Publish=number % 2 == 0)
    every = []
    page = lab.call("ListFunctions", MaxItems=7, **given)
    while True:
        every += [(item["FunctionName"], item["Version"]) for item in page["Functions"]]
        if "NextMarker" not in page:
            break
        page = lab.call("ListFunctions", MaxItems=7, Marker=page["NextMarker"], **given)
    assert every == sorted(set(every)) and len(every) == (45 if given else 30)

    shown = []
    item = Listing.item
    monkeypatch.setattr(Listing, "item", lambda *each: shown.append(each) or item(*each))
    taken = []
    scan = Table.scan
    monkeypatch.setattr(Table, "scan", lambda *asked: (taken.append(each) or each for each in scan(*asked)))
    lab.call("ListFunctions", MaxItems=7, Marker=page_marker("f20\0$LATEST" if given else "f20"), **given)
    assert len(shown) == 7
    assert len(taken) < 20


def page_marker(key):
    return base64.urlsafe_b64encode(key.encode()).decode()
