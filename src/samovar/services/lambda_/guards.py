"""Why a function can't be changed or invoked now, in AWS's words (facts/lambda-api.md §4.3, §5). Pure."""

from samovar.core.errors import AwsError
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.function import Deployed, Function


def check_changeable(function: Function, revision: str | None) -> None:
    """Refuse an update of one that is in transition, or that the caller knows another revision of. One that has lost
    its code may be updated: that is what helps it."""
    if function.state not in (functions.State.ACTIVE, functions.State.INACTIVE):
        raise wrong_state(function)
    check_idle(function)
    check_revision(function.revision, revision)


def wrong_state(deployed: Deployed) -> AwsError:
    return AwsError(
        "ResourceConflictException",
        "The operation cannot be performed at this time. "
        f"The function is currently in the following state: {deployed.state.value}",
    )


def check_idle(function: Function) -> None:
    if function.update is functions.Update.IN_PROGRESS:
        raise AwsError(
            "ResourceConflictException",
            f"The operation cannot be performed at this time. An update is in progress for resource: {function.arn}",
        )


def check_revision(present: str, known: str | None) -> None:
    """Refuse a change that was made in ignorance of the present revision."""
    if known and known != present:
        raise AwsError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        )
