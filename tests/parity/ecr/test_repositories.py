"""Repositories and what hangs on them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Door, Image

Refused = Callable[..., tuple[str, str]]


def test_a_repository_is_shown_as_it_was_made(ecr: Any, account: str, endpoint: str, make: Callable[..., str]) -> None:
    encryption = {"encryptionType": "KMS", "kmsKey": "alias/mine"}
    scanning = {"scanOnPush": True}
    name = make("a/b-c_d.e", encryptionConfiguration=encryption, imageScanningConfiguration=scanning)
    [found] = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert found.pop("createdAt")
    assert found == {
        "repositoryArn": f"arn:aws:ecr:us-east-1:{account}:repository/a/b-c_d.e",
        "registryId": account,
        "repositoryName": "a/b-c_d.e",
        "repositoryUri": f"{endpoint.removeprefix('http://')}/{account}.dkr.ecr.us-east-1/a/b-c_d.e",
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": scanning,
        "encryptionConfiguration": encryption,
    }


def test_the_default_accounts_repositories_are_at_the_platforms_own_address(client: Any, endpoint: str) -> None:
    ecr = client("ecr", account="000000000000")
    made = ecr.create_repository(repositoryName="plain/own")["repository"]
    assert made["repositoryUri"] == f"{endpoint.removeprefix('http://')}/plain/own"
    door, image = Door(endpoint, ""), Image()
    door.push("plain/own", image, "v1")
    assert ecr.list_images(repositoryName="plain/own")["imageIds"] == [{"imageDigest": image.digest, "imageTag": "v1"}]
    ecr.delete_repository(repositoryName="plain/own", force=True)


@pytest.mark.parametrize("host", ["dkr.ecr.us-east-1.localhost:4566", "dkr.ecr.us-east-1.amazonaws.com"])
def test_a_registry_is_known_by_its_host_names(endpoint: str, account: str, repository: str, host: str) -> None:
    door = Door(endpoint, "", {"Host": f"{account}.{host}"})
    image = Image()
    door.push(repository, image, "v1")
    assert door.manifest(repository, "v1").body == image.manifest


def test_a_name_is_given_once_in_a_registry(ecr: Any, account: str, repository: str, refused: Refused) -> None:
    text = f"The repository with name '{repository}' already exists in the registry with id '{account}'"
    assert refused(ecr.create_repository, repositoryName=repository) == ("RepositoryAlreadyExistsException", text)


@pytest.mark.parametrize("name", ["Upper", "a//b", "-a", "a_-b", "a/"])
def test_names_have_a_pattern(ecr: Any, refused: Refused, name: str) -> None:
    pattern = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"
    constraint = f"'must satisfy regular expression '{pattern}''"
    text = f"Invalid parameter at 'repositoryName' failed to satisfy constraint: {constraint}"
    assert refused(ecr.create_repository, repositoryName=name) == ("InvalidParameterException", text)


def test_what_is_not_there_is_told_by_its_name(ecr: Any, account: str, refused: Refused) -> None:
    text = f"The repository with name 'nothing' does not exist in the registry with id '{account}'"
    told = "RepositoryNotFoundException", text
    assert refused(ecr.describe_repositories, repositoryNames=["nothing"]) == told
    assert refused(ecr.list_images, repositoryName="nothing") == told
    assert refused(ecr.delete_repository, repositoryName="nothing") == told


def test_repositories_come_in_pages(ecr: Any, make: Callable[..., str]) -> None:
    names = [make(f"page/r{number}") for number in range(5)]
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["repositories"]) for page in pages] == [2, 2, 1]
    assert [each["repositoryName"] for page in pages for each in page["repositories"]] == names


def test_a_repository_with_images_is_deleted_by_force_only(
    ecr: Any, door: Door, account: str, repository: str, refused: Refused
) -> None:
    image = Image()
    door.push(repository, image)
    text = f"The repository with name '{repository}' in registry with id '{account}' cannot be deleted because it "
    text += "still contains images"
    assert refused(ecr.delete_repository, repositoryName=repository) == ("RepositoryNotEmptyException", text)
    ecr.delete_repository(repositoryName=repository, force=True)
    ecr.create_repository(repositoryName=repository)
    assert ecr.list_images(repositoryName=repository)["imageIds"] == []
    assert door.blob(repository, image.digest).status == 404


def test_tags_of_a_repository(ecr: Any, account: str, refused: Refused, make: Callable[..., str]) -> None:
    name = make("tagged", tags=[{"Key": "team", "Value": "one"}])
    arn = f"arn:aws:ecr:us-east-1:{account}:repository/{name}"
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "cost", "Value": "7"}, {"Key": "team", "Value": "two"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["cost"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "two"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refused(ecr.tag_resource, resourceArn=arn, tags=many)[0] == "TooManyTagsException"
    assert refused(ecr.list_tags_for_resource, resourceArn=f"{arn}x")[0] == "RepositoryNotFoundException"


def test_a_repository_policy_is_kept_and_has_no_resources(
    ecr: Any, account: str, repository: str, refused: Refused
) -> None:
    place = f"the repository with name '{repository}' in the registry with id '{account}'"
    text = f"Repository policy does not exist for {place}"
    assert refused(ecr.get_repository_policy, repositoryName=repository) == ("RepositoryPolicyNotFoundException", text)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.set_repository_policy(repositoryName=repository, policyText=policy)
    assert ecr.get_repository_policy(repositoryName=repository)["policyText"] == policy
    assert ecr.delete_repository_policy(repositoryName=repository)["policyText"] == policy
    invalid = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
    for wrong in ("no json", json.dumps({"Statement": [{**statement, "Resource": "*"}]})):
        answer = refused(ecr.set_repository_policy, repositoryName=repository, policyText=wrong)
        assert answer == ("InvalidParameterException", invalid)


def test_a_registry_has_a_policy_and_tells_of_itself(ecr: Any, account: str, refused: Refused) -> None:
    assert refused(ecr.get_registry_policy)[0] == "RegistryPolicyNotFoundException"
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    statement |= {"Action": "ecr:ReplicateImage", "Resource": f"arn:aws:ecr:us-east-1:{account}:repository/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.put_registry_policy(policyText=policy)
    assert ecr.get_registry_policy()["policyText"] == policy
    assert ecr.delete_registry_policy()["policyText"] == policy
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == {"scanType": "BASIC", "rules": []}


def test_what_is_not_done_says_so(ecr: Any, account: str, repository: str) -> None:
    rules = [{"destinations": [{"region": "eu-west-1", "registryId": account}]}]
    for call in (
        lambda: ecr.put_replication_configuration(replicationConfiguration={"rules": rules}),
        lambda: ecr.put_registry_scanning_configuration(scanType="ENHANCED"),
        lambda: ecr.start_image_scan(repositoryName=repository, imageId={"imageTag": "x"}),
    ):
        with pytest.raises(ecr.exceptions.ClientError) as caught:
            call()
        answer = caught.value.response
        assert answer["Error"]["Code"] == "NotImplementedException"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
