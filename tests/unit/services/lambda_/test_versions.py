"""Versions: facts/lambda-api.md §4.3, §4.4, §6."""

import asyncio
import json

import pytest

from samovar.core.errors import AwsError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def publish(lab, **params):
    """Publish and wait until the version is active; the answer."""
    answer = lab.call("PublishVersion", FunctionName="f", **params)
    lab.settle()
    return answer


def shown(lab, qualifier=None):
    given = {"Qualifier": qualifier} if qualifier else {}
    return lab.call("GetFunctionConfiguration", FunctionName="f", **given)


def ran(lab):
    """The version that the last invocation ran."""
    return lab.engine.started[-1][0]


def test_a_version_is_pending_in_its_answer_and_active_soon_after(lab):
    lab.create()
    latest = lab.settle()
    answer = publish(lab)
    assert (answer["FunctionArn"], answer["Version"]) == (f"{ARN}:1", "1")
    assert (answer["State"], answer["StateReasonCode"]) == ("Pending", "Creating")
    assert answer["LastUpdateStatus"] == "Successful"
    version = shown(lab, "1")
    changed = {member for member in version | latest if version.get(member) != latest.get(member)}
    assert changed == {"FunctionArn", "Version", "RevisionId"}
    assert (version["State"], version["LastUpdateStatus"]) == ("Active", "Successful")
    assert version["RevisionId"] != answer["RevisionId"]


def test_publishing_changes_the_revision_of_latest_and_nothing_else_of_it(lab):
    lab.create()
    before = lab.settle()
    publish(lab)
    after = shown(lab)
    assert {member for member in before | after if before.get(member) != after.get(member)} == {"RevisionId"}


def test_what_runs_of_latest_goes_on_when_a_version_is_published(lab):
    lab.create()
    lab.invoke()
    before = ran(lab).key
    publish(lab)
    lab.invoke()
    assert ran(lab).key == before
    assert lab.engine.retired == []


def test_publishing_again_without_a_change_gives_the_same_version(lab):
    lab.create()
    first = publish(lab, Description="first")
    latest = shown(lab)
    again = publish(lab, Description="another text")
    assert (again["Version"], again["Description"]) == ("1", "first")
    assert again["RevisionId"] != first["RevisionId"]  # it has become active
    assert shown(lab) == latest


@pytest.mark.parametrize("change", [{"Timeout": 9}, {"Description": "x"}, {"Environment": {"Variables": {"AB": "1"}}}])
def test_after_a_change_of_configuration_there_is_a_new_version(lab, change):
    lab.create()
    publish(lab)
    lab.call("UpdateFunctionConfiguration", FunctionName="f", **change)
    lab.settle()
    assert publish(lab)["Version"] == "2"
    assert shown(lab, "1") | change != shown(lab, "1")
    assert shown(lab, "2") | change == shown(lab, "2")


def test_an_update_that_changed_nothing_is_no_reason_for_a_new_version(lab):
    lab.create()
    publish(lab)
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=3)
    lab.settle()
    assert publish(lab)["Version"] == "1"


def test_a_versions_description_is_its_own(lab):
    lab.create(Description="of the function")
    assert publish(lab, Description="of the version")["Description"] == "of the version"
    assert shown(lab)["Description"] == "of the function"
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
    lab.settle()
    assert publish(lab)["Description"] == "of the function"


def test_a_version_keeps_code_and_configuration_whatever_becomes_of_the_function(lab, make_zip):
    lab.create(Timeout=5)
    publish(lab)
    first = shown(lab, "1")
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
    lab.settle()
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"))
    lab.settle()
    assert shown(lab, "1") == first
    lab.clock.advance(16 * 60)
    lab.create("other", Code={"ZipFile": make_zip("three")})  # sweeps what is out of use
    lab.restart()
    answer = lab.invoke(Qualifier="1")
    assert answer["ExecutedVersion"] == "1"
    version, invocation = lab.engine.started[0]
    assert (version.version, version.timeout_s, version.function_arn) == ("1", 5, ARN)
    assert invocation.invoked_arn == f"{ARN}:1"
    assert "'one'" in (lab.directory / "trees" / version.code / "h.py").read_text()


def test_the_versions_run_beside_latest_in_environments_of_their_own(lab):
    lab.create()
    publish(lab)
    lab.invoke()
    lab.invoke(Qualifier="1")
    assert lab.invoke("f:1")["ExecutedVersion"] == "1"
    latest, by_qualifier, by_name = (version.key for version, _ in lab.engine.started)
    assert latest != by_qualifier == by_name


def test_a_pending_version_cannot_be_invoked_yet(lab):
    async def publish_and_invoke():
        await lab.acall("PublishVersion", FunctionName="f")
        lab.service.direct["invoke"](lab.ctx, {"FunctionName": "f", "Qualifier": "1"}, lambda answer: None)

    lab.create()
    with pytest.raises(AwsError) as caught:
        lab.runner.run(publish_and_invoke())
    assert caught.value.code == "ResourceConflictException"
    assert caught.value.message.endswith("The function is currently in the following state: Pending")


