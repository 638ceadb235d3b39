"""Everything beyond our walls: ad platforms, CRM, Slack."""
