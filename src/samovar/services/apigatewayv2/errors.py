"""The words of API Gateway v2 for what it refuses (facts/apigateway.md §1, §9)."""

from samovar.core.errors import AwsError


def bad_request(message: str) -> AwsError:
    return AwsError("BadRequestException", message)


def conflict(message: str) -> AwsError:
    return AwsError("ConflictException", message)


def not_found(kind: str, id: str) -> AwsError:
    """`Invalid API identifier specified` and the like: `kind` as AWS names it (`API`, `Route`)."""
    return AwsError("NotFoundException", f"Invalid {kind} identifier specified {id}")
