"""The Date Range of the funnel pages, as chosen in a form or an address."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from cdp.queries import funnels as queries
from stratum.lib import periods
from stratum.lib.periods import Period
from stratum.lib.refusal import Invalid
from stratum.workspaces.access import MemberRequest

RANGES = ("7", "30", "90")


@dataclass(frozen=True, slots=True)
class Range:
    """The Date Range as chosen: `days` is a number of days or `custom`. `error` says why there is no `period`."""

    days: str
    first: str
    last: str
    period: Period | None
    error: str = ""

    @property
    def query(self) -> str:
        """The part of an address that brings it back."""
        return urlencode({"from": self.first, "to": self.last} if self.days == "custom" else {"days": self.days})


def range_of(request: MemberRequest, asked: QueryDict) -> Range:
    """Either `days`, or the dates `from` and `to`; the last 30 days when nothing is asked."""
    zone = queries.zone_of(request.workspace)
    first, last = asked.get("from", ""), asked.get("to", "")
    days = asked.get("days") or ("custom" if first or last else "30")
    if days != "custom":
        if not re.fullmatch(r"[1-9]\d{0,2}", days, re.ASCII):
            return Range("30", first, last, None, "Choose a number of days from 1 to 999.")
        return Range(days, first, last, periods.last_days(int(days), request.now, zone))
    try:
        return Range(days, first, last, periods.parse_period(first, last, now=request.now, zone=zone))
    except Invalid as refused:
        return Range(days, first, last, None, refused.sentence)
