"""What temporary credentials say of themselves.

Owns: Session, the content of a session token. Nobody keeps sessions: the token carries them, sealed.
"""

import msgspec


class Session(msgspec.Struct, frozen=True, kw_only=True):
    access_key: str
    secret: str
    account: str
    principal: str
    """As it is shown: `arn:aws:sts::A:assumed-role/R/S`, or the user's or root's own ARN."""
    user_id: str
    """`AROA...:S`."""
    issuer: str
    """ARN of the role, user or root whose rights these are."""
    issuer_id: str = ""
    """Its unique id; empty for roots."""
    role: bool = False
    """Whether a role was taken on."""
    issued_at: float
    expires_at: float
    policies: tuple[str, ...] | None = None
    """Session policies; None: there are none, so nothing is cut."""
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    function_arn: str = ""
    """Of the function that the credentials were made for (`lambda:SourceFunctionArn`)."""
    provider: str = ""
    """Who vouched for a web identity (`aws:FederatedProvider`)."""
    facts: dict[str, str] = {}
    """Further condition keys: claims of a web identity (`host/path:sub`)."""
