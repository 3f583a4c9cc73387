"""awslambdaric's context object, made quick: the same class with the same attributes, from what hasn't changed.

Most of what it costs is to read variables that are the same in each invocation. A function may change them all the
same, and sees that in its next context: they are looked at each time, and only decoded anew when one is another.
Rule: only where it makes what awslambdaric's own makes (see `adopt`); what a caller's context brings is done by that.
"""

from __future__ import annotations

import os
from typing import Any  # noqa: F401 - in the types

from awslambdaric import lambda_context as theirs

_VARIABLES = (
    b"AWS_LAMBDA_LOG_GROUP_NAME",
    b"AWS_LAMBDA_LOG_STREAM_NAME",
    b"AWS_LAMBDA_FUNCTION_NAME",
    b"AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    b"AWS_LAMBDA_FUNCTION_VERSION",
)
_Environ = type(os.environ)
_PARAMETERS = (
    "invoke_id",
    "client_context",
    "cognito_identity",
    "epoch_deadline_time_in_ms",
    "invoked_function_arn",
    "tenant_id",
)
_SAMPLE = ("0" * 36, None, None, 1, "arn", "tenant")


def _initialiser(original, traces):
    # type: (Any, bool) -> Any
    """`__init__` of a LambdaContext; `traces`: whether it knows of W3C's trace contexts, as newer ones do."""
    seen = told = ()  # type: tuple

    def __init__(
        self,
        invoke_id,
        client_context,
        cognito_identity,
        epoch_deadline_time_in_ms,
        invoked_function_arn=None,
        tenant_id=None,
    ):
        # type: (Any, Any, Any, Any, Any, Any, Any) -> None
        nonlocal seen, told
        environ = os.environ
        if client_context is not None or cognito_identity is not None or type(environ) is not _Environ:
            given = (client_context, cognito_identity, epoch_deadline_time_in_ms, invoked_function_arn, tenant_id)
            original(self, invoke_id, *given)
            return
        present = tuple(map(environ._data.get, _VARIABLES))  # type: ignore[attr-defined]
        if present != seen:
            decode = environ.decodevalue
            seen, told = present, tuple(None if value is None else decode(value) for value in present)
        self.aws_request_id = invoke_id
        (
            self.log_group_name,
            self.log_stream_name,
            self.function_name,
            self.memory_limit_in_mb,
            self.function_version,
        ) = told
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        if traces:
            self._w3c_fields = {}
        self.client_context = None
        self.identity = identity = theirs.CognitoIdentity()
        identity.cognito_identity_id = identity.cognito_identity_pool_id = None
        self._epoch_deadline_time_in_ms = epoch_deadline_time_in_ms

    return __init__


def adopt():
    # type: () -> None
    """Take the place of the initialiser of awslambdaric's contexts, if it does what that does."""
    original = theirs.LambdaContext.__init__
    if original.__code__.co_varnames[1:7] != _PARAMETERS:
        return
    one, other = (theirs.LambdaContext.__new__(theirs.LambdaContext) for _ in range(2))
    original(one, *_SAMPLE)
    ours = _initialiser(original, hasattr(one, "_w3c_fields"))
    ours(other, *_SAMPLE)
    alike = list(vars(one)) == list(vars(other)) and repr(one) == repr(other)
    if alike and getattr(one, "_w3c_fields", {}) == getattr(other, "_w3c_fields", {}):
        theirs.LambdaContext.__init__ = ours
