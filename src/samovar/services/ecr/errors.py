"""What ECR says when a caller is wrong, where more than one place says it."""

from samovar.core.errors import AwsError
from samovar.services.ecr.records import Repository


def invalid(parameter: str, reason: str) -> AwsError:
    text = f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'"
    return AwsError("InvalidParameterException", text)


def no_such_repository(name: str, account: str) -> AwsError:
    text = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
    return AwsError("RepositoryNotFoundException", text)


def no_such_upload(id: str, repository: Repository) -> AwsError:
    text = f"The upload with id '{id}' does not exist within {_place(repository)}"
    return AwsError("UploadNotFoundException", text)


def no_such_image(digest: str | None, tag: str | None, repository: Repository) -> AwsError:
    image = f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"
    text = f"The image with imageId {image} does not exist within {_place(repository)}"
    return AwsError("ImageNotFoundException", text)


def missing_layers(digests: list[str], repository: Repository) -> AwsError:
    text = f"Layers with digests '[{', '.join(digests)}]' required for pushing image into repository with name "
    return AwsError("LayersNotFoundException", f"{text}'{repository.name}' in the registry with id "
                    f"'{repository.account}' do not exist")  # fmt: skip


def missing_images(digests: list[str], repository: Repository) -> AwsError:
    text = f"Images with digests '[{', '.join(digests)}]' required for pushing image into repository with name "
    return AwsError("ReferencedImagesNotFoundException", f"{text}'{repository.name}' in the registry with id "
                    f"'{repository.account}' do not exist")  # fmt: skip


def immutable(tag: str, repository: Repository) -> AwsError:
    text = f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten "
    return AwsError("ImageTagAlreadyExistsException", text + "because the tag is immutable.")


def wrong_digest(digest: str, found: str) -> AwsError:
    text = f"The layer digest calculation performed by Amazon ECR upon receipt of the image layer ({found}) does not "
    return AwsError("InvalidLayerException", f"{text}match the digest specified ({digest}).")


def layer_exists(digest: str, repository: Repository) -> AwsError:
    text = f"The layer with digest '{digest}' already exists in the repository with name '{repository.name}' in the "
    return AwsError("LayerAlreadyExistsException", f"{text}registry with id '{repository.account}'")


def _place(repository: Repository) -> str:
    return f"the repository with name '{repository.name}' in the registry with id '{repository.account}'"
