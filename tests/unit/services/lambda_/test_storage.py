"""How much code an account may keep (facts/lambda-api.md §4.5)."""

import pytest

from samovar.services.lambda_ import storage


@pytest.fixture
def room(monkeypatch, make_zip):
    """Sets for how many of these zips there is room."""

    def room(zips):
        monkeypatch.setattr(storage, "TOTAL_LIMIT", zips * len(make_zip("one")) + 10)

    return room


def test_what_exceeds_the_accounts_storage_is_refused_and_leaves_nothing(lab, room, make_zip):
    room(3)
    lab.create(Publish=True)
    lab.call("PublishLayerVersion", LayerName="l", Content={"ZipFile": make_zip("two")})
    refusals = [
        lab.error("PublishLayerVersion", LayerName="m", Content={"ZipFile": make_zip("two")}),
        lab.error("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two")),
    ]
    assert {(each.code, each.message) for each in refusals} == {
        ("CodeStorageExceededException", "Code storage limit exceeded.")
    }
    assert lab.call("ListLayers")["Layers"][0]["LayerName"] == "l"
    assert lab.call("GetAccountSettings")["AccountUsage"]["TotalCodeSize"] == 3 * len(make_zip("one"))


def test_a_version_is_a_copy_and_a_deleted_one_makes_room(lab, room):
    room(2)
    lab.create(Publish=True)
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=7)
    lab.settle()
    assert lab.error("PublishVersion", FunctionName="f").code == "CodeStorageExceededException"
    lab.call("DeleteFunction", FunctionName="f", Qualifier="1")
    assert lab.call("PublishVersion", FunctionName="f")["Version"] == "2"


def test_another_account_has_room_of_its_own(lab, room):
    room(1)
    lab.create()
    lab.ctx = lab.context("210987654321")
    lab.create()
