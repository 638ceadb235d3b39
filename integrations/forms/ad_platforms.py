"""Credentials of ad platforms as forms. What is wrong with them, the services say."""

from typing import Any

from django import forms

from integrations.services.ad_connections import FIELDS

HELP = {
    "access_token": "Of a system user of your business, with the permissions <code>ads_management</code> and "
    "<code>ads_read</code>. It is tried at once and stored encrypted.",
    "client_id": "Of an OAuth client in Google Cloud with the Google Ads API switched on.",
    "client_secret": "It belongs to the client id.",
    "refresh_token": "Granted to that client for the scope <code>https://www.googleapis.com/auth/adwords</code>.",
    "login_customer_id": "The manager account that leads to your accounts, such as 123-456-7890.",
    "developer_token": "Only where your manager account still uses one.",
}
PLAIN = {"client_id", "login_customer_id"}  # no secrets


class CredentialsForm(forms.Form):
    """The fields of one platform. Secrets are never sent back to the browser."""

    def __init__(self, platform: str, data: Any = None) -> None:
        super().__init__(data)
        for name, label, needed in FIELDS[platform]:
            self.fields[name] = forms.CharField(
                label=label, required=needed, help_text=HELP[name], widget=_widget(name), strip=True
            )
            self.fields[name].error_messages["required"] = f"{label}: paste it here."


def _widget(name: str) -> forms.Widget:
    attrs = {"autocomplete": "off", "spellcheck": "false"}
    return forms.TextInput(attrs) if name in PLAIN else forms.PasswordInput(attrs, render_value=False)
