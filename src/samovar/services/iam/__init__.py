"""IAM: users, groups, roles, their policies and keys (facts/iam.md §1-§2, §8).

Operations: `ops/`. Keeps: the tables `iam.*`; secrets of access keys are sealed by the vault. Links: the gateway asks
the Directory who somebody is and what they may do, and Keys for secrets; STS asks the Directory for roles. Not here:
MFA devices, SAML providers, certificates, organizations, access reports.
"""

from typing import TYPE_CHECKING

from samovar.core.clock import Clock
from samovar.core.later import later
from samovar.core.service import Service, bind_late
from samovar.services.iam.access import access
from samovar.services.iam.directory import Directory
from samovar.services.iam.keys import Keys
from samovar.services.iam.names import access_key_id, account_of
from samovar.services.iam.state import State
from samovar.store.sqlite import Store
from samovar.store.vault import Vault

if TYPE_CHECKING:
    from samovar.services.iam.ops import account, attached, inline, policies, profiles, roles, simulate, tags, users
    from samovar.services.iam.ops import keys as keys_ops
else:
    account = later("samovar.services.iam.ops.account")
    attached = later("samovar.services.iam.ops.attached")
    inline = later("samovar.services.iam.ops.inline")
    policies = later("samovar.services.iam.ops.policies")
    profiles = later("samovar.services.iam.ops.profiles")
    roles = later("samovar.services.iam.ops.roles")
    simulate = later("samovar.services.iam.ops.simulate")
    tags = later("samovar.services.iam.ops.tags")
    users = later("samovar.services.iam.ops.users")
    keys_ops = later("samovar.services.iam.ops.keys")

__all__ = ["Directory", "Keys", "access_key_id", "account_of", "build"]


async def build(store: Store, clock: Clock, vault: Vault) -> tuple[Service, Directory, Keys]:
    """The service, who principals are, and what their keys are."""
    state = State(store, clock, vault)
    await state.open()
    operations = bind_late(state, account, attached, inline, keys_ops, policies, profiles, roles, simulate, tags, users)
    service = Service("iam", operations, {}, reset=state.reset, access=access(state))
    return service, Directory(state), Keys(state)
