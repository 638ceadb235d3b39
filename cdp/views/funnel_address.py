"""The address of a funnel's result page: what it asks, and the addresses of what lies beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from cdp.definitions import funnel_questions as questions
from cdp.definitions.funnel_questions import EVENT, Question
from cdp.queries import funnels as queries
from cdp.views.funnel_range import Range, range_of
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.access import MemberRequest

TABS = {
    "steps": "Steps",
    "times": "Time to convert",
    "trend": "Trend",
    "breakdown": "Breakdown",
    "insights": "Insights",
}
# What replaces or narrows the funnel's own settings on every tab, and what belongs to one tab only.
SETTINGS = ("counting", "window", "segment", "compare")
OF_TAB = {"times": ("step",), "trend": ("interval",), "breakdown": ("breakdown", "attribution", "limit")}
FIELDS = (*SETTINGS, *(name for names in OF_TAB.values() for name in names))
DEFAULT_BREAKDOWN = "platform"


@dataclass(frozen=True, slots=True)
class Address:
    """`given` are the fields as typed, without empty ones; `question` is None where `errors` (a sentence by field) say
    why nothing can be asked."""

    path: str
    range: Range
    tab: str
    given: Mapping[str, str]
    question: Question | None
    errors: Mapping[str, str]

    def query(self, **changes: str | None) -> str:
        """Of this page with other fields; None takes one away."""
        fields = {"tab": "" if self.tab == "steps" else self.tab, **self.given, **changes}
        return f"{self.range.query}&{urlencode({name: text for name, text in fields.items() if text})}".strip("&")

    def with_faults(self, faults: Sequence[Fault]) -> "Address":
        return replace(self, question=None, errors={**self.errors, **errors_of(faults)})

    @property
    def api_query(self) -> str:
        """The same question to the API, which knows no number of days."""
        period = self.range.period
        dates = {} if period is None else {"from": str(period.first_day), "to": str(period.last_day)}
        return urlencode({**dates, **self.given})


def address_of(request: MemberRequest, path: str) -> Address:
    """A tab that does not exist is the first one."""
    asked, chosen = request.GET, range_of(request, request.GET)
    tab = asked.get("tab", "")
    tab = tab if tab in TABS else "steps"
    given = _given({name: asked.get(name, "").strip() for name in (*SETTINGS, *OF_TAB.get(tab, ()))}, tab)
    errors = {} if chosen.period else {"range": chosen.error}
    question = None
    try:
        question = _question(request, given, chosen)
    except Invalid as refused:
        errors |= errors_of(refused.faults)
    return Address(path, chosen, tab, given, None if errors else question, errors)


def _given(typed: dict[str, str], tab: str) -> dict[str, str]:
    """Without what is left empty, and without an attribution where the value is the profile's."""
    if tab == "breakdown":
        typed["breakdown"] = typed["breakdown"] or DEFAULT_BREAKDOWN
        if not (typed["breakdown"].startswith(EVENT) or typed["breakdown"] in questions.DERIVED):
            typed["attribution"] = ""
    return {name: text for name, text in typed.items() if text}


def _question(request: MemberRequest, given: Mapping[str, str], chosen: Range) -> Question:
    fields = {name: text for name, text in given.items() if name in questions.FIELDS}
    question = questions.parse_question(fields, now=request.now, zone=queries.zone_of(request.workspace))
    return question if chosen.period is None else replace(question, period=chosen.period)


def errors_of(faults: Sequence[Fault]) -> dict[str, str]:
    """The first sentence for each field."""
    return {fault.pointer.strip("/").split("/")[0]: fault.detail for fault in reversed(faults)}
