"""Who may call what: every route with its right. A route that is missing here fails test_permission_table.py.

Rights are those of stratum/workspaces/roles.py, and two more: `public` needs no login, `signed_in` needs an account
but no workspace. An API route whose methods differ lists them.
"""

PAGES = {
    "": "public",  # leads to home
    "home": "view",
    "healthz": "public",
    "login": "public",
    "admin/login/": "public",  # leads to login
    "logout": "public",
    "signup": "public",
    "pricing": "public",
    "invitation": "public",
    "password_change": "signed_in",
    "password_changed": "signed_in",
    "password_reset": "public",
    "password_reset_done": "public",
    "password_reset_complete": "public",
    "password_reset_confirm": "public",
    "workspace_new": "signed_in",
    "workspace_switch": "signed_in",
    "settings_team": "view",
    "team_invite": "manage",
    "team_leave": "view",
    "invitation_revoke": "manage",
    "member_role": "manage",
    "member_remove": "manage",
    "ownership_transfer": "own",
    "settings_plan": "view",
    "plan_change": "manage",
    "settings_api_keys": "manage",
    "api_key_revoke": "manage",
    "settings_sources": "manage",
    "source_revoke": "manage",
    "settings_workspace": "connect",
    "job_detail": "view",
    "job_cancel": "build",
    "funnel_list": "view",
    "funnel_new": "build",
    "funnel_preview": "view",
    "funnel_from_template": "build",
    "funnel_detail": "view",
    "funnel_csv": "export",
    "funnel_insights": "view",
    "funnel_edit": "build",
    "funnel_duplicate": "build",
    "funnel_archive": "build",
    "funnel_restore": "build",
    "profile_list": "view",
    "profile_csv": "export",
    "profile_detail": "view",
    "profile_split": "build",
    "profile_erase": "manage",
    "event_list": "view",
    "event_aliases": "view",
    "event_aliases_save": "build",
    "event_detail": "view",
    "event_void": "build",
    "rejected_detail": "view",
    "sample_remove": "manage",
    "settings_exports": "export",
    "export_new": "export",
    "export_download": "export",
    "export_cancel": "export",
    "export_delete": "export",
    "saved_view_new": "view",
    "saved_view_share": "build",
    "saved_view_delete": "view",
    "saved_view_restore": "view",
}

API = {
    "api_schema": "public",
    "api_docs": "public",
    "api_workspace": "view",
    "api_members": "view",
    "api_api_keys": "manage",
    "api_api_key": "manage",
    "api_write_keys": "manage",
    "api_write_key": "manage",
    "api_job": {"GET": "view", "DELETE": "build"},
    "api_funnel_list": {"GET": "view", "POST": "build"},
    "api_funnel": {"GET": "view", "PUT": "build", "PATCH": "build", "DELETE": "build"},
    "api_funnel_preview": "view",
    "api_funnel_restore": "build",
    "api_funnel_duplicate": "build",
    "api_funnel_analysis": "view",
    "api_funnel_trend": "view",
    "api_funnel_times": "view",
    "api_funnel_people": "view",
<<<<<<< HEAD
    "api_funnel_insights": "view",
=======
>>>>>>> 4734900 (wip)
    "api_profile_list": "view",
    "api_profile_lookup": "view",
    "api_profile": {"GET": "view", "DELETE": "manage"},
    "api_profile_events": "view",
    "api_profile_split": "build",
    "api_event_list": "view",
    "api_event_void": "build",
    "api_event_aliases": {"GET": "view", "PUT": "build"},
}

# Their login is the write key inside the message, checked by the views themselves.
TRACKING = {
    f"tracking_{address}": "public"
    for address in (
        *(f"v1_{word}" for word in ("track", "page", "screen", "identify", "group", "alias", "batch", "import")),
        *(f"v1_{letter}" for letter in "tpsigab"),
        *(f"api_s_{word}" for word in ("track", "page", "screen", "identify", "group", "alias")),
        *(f"api_s_s2s_{word}" for word in ("track", "page", "screen", "identify", "group", "alias")),
        "batch",
    )
}

TABLE = {**PAGES, **API, **TRACKING}
