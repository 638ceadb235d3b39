"""Forms of accounts and settings. They parse; services decide."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from stratum.lib import clock
from stratum.workspaces import roles, services
from stratum.workspaces.services.workspaces import time_zones


def role_choices(allowed: tuple[str, ...] = roles.ROLES) -> list[tuple[str, str]]:
    return [(role, f"{role.capitalize()}: {roles.DESCRIPTIONS[role]}") for role in allowed]


def new_password() -> forms.CharField:
    return forms.CharField(
        label="Password",
        strip=False,
        help_text="At least 10 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class LoginForm(AuthenticationForm):
    """Django's login form behind the throttle."""

    error_messages = {
        "invalid_login": "This e-mail address and password do not belong together.",
        "inactive": "This account is switched off.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"] = forms.EmailField(
            label="E-mail", widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
        )

    def clean(self) -> dict[str, Any]:
        email = self.cleaned_data.get("username", "")
        if not (email and self.cleaned_data.get("password")):
            return self.cleaned_data
        ip = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        if services.count_login(email=email, ip=ip or "0.0.0.0", now=clock.now()):
            raise forms.ValidationError(
                "Too many wrong passwords. Try again in 15 minutes, or set a new password.", code="locked"
            )
        cleaned = super().clean()
        services.forgive(email=email, ip=ip or "0.0.0.0")
        return cleaned


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="Six digits from your authenticator app, or one of your recovery codes.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )


class SignUpForm(forms.Form):
    name = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = new_password()
    workspace_name = forms.CharField(label="Company or team", max_length=120)


class JoinForm(forms.Form):
    """A new account for an invited address."""

    name = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = new_password()


class NewWorkspaceForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120)
    time_zone = forms.CharField(
        label="Time zone",
        initial="UTC",
        max_length=64,
        help_text="Days start at midnight there. Like Europe/Berlin.",
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    currency = forms.CharField(label="Currency", initial="USD", min_length=3, max_length=3)
    default_country = forms.CharField(
        label="Country", initial="US", min_length=2, max_length=2, help_text="For phone numbers without +prefix."
    )

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean_default_country(self) -> str:
        return str(self.cleaned_data["default_country"]).upper()


class WorkspaceForm(NewWorkspaceForm):
    churn_days = forms.IntegerField(
        label="Churned after",
        min_value=1,
        max_value=3650,
        help_text="Days without a purchase after which a customer counts as churned.",
    )


class InviteForm(forms.Form):
    email = forms.EmailField(label="E-mail")
    role = forms.ChoiceField(label="Role", initial="analyst")

    def __init__(self, *args: Any, allowed: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(label="Role", initial="analyst", choices=role_choices(allowed))


class ApiKeyForm(forms.Form):
    name = forms.CharField(label="Name", max_length=80, help_text="What uses this key, like “nightly export”.")
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=[
            ("read", "read: see and export everything"),
            ("write", "write: build funnels, traits, segments and rules"),
            ("approve", "approve: approve actions"),
            ("execute", "execute: execute actions, emergency stop"),
            ("settings", "settings: connections, settings, policy"),
            ("team", "team: team, plan and keys"),
        ],
        initial=["read"],
        widget=forms.CheckboxSelectMultiple,
    )


class SourceForm(forms.Form):
    name = forms.CharField(label="Name", max_length=80, help_text="Where the events come from, like “web shop”.")
    client_side = forms.BooleanField(
        label="Used in browsers or apps",
        required=False,
        help_text="Their clocks may be wrong: times are corrected by when the message was sent.",
    )


def zone_names() -> list[str]:
    """For the list of suggestions under a time zone field."""
    return sorted(time_zones())
