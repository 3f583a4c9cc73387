"""Repositories and images as answers show them, and the addresses that clients push to."""

from typing import Final
from urllib.parse import urlsplit

from samovar.core.context import Context, Params
from samovar.services.ecr.records import Image, Repository


class Addresses:
    """Where registries are reached by whoever reaches the platform at an endpoint.

    `HOST:PORT/NAME` for the default account in the default region, and `HOST:PORT/ACCOUNT.dkr.ecr.REGION/NAME` for all
    others: that needs no name to be resolved, and docker speaks plain HTTP to the loopback address. The door also
    answers to `ACCOUNT.dkr.ecr.REGION.localhost:PORT`, and to AWS's own host names where they lead here.
    """

    def __init__(self, home: tuple[str, str]) -> None:
        self.home: Final = home
        """(account, region) of the registry at the platform's own address."""

    def prefix(self, account: str, region: str) -> str:
        """What comes before a repository's name, behind the host."""
        return "" if (account, region) == self.home else f"{account}.dkr.ecr.{region}/"

    def uri(self, ctx: Context, repository: Repository) -> str:
        host = urlsplit(ctx.endpoint).netloc
        return f"{host}/{self.prefix(repository.account, repository.region)}{repository.name}"

    def layer(self, ctx: Context, repository: Repository, digest: str, token: str) -> str:
        prefix = self.prefix(repository.account, repository.region)
        return f"{ctx.endpoint}/v2/{prefix}{repository.name}/blobs/{digest}?token={token}"


def repository(ctx: Context, addresses: Addresses, found: Repository) -> Params:
    return {
        "repositoryArn": found.arn,
        "registryId": found.account,
        "repositoryName": found.name,
        "repositoryUri": addresses.uri(ctx, found),
        "createdAt": found.created,
        **mutability(found),
        "imageScanningConfiguration": {"scanOnPush": found.scan_on_push},
        "encryptionConfiguration": found.encryption,
    }


def mutability(found: Repository) -> Params:
    exclusions = {"imageTagMutabilityExclusionFilters": found.exclusions} if found.exclusions else {}
    return {"imageTagMutability": found.mutability, **exclusions}


def place(found: Repository) -> Params:
    return {"registryId": found.account, "repositoryName": found.name}


def details(found: Repository, image: Image) -> Params:
    return {
        **place(found),
        "imageDigest": image.digest,
        **({"imageTags": list(image.tags)} if image.tags else {}),
        "imageSizeInBytes": image.size,
        "imagePushedAt": image.pushed,
        "imageManifestMediaType": image.media_type,
        **({"artifactMediaType": image.artifact_type} if image.artifact_type else {}),
        **({"lastRecordedPullTime": image.pulled} if image.pulled else {}),
        **({"subjectManifestDigest": image.subject} if image.subject else {}),
        "imageStatus": "ACTIVE",
    }
