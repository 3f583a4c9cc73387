"""The one exception that means "the caller's fault".

Owns: AwsError. Refuses: HTTP statuses (they come from the service model, in `wire`) and per-service subclasses.
Rule: raised anywhere below the gateway, answered in `gateway/dispatch`, caught elsewhere only where
AWS has a rule for it.
"""


class AwsError(Exception):
    """An error that AWS would answer: `code` is its shape name (`ResourceNotFoundException`), `message` its exact text.

    `members` are further members of the error shape, spelled as the service model spells them (`Type="User"`).
    """

    status: int | None = None
    """Set where AWS was seen to answer with another status than its model has for the code (rest-json only)."""

    def __init__(self, code: str, message: str, **members: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members = members
