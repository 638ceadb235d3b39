"""Which of our fields may meet which field of a Pipedrive person: kinds of values, types, directions, rules, defaults.

Pure. Our fields are written as segments write them: `email`, `attributes.company`, `traits.total_spend`.
https://developers.pipedrive.com/docs/api/v1/PersonFields
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["text", "email", "phone", "number", "money", "date", "flag", "list", "stage"]
Direction = Literal["both", "to_pipedrive", "from_pipedrive"]
Rule = Literal["crm_wins", "stratum_wins", "newest", "fill_blank"]
Verdict = Literal["fits", "converts", "refused"]

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
RULES: tuple[Rule, ...] = get_args(Rule)

RULE_WORDS: Mapping[Rule, str] = {
    "crm_wins": "Pipedrive wins",
    "stratum_wins": "Stratum wins",
    "newest": "The newest edit wins",
    "fill_blank": "Fill in blanks only",
}
DIRECTION_WORDS: Mapping[Direction, str] = {
    "both": "Bidirectional",
    "to_pipedrive": "Stratum → Pipedrive",
    "from_pipedrive": "Pipedrive → Stratum",
}

# The sixteen types of Pipedrive's fields, as its own pages call them.
TYPES: Mapping[str, str] = {
    "varchar": "Text",
    "text": "Large text",
    "double": "Numerical",
    "monetary": "Monetary",
    "date": "Date",
    "daterange": "Date range",
    "time": "Time",
    "timerange": "Time range",
    "phone": "Phone",
    "set": "Multiple options",
    "enum": "Single option",
    "varchar_auto": "Autocomplete",
    "address": "Address",
    "org": "Organization",
    "people": "Person",
    "user": "User",
}

KIND_WORDS: Mapping[Kind, str] = {
    "text": "text",
    "email": "an e-mail address",
    "phone": "a phone number",
    "number": "a number",
    "money": "an amount of money",
    "date": "a date",
    "flag": "yes or no",
    "list": "a list",
    "stage": "a lifecycle stage",
}


@dataclass(frozen=True, slots=True)
class Fit:
    """`sentence` says what is lost or why it cannot be; empty where nothing is."""

    verdict: Verdict
    sentence: str = ""

    @property
    def refused(self) -> bool:
        return self.verdict == "refused"


@dataclass(frozen=True, slots=True)
class Standard:
    """A field that every Pipedrive account has. `kinds` are those of ours that may meet it."""

    code: str
    name: str
    kinds: tuple[Kind, ...]
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line of the default mapping. Without `code` it is a custom field, found (or made) by name and type."""

    local: str
    remote_name: str
    remote_type: str
    direction: Direction
    rule: Rule
    code: str = ""

    @property
    def is_custom(self) -> bool:
        return not self.code


STANDARD: Mapping[str, Standard] = {
    standard.code: standard
    for standard in (
        Standard("emails", "Email", ("email",)),
        Standard("first_name", "First Name", ("text",)),
        Standard("last_name", "Last Name", ("text",)),
        Standard("name", "Name", ("text",)),
        Standard("phones", "Phone", ("phone", "text")),
        Standard("label_ids", "Label", ("stage",), readable=False),
    )
}

PROFILE_ID = "Stratum - Profile ID"

# The manual's tables of field mapping and attribution fields, and the id that makes a second person impossible.
DEFAULTS: tuple[Suggestion, ...] = (
    Suggestion("email", "Email", "varchar", "both", "newest", "emails"),
    Suggestion("first_name", "First Name", "varchar", "both", "newest", "first_name"),
    Suggestion("last_name", "Last Name", "varchar", "both", "newest", "last_name"),
    Suggestion("phone", "Phone", "phone", "both", "newest", "phones"),
    Suggestion("traits.total_spend", "LTV", "monetary", "to_pipedrive", "stratum_wins"),
    Suggestion("traits.last_purchase_date", "Last Purchase", "date", "to_pipedrive", "stratum_wins"),
    Suggestion("lifecycle_stage", "Label", "set", "to_pipedrive", "stratum_wins", "label_ids"),
    Suggestion("traits.last_touch_platform", "Stratum - Ad Platform", "varchar", "to_pipedrive", "stratum_wins"),
    Suggestion("traits.last_touch_campaign", "Stratum - Campaign", "varchar", "to_pipedrive", "stratum_wins"),
    Suggestion("traits.first_touch_source", "Stratum - First Touch Source", "varchar", "to_pipedrive", "stratum_wins"),
    Suggestion(
        "traits.attributed_revenue", "Stratum - Attribution Revenue", "monetary", "to_pipedrive", "stratum_wins"
    ),
    Suggestion("id", PROFILE_ID, "varchar", "to_pipedrive", "stratum_wins"),
)

# What a custom field is made as for each kind of value.
TYPE_OF: Mapping[Kind, str] = {
    "text": "varchar",
    "email": "varchar",
    "phone": "phone",
    "number": "double",
    "money": "monetary",
    "date": "date",
    "flag": "varchar",
    "list": "text",
    "stage": "varchar",
}

