"""What somebody asks of the book: one reading of the filters for page, charts, API and exports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.http import urlencode

from stratum.lib import periods, problems
from stratum.lib.periods import Period
from stratum.lib.refusal import Fault, Invalid
from trustlayer.actions import ACTIONS, GROUPS

DECISIONS = ("PASS", "HOLD", "BLOCK")
KINDS = ("decision", "action", "export", "policy", "retention", "erasure", "settings")
DRY_RUNS = ("false", "true", "all")
LISTS = ("decision", "action_type", "entity_type", "platform", "kind")
TEXTS = ("entity", "actor", "block_reason", "q")
FILTERS = ("range", "from", "to", *LISTS, *TEXTS, "health_min", "health_max", "dry_run")
LONGEST = 200
MOST_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its filters read. Empty filters leave everything in; `kinds` is decisions unless said."""

    given: tuple[tuple[str, str], ...]
    period: Period | None
    zone: ZoneInfo
    decisions: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    entity_types: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset({"decision"})
    entity: str = ""
    actor: str = ""
    block_reason: str = ""
    text: str = ""
    health_min: int | None = None
    health_max: int | None = None
    dry_run: str = "false"

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.given)

    @property
    def query(self) -> str:
        return urlencode(self.given)

    def changed(self, **changes: str) -> str:
        """The query with these filters instead; an empty one is left out."""
        return urlencode({name: value for name, value in {**self.parameters, **changes}.items() if value})

    def toggled(self, name: str, value: str) -> str:
        """The query with one more value of a list, or one less."""
        chosen = [one for one in self.parameters.get(name, "").split(",") if one]
        kept = [one for one in chosen if one != value] if value in chosen else [*chosen, value]
        return self.changed(**{name: ",".join(kept)})

    def has(self, name: str, value: str) -> bool:
        return value in self.parameters.get(name, "").split(",")


def plain(given: Iterable[tuple[str, list[str]]]) -> dict[str, str]:
    """Of repeated parameters of an address: values of a list joined by commas, of anything else the last."""
    read = ((name, ",".join(values) if name in LISTS else values[-1]) for name, values in given if values)
    return {name: value for name, value in read if value}


def parse(parameters: Mapping[str, str], *, now: datetime, zone: ZoneInfo) -> Asked:
    """Raises Invalid with a pointer for each filter that makes no sense. Names that are no filter are left alone."""
    read = {name: parameters.get(name, "").strip() for name in FILTERS}
    reader = _Reader(read)
    period = reader.period(now, zone)
    actions = reader.choices("action_type", (*GROUPS, *ACTIONS))
    low, high = reader.score("health_min"), reader.score("health_max")
    if low is not None and high is not None and low > high:
        reader.refuse("health_max", "The highest signal health is below the lowest.")
    asked = Asked(
        given=tuple((name, value) for name, value in read.items() if value),
        period=period,
        zone=zone,
        decisions=reader.choices("decision", DECISIONS, str.upper),
        actions=frozenset(kind.name for kind in ACTIONS.values() if {kind.name, kind.group} & actions),
        entity_types=frozenset(one.casefold() for one in reader.listed("entity_type")),
        platforms=frozenset(one.casefold() for one in reader.listed("platform")),
        kinds=reader.choices("kind", (*KINDS, "all")) or frozenset({"decision"}),
        **{"text" if name == "q" else name: reader.text(name) for name in TEXTS},
        health_min=low,
        health_max=high,
        dry_run=next(iter(reader.choices("dry_run", DRY_RUNS)), "false"),
    )
    if reader.faults:
        raise Invalid(reader.faults)
    return replace(asked, kinds=frozenset(KINDS)) if "all" in asked.kinds else asked


class _Reader:
    """Collects what is wrong, so that all of it is said at once."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self.faults = [*problems.unstorable(dict(given))]

    def refuse(self, name: str, sentence: str) -> None:
        self.faults.append(Fault(f"/{name}", sentence))

    def listed(self, name: str) -> list[str]:
        return [one.strip()[:LONGEST] for one in self.given[name].split(",") if one.strip()]

    def text(self, name: str) -> str:
        if len(self.given[name]) > LONGEST:
            self.refuse(name, f"This filter has at most {LONGEST} characters.")
        return self.given[name].casefold()

    def choices(self, name: str, known: Iterable[str], form: type | object = str.lower) -> frozenset[str]:
        choices = tuple(known)
        found = {form(one) for one in self.listed(name)}  # type: ignore[operator]
        if strange := sorted(found - set(choices)):
            self.refuse(name, f"“{strange[0][:40]}” is no choice here. Choose of {', '.join(choices)}.")
        return frozenset(found & set(choices))

    def score(self, name: str) -> int | None:
        given = self.given[name]
        if not given:
            return None
        if not (given.isascii() and given.isdigit() and len(given) <= 3 and int(given) <= 100):
            self.refuse(name, "Signal health is a whole number from 0 to 100.")
            return None
        return int(given)

    def period(self, now: datetime, zone: ZoneInfo) -> Period | None:
        span, first, last = (self.given[name] for name in ("range", "from", "to"))
        if span and (first or last):
            self.refuse("range", "Give either a range such as 7d, or from and to.")
        elif span:
            days = span.removesuffix("d")
            if span.endswith("d") and days.isascii() and days.isdigit() and 0 < int(days[:6]) <= MOST_DAYS:
                return periods.last_days(int(days), now, zone)
            self.refuse("range", f"Write the range in days, such as 7d or 30d, at most {MOST_DAYS}d.")
        elif first or last:
            try:
                return periods.parse_period(first or str(periods.EARLIEST), last, now=now, zone=zone)
            except Invalid as refused:
                self.faults += refused.faults
        return None