def test_create_can_publish_and_answers_the_version_with_an_unqualified_arn(lab):
    created = lab.create(Publish=True)
    assert (created["FunctionArn"], created["Version"], created["State"]) == (ARN, "1", "Pending")
    assert "LastUpdateStatus" not in created
    assert shown(lab, "1")["State"] == "Active"
    assert (shown(lab)["Version"], shown(lab)["State"]) == ("$LATEST", "Active")
    assert publish(lab)["Version"] == "1"


def test_a_code_update_can_publish(lab, make_zip):
    lab.create(Publish=True)
    answer = lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"), Publish=True)
    assert (answer["FunctionArn"], answer["Version"]) == (f"{ARN}:2", "2")
    assert (answer["State"], answer["LastUpdateStatus"]) == ("Pending", "Successful")
    latest = lab.settle()
    assert shown(lab, "2")["CodeSha256"] == latest["CodeSha256"] != shown(lab, "1")["CodeSha256"]
    assert shown(lab, "2")["State"] == "Active"


def test_a_code_update_with_the_same_code_publishes_no_second_version(lab, make_zip):
    lab.create(Publish=True)
    answer = lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("one"), Publish=True)
    assert (answer["FunctionArn"], answer["Version"]) == (f"{ARN}:1", "1")
    assert lab.settle()["LastUpdateStatus"] == "Successful"
    assert len(lab.call("ListVersionsByFunction", FunctionName="f")["Versions"]) == 2


def test_the_code_can_be_named_by_its_digest(lab):
    current = lab.create() and lab.settle()["CodeSha256"]
    assert publish(lab, CodeSha256=current)["Version"] == "1"
    error = lab.error("PublishVersion", FunctionName="f", CodeSha256="other")
    assert (error.code, error.message) == (
        "InvalidParameterValueException",
        f"CodeSHA256 (other) is different from current CodeSHA256 in $LATEST ({current}). "
        "Please try again with the CodeSHA256 in $LATEST.",
    )


def test_publishing_a_stale_revision_is_refused(lab):
    stale = lab.create()["RevisionId"]
    assert lab.error("PublishVersion", FunctionName="f", RevisionId=stale).code == "PreconditionFailedException"
    assert publish(lab, RevisionId=shown(lab)["RevisionId"])["Version"] == "1"


@pytest.mark.parametrize("before", ["CreateFunction", "UpdateFunctionConfiguration"])
def test_nothing_is_published_in_transition(lab, before):
    async def publish_at_once():
        if before == "CreateFunction":
            await lab.acreate()
        else:
            await lab.acall(before, FunctionName="f", Timeout=8)
        await lab.acall("PublishVersion", FunctionName="f")

    if before != "CreateFunction":
        lab.create()
    with pytest.raises(AwsError) as caught:
        lab.runner.run(publish_at_once())
    assert caught.value.code == "ResourceConflictException"


def test_of_simultaneous_publications_all_answer_the_same_version(lab):
    async def race():
        return await asyncio.gather(*(lab.acall("PublishVersion", FunctionName="f") for _ in range(8)))

    lab.create()
    assert {answer["Version"] for answer in lab.runner.run(race())} == {"1"}


def test_an_unknown_function_has_no_versions(lab):
    for operation in ("PublishVersion", "ListVersionsByFunction"):
        assert lab.error(operation, FunctionName="f").message == f"Function not found: {ARN}"


def test_versions_are_listed_by_number_after_latest(lab):
    lab.create()
    for timeout in range(1, 12):
        lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=timeout)
        lab.settle()
        publish(lab)
    found, marker, sizes = [], {}, []
    while True:
        page = lab.call("ListVersionsByFunction", FunctionName="f", MaxItems=5, **marker)
        found += page["Versions"]
        sizes.append(len(page["Versions"]))
        if "NextMarker" not in page:
            break
        marker = {"Marker": page["NextMarker"]}
    assert sizes == [5, 5, 2]
    assert [item["Version"] for item in found] == ["$LATEST", *map(str, range(1, 12))]
    assert [item["FunctionArn"] for item in found[:2]] == [f"{ARN}:$LATEST", f"{ARN}:1"]
    assert [item["Timeout"] for item in found] == [11, *range(1, 12)]
    assert not {"State", "LastUpdateStatus", "RuntimeVersionConfig"} & found[1].keys()


def test_a_list_of_all_functions_can_hold_their_versions(lab):
    lab.create(Publish=True)
    lab.create("f2")
    everything = lab.call("ListFunctions", FunctionVersion="ALL")["Functions"]
    listed = [item["FunctionArn"].removeprefix(ARN) for item in everything]
    assert listed == [":$LATEST", ":1", "2:$LATEST"]
    first = lab.call("ListFunctions", FunctionVersion="ALL", MaxItems=1)
    rest = lab.call("ListFunctions", FunctionVersion="ALL", Marker=first["NextMarker"])
    assert first["Functions"] + rest["Functions"] == everything
    assert [item["FunctionName"] for item in lab.call("ListFunctions")["Functions"]] == ["f", "f2"]


