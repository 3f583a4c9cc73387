"""The account: alias, password policy, summary, and everything in it at once."""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.iam import details, documents, pages
from samovar.services.iam.state import GROUP, ROLE, USER, Account, State

_PASSWORD_DEFAULTS: Params = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}


async def create_account_alias(state: State, ctx: Context, params: Params) -> Params:
    alias = params["AccountAlias"]
    taken = any(record.alias == alias and account != ctx.account for (account,), record in state.accounts.items())
    if taken:
        raise AwsError("EntityAlreadyExists", f"The account alias {alias} already exists.")
    await _keep(state, ctx, Account(alias=alias, password=_account(state, ctx).password))
    return {}


async def list_account_aliases(state: State, ctx: Context, params: Params) -> Params:
    alias = _account(state, ctx).alias
    return pages.page([alias] if alias else [], params, str, str, "AccountAliases")


async def delete_account_alias(state: State, ctx: Context, params: Params) -> Params:
    account = _account(state, ctx)
    if account.alias != params["AccountAlias"]:
        raise AwsError("NoSuchEntity", f"The account alias {params['AccountAlias']} cannot be found.")
    await _keep(state, ctx, Account(password=account.password))
    return {}


async def update_account_password_policy(state: State, ctx: Context, params: Params) -> Params:
    """Kept and shown; nobody signs in with a password here."""
    await _keep(state, ctx, Account(alias=_account(state, ctx).alias, password=dict(params)))
    return {}


async def get_account_password_policy(state: State, ctx: Context, params: Params) -> Params:
    given = _account(state, ctx).password
    if given is None:
        raise AwsError("NoSuchEntity", f"The Password Policy with domain name {ctx.account} cannot be found.")
    return {"PasswordPolicy": {**_PASSWORD_DEFAULTS, **given, "ExpirePasswords": bool(given.get("MaxPasswordAge"))}}


async def delete_account_password_policy(state: State, ctx: Context, params: Params) -> Params:
    account = _account(state, ctx)
    if account.password is None:
        raise AwsError("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.")
    await _keep(state, ctx, Account(alias=account.alias))
    return {}


async def get_account_summary(state: State, ctx: Context, params: Params) -> Params:
    account = ctx.account
    policies = [policy for _, policy in state.policies.items((account,))]
    return {
        "SummaryMap": {
            "AccountAccessKeysPresent": int(bool(state.keys_of(account, ""))),
            "AccountMFAEnabled": 0,
            "AccountPasswordPresent": 0,
            "AccessKeysPerUserQuota": 2,
            "AssumeRolePolicySizeQuota": documents.TRUST_LIMIT,
            "AttachedPoliciesPerGroupQuota": 10,
            "AttachedPoliciesPerRoleQuota": 10,
            "AttachedPoliciesPerUserQuota": 10,
            "GroupPolicySizeQuota": documents.INLINE_LIMITS[GROUP],
            "Groups": len(state.all(account, GROUP)),
            "GroupsPerUserQuota": 10,
            "GroupsQuota": 300,
            "InstanceProfiles": len(state.profiles.items((account,))),
            "InstanceProfilesQuota": 1000,
            "MFADevices": 0,
            "MFADevicesInUse": 0,
            "Policies": len(policies),
            "PoliciesQuota": 1500,
            "PolicySizeQuota": documents.MANAGED_LIMIT,
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in policies),
            "PolicyVersionsInUseQuota": 10000,
            "Providers": len(state.providers.items((account,))),
            "RolePolicySizeQuota": documents.INLINE_LIMITS[ROLE],
            "Roles": len(state.all(account, ROLE)),
            "RolesQuota": 1000,
            "ServerCertificates": 0,
            "ServerCertificatesQuota": 20,
            "SigningCertificatesPerUserQuota": 2,
            "UserPolicySizeQuota": documents.INLINE_LIMITS[USER],
            "Users": len(state.all(account, USER)),
            "UsersQuota": 5000,
            "VersionsPerPolicyQuota": 5,
        }
    }


async def get_account_authorization_details(state: State, ctx: Context, params: Params) -> Params:
    return details.everything(state, ctx.account, params)


def _account(state: State, ctx: Context) -> Account:
    return state.accounts.get((ctx.account,)) or Account()


async def _keep(state: State, ctx: Context, account: Account) -> None:
    await state.commit(state.accounts.putting((ctx.account,), account))
