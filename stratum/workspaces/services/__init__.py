"""Writes of the ground floor. Each takes what it needs by keyword and raises a Refusal with a sentence."""

from stratum.workspaces.services.accounts import (
    count_login,
    create_user,
    create_user_without_password,
    forget_failures,
    forgive,
    sign_up,
    unlock,
)
from stratum.workspaces.services.keys import (
    issue_api_key,
    issue_write_key,
    revoke_api_key,
    revoke_write_key,
    rotate_api_key,
)
from stratum.workspaces.services.team import (
    accept_invitation,
    add_member,
    change_role,
    invite,
    join,
    remove_member,
    revoke_invitation,
    transfer_ownership,
)
from stratum.workspaces.services.workspaces import assign_plan, change_plan, change_settings, create_workspace

__all__ = [
    "accept_invitation",
    "add_member",
    "assign_plan",
    "change_plan",
    "change_role",
    "change_settings",
    "count_login",
    "create_user",
    "create_user_without_password",
    "create_workspace",
    "forget_failures",
    "forgive",
    "invite",
    "issue_api_key",
    "issue_write_key",
    "join",
    "remove_member",
    "revoke_api_key",
    "revoke_invitation",
    "revoke_write_key",
    "rotate_api_key",
    "sign_up",
    "transfer_ownership",
    "unlock",
]
