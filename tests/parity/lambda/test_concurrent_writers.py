"""Several writers on one function: nobody's change is lost, whoever was late is told so (facts/lambda-api.md §4.4)."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

WRITERS = 4
CHANGES = 8
LATE = {"PreconditionFailedException": 412, "ResourceConflictException": 409}


def at_once(write):
    """Let each writer, a number, make all of its changes beside the others."""
    with ThreadPoolExecutor(WRITERS) as threads:
        for done in [threads.submit(lambda n=n: [write(f"{n}.{i}") for i in range(CHANGES)]) for n in range(WRITERS)]:
            done.result()


def until_it_counts(change):
    """Repeat a change that came too late, as a careful client does."""
    for _ in range(100_000):
        try:
            return change()
        except ClientError as error:
            answered = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert LATE[error.response["Error"]["Code"]] == answered
    raise AssertionError("it was late every time")


@pytest.fixture
def everybody():
    return {f"{n}.{i}" for n in range(WRITERS) for i in range(CHANGES)}


def test_who_names_the_revision_that_he_read_loses_nobodys_update(client, create, everybody):
    create("f")

    def write(mine):
        def change():
            read = client.get_function_configuration(FunctionName="f")
            client.update_function_configuration(
                FunctionName="f", Description=f"{read['Description']} {mine}", RevisionId=read["RevisionId"]
            )

        until_it_counts(change)

    at_once(write)
    written = client.get_function_configuration(FunctionName="f")["Description"].split()
    assert len(written) == len(everybody)
    assert set(written) == everybody


def test_the_same_holds_for_an_alias(client, create, everybody):
    create("f")
    client.create_alias(FunctionName="f", Name="a", FunctionVersion="$LATEST")

    def write(mine):
        def change():
            read = client.get_alias(FunctionName="f", Name="a")
            description = f"{read['Description']} {mine}"
            client.update_alias(FunctionName="f", Name="a", Description=description, RevisionId=read["RevisionId"])

        until_it_counts(change)

    at_once(write)
    assert sorted(client.get_alias(FunctionName="f", Name="a")["Description"].split()) == sorted(everybody)


def test_statements_and_tags_of_several_writers_are_all_there(client, create, everybody):
    arn = create("f")["FunctionArn"]

    def write(mine):
        client.add_permission(
            FunctionName="f", StatementId=mine.replace(".", "-"), Action="lambda:GetAlias", Principal="*"
        )
        until_it_counts(lambda: client.tag_resource(Resource=arn, Tags={mine: "x"}))

    at_once(write)
    statements = json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"]
    assert {each["Sid"].replace("-", ".") for each in statements} == everybody
    assert client.list_tags(Resource=arn)["Tags"].keys() == everybody


def test_versions_published_by_several_writers_are_each_anothers_or_the_same_and_never_the_wrong_code(
    client, create, package
):
    create("f")
    published = []

    def write(mine):
        def change():
            answer = client.update_function_configuration(FunctionName="f", Description=mine)
            client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
            version = client.publish_version(FunctionName="f")
            published.append((version["Version"], version["Description"]))
            return answer

        until_it_counts(change)

    at_once(write)
    said = dict(published)
    assert all(said[version] == description for version, description in published)
    listed = {}
    for page in client.get_paginator("list_versions_by_function").paginate(FunctionName="f"):
        listed |= {each["Version"]: each["Description"] for each in page["Versions"]}
    del listed["$LATEST"]
    assert listed == said
    assert sorted(map(int, listed)) == list(range(1, len(listed) + 1))
