"""The form of a scheduled delivery. It parses; services decide."""

import re
from collections.abc import Mapping

from django import forms

from stratum.reports.calendar import WEEKDAYS
from stratum.reports.models import Export, ExportSchedule
from stratum.reports.services.schedules import Wanted

HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]
BETWEEN_ADDRESSES = re.compile(r"[\s,;]+")


class ScheduleForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120, help_text="The subject of the e-mail.")
    format = forms.ChoiceField(label="Format", choices=Export.Format.choices)
    frequency = forms.ChoiceField(label="How often", choices=ExportSchedule.Frequency.choices, initial="weekly")
    weekday = forms.TypedChoiceField(
        label="Weekday", coerce=int, choices=list(enumerate(WEEKDAYS)), initial=0, help_text="Of a weekly delivery."
    )
    day = forms.IntegerField(
        label="Day of the month",
        min_value=1,
        max_value=31,
        initial=1,
        help_text="Of a monthly delivery. Shorter months use their last day.",
    )
    hour = forms.TypedChoiceField(label="Time", coerce=int, choices=HOURS, initial=8)
    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    recipients = forms.CharField(
        label="Recipients",
        max_length=6_000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text="E-mail addresses, one a line. People outside the team may get it too.",
    )

    def wanted(self, exporter: str, parameters: Mapping[str, str]) -> Wanted:
        given = self.cleaned_data
        people = tuple(one for one in BETWEEN_ADDRESSES.split(given["recipients"]) if one)
        return Wanted(**{**given, "exporter": exporter, "parameters": parameters, "recipients": people})
