"""Forms of notifications. They parse; services decide."""

from typing import Any

from django import forms

from stratum.notifications.models import NotificationSettings
from stratum.notifications.services.preferences import Wanted, WantedKind
from stratum.reports.calendar import WEEKDAYS
from stratum.reports.forms import HOURS
from stratum.workspaces.models import Member

NO_HOUR = [("", "–")]


def hour_or_none(value: str) -> int | None:
    return int(value) if value else None


class SlackForm(forms.Form):
    url = forms.CharField(
        label="Webhook URL",
        max_length=400,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="From Slack: Apps > Incoming Webhooks. It begins with https://hooks.slack.com/services/.",
    )


class WhenForm(forms.Form):
    minimum_severity = forms.ChoiceField(label="Tell of", choices=NotificationSettings.Severity.choices)
    time_zone = forms.CharField(
        label="Time zone", max_length=64, widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"})
    )
    quiet_from = forms.TypedChoiceField(
        label="Quiet from", coerce=hour_or_none, empty_value=None, required=False, choices=[*NO_HOUR, *HOURS]
    )
    quiet_until = forms.TypedChoiceField(
        label="Quiet until", coerce=hour_or_none, empty_value=None, required=False, choices=[*NO_HOUR, *HOURS]
    )
    critical_at_once = forms.BooleanField(label="Critical ones do not wait for quiet hours to end", required=False)
    summary_hour = forms.TypedChoiceField(label="Summaries at", coerce=int, choices=HOURS)
    report_weekday = forms.TypedChoiceField(
        label="Weekly report on", coerce=int, choices=list(enumerate(WEEKDAYS)), initial=0
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if (given.get("quiet_from") is None) != (given.get("quiet_until") is None):
            self.add_error("quiet_until", "Quiet hours need both a beginning and an end, or neither.")
        return given

    def wanted(self) -> Wanted:
        given = self.cleaned_data
        quiet = None if given["quiet_from"] is None else (given["quiet_from"], given["quiet_until"])
        return Wanted(
            minimum_severity=given["minimum_severity"],
            time_zone=given["time_zone"],
            quiet=quiet,
            critical_at_once=given["critical_at_once"],
            summary_hour=given["summary_hour"],
            report_weekday=given["report_weekday"],
        )


class KindForm(forms.Form):
    """By which ways one kind is told."""

    slack = forms.BooleanField(label="Slack", required=False)
    members = forms.TypedMultipleChoiceField(
        label="By e-mail to", coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    options = forms.MultipleChoiceField(label="Of", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, team: list[Member], options: tuple[tuple[str, str], ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["members"].choices = [(member.pk, str(member.user)) for member in team]  # type: ignore[attr-defined]
        self.fields["options"].choices = options  # type: ignore[attr-defined]

    def wanted(self) -> WantedKind:
        return WantedKind(self.cleaned_data["slack"], self.cleaned_data["members"], self.cleaned_data["options"])


def prefix_of(kind: str) -> str:
    return f"kind-{kind}"