def test_a_deleted_version_is_gone_and_its_number_is_never_given_again(lab, make_zip):
    lab.create(Publish=True)
    lab.invoke(Qualifier="1")
    assert lab.call("DeleteFunction", FunctionName="f", Qualifier="1") == {"StatusCode": 204}
    assert lab.engine.retired == [ran(lab).key]
    assert lab.error("GetFunction", FunctionName="f:1").message == f"Function not found: {ARN}:1"
    assert lab.invoke_error(Qualifier="1").message == f"Function not found: {ARN}:1"
    lab.restart()
    assert publish(lab)["Version"] == "2"
    assert lab.call("DeleteFunction", FunctionName="f:2") == {"StatusCode": 204}
    assert publish(lab)["Version"] == "3"


def test_a_version_that_an_alias_uses_cannot_be_deleted(lab):
    lab.create(Publish=True)
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
    lab.settle()
    publish(lab)
    routing = {"AdditionalVersionWeights": {"2": 0.5}}
    lab.call("CreateAlias", FunctionName="f", Name="prod", FunctionVersion="1", RoutingConfig=routing)
    lab.call("CreateAlias", FunctionName="f", Name="also", FunctionVersion="1")
    for number, users in (("1", "also, prod"), ("2", "prod")):
        error = lab.error("DeleteFunction", FunctionName="f", Qualifier=number)
        assert (error.code, error.message) == (
            "ResourceConflictException",
            f"Unable to delete version because the following aliases reference it: [{users}]",
        )
    lab.call("DeleteAlias", FunctionName="f", Name="prod")
    lab.call("DeleteFunction", FunctionName="f", Qualifier="2")
    assert lab.error("GetFunction", FunctionName="f", Qualifier="2")


def test_with_the_function_all_its_versions_go(lab):
    lab.create(Publish=True)
    lab.call("CreateAlias", FunctionName="f", Name="prod", FunctionVersion="1")
    lab.create("f2", Publish=True)
    lab.call("DeleteFunction", FunctionName="f")
    assert len(lab.engine.retired) == 2
    lab.restart()
    lab.create()
    assert lab.error("GetFunction", FunctionName="f:1").code == "ResourceNotFoundException"
    assert lab.error("GetAlias", FunctionName="f", Name="prod").code == "ResourceNotFoundException"
    assert publish(lab)["Version"] == "1"
    assert lab.invoke("f2:1")["ExecutedVersion"] == "1"


def test_a_number_with_zeros_before_it_is_nobody(lab):
    lab.create(Publish=True)
    assert lab.error("GetFunction", FunctionName="f", Qualifier="01").message == f"Function not found: {ARN}:01"
    assert lab.error("GetFunction", FunctionName="f", Qualifier="9" * 128).code == "ResourceNotFoundException"


def test_the_location_of_a_versions_code_downloads_that_code(lab, make_zip):
    lab.create(Publish=True)
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"))
    lab.settle()
    url = lab.call("GetFunction", FunctionName="f:1")["Code"]["Location"]
    path, _, query = url.removeprefix("http://127.0.0.1:4566").partition("?")
    assert lab.runner.run(lab.download(path, query)) == make_zip("one")


def test_after_a_stop_in_the_middle_of_publishing_the_version_is_active(lab):
    async def stop_before_it_settles():
        await lab.acall("PublishVersion", FunctionName="f")

    lab.create()
    lab.runner.run(stop_before_it_settles())
    lab.restart()
    assert shown(lab, "1")["State"] == "Active"
    assert lab.invoke(Qualifier="1")["ExecutedVersion"] == "1"


def test_tagging_a_pending_function_does_not_keep_it_from_becoming_active(lab):
    async def tag_at_once():
        await lab.acreate()
        await lab.acall("TagResource", Resource=ARN, Tags={"a": "b"})

    lab.runner.run(tag_at_once())
    assert lab.settle()["State"] == "Active"
    assert lab.call("GetFunction", FunctionName="f")["Tags"] == {"a": "b"}


def test_a_record_written_before_there_were_versions_still_reads(lab):
    """What version 0.1.0's first build kept: no counter, no reservation, no layers."""
    lab.create()
    lab.runner.run(lab.service.close())

    async def strip():
        ((key, text),) = await lab.store.query("SELECT key, value FROM records WHERE name = ?", ("lambda.functions",))
        record = json.loads(text)
        for member in ("published", "reserved", "recursive_loop"):
            del record[member]
        del record["configuration"]["layers"]
        sql = "UPDATE records SET value = ? WHERE name = 'lambda.functions' AND key = ?"
        await lab.store.transact((sql, (json.dumps(record), key)))

    lab.runner.run(strip())
    lab.restart()
    assert lab.invoke()["ExecutedVersion"] == "$LATEST"
    assert publish(lab)["Version"] == "1"
