"""Routes of the ground floor: accounts, settings, jobs, and their API."""

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.api import team as team_api
from stratum.workspaces.api import workspace as api
from stratum.workspaces.views import accounts, jobs, palette, security, settings

SECURITY = "dashboard/account/security"

urlpatterns = [
    route("login", security.log_in, name="login"),
    route("login/code", security.log_in_code, name="login_code"),
    route(SECURITY, security.security_page, name="account_security"),
    route(f"{SECURITY}/two-factor/begin", security.begin, name="two_factor_begin"),
    route(f"{SECURITY}/two-factor/confirm", security.confirm, name="two_factor_confirm"),
    route(f"{SECURITY}/two-factor/end", security.end, name="two_factor_end"),
    route(f"{SECURITY}/sessions/<int:sign_in_id>/end", security.end_session, name="session_end"),
    route(f"{SECURITY}/sessions/end-others", security.end_others, name="sessions_end_others"),
    route("admin/login/", accounts.admin_login),
    route("logout", accounts.log_out, name="logout"),
    route("signup", accounts.sign_up, name="signup"),
    route("pricing", accounts.pricing, name="pricing"),
    route("invitations/<str:token>", accounts.invitation, name="invitation"),
    route("password/change", accounts.password_change, name="password_change"),
    route("password/changed", accounts.password_changed, name="password_changed"),
    route("password/reset", accounts.password_reset, name="password_reset"),
    route("password/reset/sent", accounts.password_reset_done, name="password_reset_done"),
    route("password/reset/done", accounts.password_reset_complete, name="password_reset_complete"),
    route("password/reset/<str:uidb64>/<str:token>", accounts.password_reset_confirm, name="password_reset_confirm"),
    route("dashboard/workspaces/new", accounts.new_workspace, name="workspace_new"),
    route("dashboard/workspaces/switch", accounts.switch_workspace, name="workspace_switch"),
    route("dashboard/settings/team", settings.team, name="settings_team"),
    route("dashboard/settings/team/invite", settings.invite, name="team_invite"),
    route("dashboard/settings/team/leave", settings.leave, name="team_leave"),
    route(
        "dashboard/settings/team/invitations/<int:invitation_id>/revoke",
        settings.revoke_invitation,
        name="invitation_revoke",
    ),
    route("dashboard/settings/team/<int:member_id>/role", settings.change_role, name="member_role"),
    route("dashboard/settings/team/<int:member_id>/remove", settings.remove_member, name="member_remove"),
    route("dashboard/settings/team/<int:member_id>/transfer", settings.transfer, name="ownership_transfer"),
    route("dashboard/settings/plan", settings.plan, name="settings_plan"),
    route("dashboard/settings/plan/change", settings.change_plan, name="plan_change"),
    route("dashboard/settings/api-keys", settings.api_keys, name="settings_api_keys"),
    route("dashboard/settings/api-keys/<int:key_id>/revoke", settings.revoke_api_key, name="api_key_revoke"),
    route("dashboard/settings/api-keys/<int:key_id>/rotate", settings.rotate_api_key, name="api_key_rotate"),
    route("dashboard/settings/sources", settings.sources, name="settings_sources"),
    route("dashboard/settings/sources/<int:key_id>/revoke", settings.revoke_source, name="source_revoke"),
    route("dashboard/settings/workspace", settings.workspace, name="settings_workspace"),
    route("dashboard/go", palette.go, name="palette"),
    route("dashboard/jobs/<uuid:job_id>", jobs.detail, name="job_detail"),
    route("dashboard/jobs/<uuid:job_id>/cancel", jobs.cancel, name="job_cancel"),
    route("api/v1/workspace", api.WorkspaceView.as_view(), name="api_workspace"),
    route("api/v1/members", team_api.MembersView.as_view(), name="api_members"),
    route("api/v1/members/<int:member_id>", team_api.MemberView.as_view(), name="api_member"),
    route("api/v1/invitations", team_api.InvitationsView.as_view(), name="api_invitations"),
    route("api/v1/invitations/<int:invitation_id>", team_api.InvitationView.as_view(), name="api_invitation"),
    route("api/v1/api-keys", api.ApiKeysView.as_view(), name="api_api_keys"),
    route("api/v1/api-keys/<int:key_id>", api.ApiKeyView.as_view(), name="api_api_key"),
    route("api/v1/api-keys/<int:key_id>/rotate", api.ApiKeyRotateView.as_view(), name="api_api_key_rotate"),
    route("api/v1/write-keys", api.WriteKeysView.as_view(), name="api_write_keys"),
    route("api/v1/write-keys/<int:key_id>", api.WriteKeyView.as_view(), name="api_write_key"),
    route("api/v1/jobs/<uuid:job_id>", api.JobView.as_view(), name="api_job"),
    route("api/schema", access.public(SpectacularAPIView.as_view()), name="api_schema"),
    route(
        "api/docs",
        access.public(
            SpectacularSwaggerSplitView.as_view(url_name="api_schema", template_name="workspaces/api_docs.html")
        ),
        name="api_docs",
    ),
]
