"""What the registry's door answers, and the errors of the distribution specification for ECR's own.

Owns: the codes. Source: OCI distribution specification, «Error Codes»; the texts are ECR's.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from samovar.core.errors import AwsError
from samovar.net.message import Response

API: Final = ("Docker-Distribution-Api-Version", "registry/2.0")
_JSON: Final = ("Content-Type", "application/json; charset=utf-8")
_ERRORS: Mapping[str, tuple[int, str]] = {
    "AccessDeniedException": (403, "DENIED"),
    "EmptyUploadException": (400, "BLOB_UPLOAD_INVALID"),
    "ExpiredTokenException": (401, "UNAUTHORIZED"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "InvalidParameterException": (400, "MANIFEST_INVALID"),
    "LayersNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "LimitExceededException": (413, "SIZE_INVALID"),
    "ReferencedImagesNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "UnrecognizedClientException": (401, "UNAUTHORIZED"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
}


class Refused(Exception):
    """Ends a request."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def refusal(status: int, code: str, message: str, *headers: tuple[str, str]) -> Response:
    body = msgspec.json.encode({"errors": [{"code": code, "message": message}]})
    return Response(status, [API, _JSON, *headers], body)


def refused(status: int, code: str, message: str, *headers: tuple[str, str]) -> Refused:
    return Refused(refusal(status, code, message, *headers))


def of(error: AwsError) -> Response:
    """ECR's error, in the registry's form."""
    status, code = _ERRORS.get(error.code, (400, "UNSUPPORTED"))
    return refusal(status, code, error.message)


def told(status: int, content: object, *headers: tuple[str, str], kind: str = "") -> Response:
    sent = ("Content-Type", kind) if kind else _JSON
    return Response(status, [API, sent, *headers], msgspec.json.encode(content))


def bare(status: int, *headers: tuple[str, str]) -> Response:
    return Response(status, [API, *headers])
