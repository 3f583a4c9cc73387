"""What ECR's operations need to be allowed (service authorization reference, Amazon Elastic Container Registry)."""

from collections.abc import Mapping

from samovar.core import arn
from samovar.core.access import Access, Given, on, request_tags
from samovar.core.context import Context, Params
from samovar.services.ecr.state import Ecr

_ON_REPOSITORY = """
    BatchCheckLayerAvailability BatchDeleteImage BatchGetImage CompleteLayerUpload CreateRepository
    DeleteLifecyclePolicy DeleteRepository DeleteRepositoryPolicy DescribeImageReplicationStatus
    DescribeImageScanFindings DescribeImages GetDownloadUrlForLayer GetLifecyclePolicy GetLifecyclePolicyPreview
    GetRepositoryPolicy InitiateLayerUpload ListImageReferrers ListImages PutImage PutImageScanningConfiguration
    PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy StartImageScan StartLifecyclePolicyPreview
    UpdateImageStorageClass UploadLayerPart
"""
_ON_ARN = "TagResource UntagResource ListTagsForResource"
_ON_REPOSITORIES = "DescribeRepositories BatchGetRepositoryScanningConfiguration"


def access(state: Ecr) -> Access:
    return Access(
        "ecr",
        on(
            (_repository, _ON_REPOSITORY),
            (lambda ctx, params: str(params["resourceArn"]), _ON_ARN),
            (_repositories, _ON_REPOSITORIES),
        ),
        facts=_facts,
        policy=lambda text: _policy(state, text),
        tags=lambda text: _tags(state, text),
    )


def _arn(ctx: Context, params: Params, name: str) -> str:
    return arn.make("ecr", ctx.region, params.get("registryId") or ctx.account, f"repository/{name}")


def _repository(ctx: Context, params: Params) -> str:
    return _arn(ctx, params, params["repositoryName"])


def _repositories(ctx: Context, params: Params) -> list[str]:
    return [_arn(ctx, params, name) for name in params.get("repositoryNames") or ["*"]]


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    tags = params.get("tags") or []
    return request_tags({tag.get("Key", ""): tag.get("Value", "") for tag in tags})


def _policy(state: Ecr, text: str) -> object:
    found = state.by_arn(text)
    return (found.policy or None) if found else None


def _tags(state: Ecr, text: str) -> Mapping[str, str] | None:
    found = state.by_arn(text)
    return found.tags if found else None
