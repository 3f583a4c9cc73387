"""STS: who am I, and temporary credentials (facts/iam.md §3). Every tool's first call is GetCallerIdentity.

Operations: `ops.py`. Keeps nothing: a session token carries its session, sealed. Links: roles and OpenID Connect
providers come from IAM's directory; the gateway reads tokens, the engine gets credentials for functions. Who may take
on which role is decided before an operation runs, by `access`. Not here: SAML, AssumeRoot, delegation; no service here
encodes authorization messages, so there are none to decode.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from samovar.core.clock import Clock
from samovar.core.later import later
from samovar.core.service import Service, bind_late
from samovar.services.sts.access import access
from samovar.services.sts.oidc import Keyring, fetch
from samovar.services.sts.sessions import Credentials, Sessions
from samovar.services.sts.state import Directory, State
from samovar.store.vault import Vault

if TYPE_CHECKING:
    from samovar.services.sts import ops
else:
    ops = later("samovar.services.sts.ops")

__all__ = ["Credentials", "Sessions", "build"]


def build(
    directory: Directory,
    clock: Clock,
    vault: Vault,
    account_of: Callable[[str], str | None],
    make_key: Callable[[str, str], str],
    get: Callable[[str], Awaitable[bytes]] = fetch,
) -> tuple[Service, Sessions]:
    """The service, and its sessions. `account_of` reads the account out of an access key id, `make_key` makes one
    (prefix, account); `get` fetches the documents of OpenID Connect providers."""
    sessions = Sessions(clock, vault, make_key)
    operations = bind_late(State(directory, clock, sessions, Keyring(clock, get), account_of), ops)
    return Service("sts", operations, {}, access=access(directory)), sessions