# Own fields of a profile and what their values are. Only those of PULLED may be written from Pipedrive.
OWN: Mapping[str, tuple[str, Kind]] = {
    "id": ("Profile ID", "text"),
    "user_id": ("User ID", "text"),
    "email": ("Email", "email"),
    "first_name": ("First Name", "text"),
    "last_name": ("Last Name", "text"),
    "phone": ("Phone", "phone"),
    "lifecycle_stage": ("Lifecycle Stage", "stage"),
    "created_at": ("First seen", "date"),
    "last_seen_at": ("Last seen", "date"),
}
PULLED = frozenset({"email", "first_name", "last_name", "phone"})
ATTRIBUTES, TRAITS = "attributes.", "traits."

FITS = Fit("fits")
AS_TEXT = Fit("converts", "It is written as text, so Pipedrive cannot sum or sort it.")
CUT = "Texts longer than 255 characters are cut."

# Where a kind meets a custom field of a type: fits, or converts with what is lost. Everything else is refused.
FIT: Mapping[tuple[Kind, str], Fit] = {
    **{
        (kind, written): FITS
        for kind in ("text", "email", "phone", "stage")
        for written in ("varchar", "varchar_auto", "text")
    },
    **{(kind, written): AS_TEXT for kind in ("number", "money", "date") for written in ("varchar", "text")},
    ("flag", "varchar"): Fit("converts", "It is written as Yes or No."),
    ("flag", "text"): Fit("converts", "It is written as Yes or No."),
    ("list", "varchar"): Fit("converts", f"The items are written in one text with commas. {CUT}"),
    ("list", "text"): Fit("converts", "The items are written in one text with commas."),
    ("phone", "phone"): FITS,
    ("text", "phone"): Fit("converts", "Only texts that are phone numbers are written."),
    ("number", "double"): FITS,
    ("money", "double"): Fit("converts", "The currency is lost: a monetary field keeps it."),
    ("flag", "double"): Fit("converts", "It is written as 1 or 0."),
    ("money", "monetary"): FITS,
    ("number", "monetary"): Fit("converts", "It is written in the workspace's currency."),
    ("date", "date"): FITS,
    ("text", "date"): Fit("converts", "Only texts like 2026-01-31 are written."),
    ("stage", "enum"): FITS,
    ("text", "enum"): Fit("converts", "Only texts that are one of the field's options are written."),
    ("flag", "enum"): Fit("converts", "It is written as Yes or No, if the field has these options."),
    ("list", "set"): Fit("converts", "Only items that are among the field's options are written."),
    ("text", "set"): Fit("converts", "Only texts that are one of the field's options are written."),
    ("stage", "set"): FITS,
    ("text", "address"): FITS,
}
NOT_OURS: Mapping[str, str] = {
    "org": "links to an organization of Pipedrive",
    "people": "links to another person of Pipedrive",
    "user": "links to a user of Pipedrive",
    "time": "holds a time of day",
    "timerange": "holds a range of times",
    "daterange": "holds a range of dates",
}


def fit(kind: Kind, remote_type: str, *, code: str = "") -> Fit:
    """Whether values of a kind may be written into a field; `code` names a standard one."""
    if code in STANDARD:
        return _fit_standard(kind, STANDARD[code])
    found = FIT.get((kind, remote_type))
    if found is not None:
        return found
    if remote_type in NOT_OURS:
        return Fit("refused", f"A field of type {TYPES[remote_type]} {NOT_OURS[remote_type]}, which Stratum does not.")
    if remote_type not in TYPES:
        return Fit("refused", f"Stratum does not know fields of type “{remote_type[:40]}”.")
    return Fit("refused", f"A field of type {TYPES[remote_type]} cannot hold {KIND_WORDS[kind]}.")


def _fit_standard(kind: Kind, standard: Standard) -> Fit:
    if kind in standard.kinds:
        return FITS
    allowed = " or ".join(KIND_WORDS[each] for each in standard.kinds)
    return Fit("refused", f"{standard.name} takes {allowed}, not {KIND_WORDS[kind]}.")


def suggestion_for(local: str, label: str, kind: Kind) -> Suggestion:
    """A custom field for something of ours: that of the default mapping, else one of its own name."""
    known = (each for each in DEFAULTS if each.local == local and each.is_custom)
    name = f"Stratum - {label}"[:255]
    return next(known, Suggestion(local, name, TYPE_OF[kind], "to_pipedrive", "stratum_wins"))


def may_pull(local: str) -> bool:
    """Whether Pipedrive may write it: computed traits, stages and ids are Stratum's own."""
    return local in PULLED or local.startswith(ATTRIBUTES)


def directions(local: str, *, code: str = "") -> tuple[Direction, ...]:
    """Those that make sense for a pair."""
    if not may_pull(local) or (code in STANDARD and not STANDARD[code].readable):
        return ("to_pipedrive",)
    return DIRECTIONS


def label_of(local: str) -> str:
    """Of a field of ours, where nothing better is known."""
    if local in OWN:
        return OWN[local][0]
    return local.partition(".")[2].replace("_", " ").strip().capitalize() or local
