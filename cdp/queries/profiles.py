"""Who somebody is and what they did, from the truth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet

from cdp.engine.arrays import Ints
from cdp.engine.overviews import Activity
from cdp.models import Change, Event, Identifier, IdentifierKind, Profile
from cdp.queries import raw_archive
from cdp.queries.arrays import NOBODY
from cdp.queries.engine import answering, fresh_engine
from cdp.queries.universe import universe
from cdp.tracking.identity import read_phone
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Missing
from stratum.workspaces.models import Workspace

PURCHASE = "purchase"
KNOWN_BY = ("user_id", "email", "phone")
WEAKEST = IdentifierKind.ANONYMOUS_ID
NEWEST = 2_000  # profiles that are looked at for the names of attributes
MOST_FOUND = 1_000  # of a search; nobody reads on
LARGEST_ID = 2**63 - 1
SORTED_AHEAD = 4  # times as many as are asked for, so that who reads on to the end sorts only a few times


@dataclass(frozen=True, slots=True)
class Facts:
    """What somebody's counted events say."""

    events: int = 0
    purchases: int = 0
    last_seen_at: datetime | None = None
    last_purchase_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProfileCard:
    """A profile as lists, its page, the API and CSV show it. `identifiers` by kind from strong to weak, each by age."""

    id: int
    attributes: Mapping[str, Any]
    identifiers: Mapping[str, tuple[str, ...]]
    created_at: datetime
    lifecycle_stage: str
    facts: Facts

    @property
    def user_id(self) -> str | None:
        return self.first("user_id")

    @property
    def email(self) -> str | None:
        return self.first("email")

    @property
    def phone(self) -> str | None:
        return self.first("phone")

    @property
    def name(self) -> str:
        return name_of(self.id, self.attributes, self.identifiers)

    def first(self, kind: str) -> str | None:
        return next(iter(self.identifiers.get(kind, ())), None)


@dataclass(frozen=True, slots=True)
class TimelineItem:
    event: Event
    is_voided: bool


def name_of(profile_id: int, attributes: Mapping[str, Any], identifiers: Mapping[str, tuple[str, ...]]) -> str:
    """The best words for this person."""
    full = " ".join(str(attributes[part]) for part in ("first_name", "last_name") if attributes.get(part))
    known = (identifiers[kind][0] for kind in ("email", "user_id") if kind in identifiers)
    return full or str(attributes.get("name") or "") or next(known, f"Visitor {profile_id}")


def live(workspace: Workspace) -> QuerySet[Profile]:
    return Profile.objects.filter(workspace=workspace, merged_into=None, erased_at=None)


def get(workspace: Workspace, profile_id: int) -> Profile:
    """The profile, or the survivor it was merged into."""
    profile = Profile.objects.filter(workspace=workspace, pk=profile_id).first()
    if profile is None:
        raise Missing("There is no profile with that number in this workspace.")
    if profile.erased_at is not None:
        raise Missing("This profile was erased. Nothing about the person is kept.")
    if profile.merged_into is not None:
        return get(workspace, profile.merged_into)
    return profile


def attribute_names(workspace: Workspace) -> list[str]:
    """Of the newest profiles that have any, the most frequent first: what a picker offers."""
    with raw_cursor() as cursor:
        cursor.execute(_ATTRIBUTE_NAMES, [workspace.pk, NEWEST])
        return [name for (name,) in cursor.fetchall()]


_ATTRIBUTE_NAMES = """
SELECT name FROM (
    SELECT attributes FROM cdp_profile
    WHERE workspace_id = %s AND merged_into IS NULL AND erased_at IS NULL AND attributes <> '{}'
    ORDER BY id DESC LIMIT %s
) newest, jsonb_object_keys(attributes) name
GROUP BY name ORDER BY count(*) DESC, name LIMIT 60
"""


def attribute_types(workspace: Workspace) -> dict[str, set[str]]:
    """Of the same attributes, the JSON types of their values; the most frequent attribute first."""
    with raw_cursor() as cursor:
        cursor.execute(_ATTRIBUTE_TYPES, [workspace.pk, NEWEST])
        return {name: set(types) for name, types in cursor.fetchall()}


_ATTRIBUTE_TYPES = """
SELECT name, array_agg(DISTINCT jsonb_typeof(value)) FROM (
    SELECT attributes FROM cdp_profile
    WHERE workspace_id = %s AND merged_into IS NULL AND erased_at IS NULL AND attributes <> '{}'
    ORDER BY id DESC LIMIT %s
) newest, jsonb_each(attributes) attribute(name, value)
GROUP BY name ORDER BY count(*) DESC, name LIMIT 60
"""


def card(workspace: Workspace, profile: Profile, *, now: datetime) -> ProfileCard:
    return cards(workspace, [profile], now=now)[0]


def cards(workspace: Workspace, profiles: Sequence[Profile], *, now: datetime) -> list[ProfileCard]:
    """The cards of these profiles, in their order, by two queries."""
    keys = [profile.pk for profile in profiles]
    identifiers = _identifiers(keys)
    facts = _facts(workspace, keys, now)
    return [
        _card(workspace, profile, identifiers.get(profile.pk, {}), facts.get(profile.pk, Facts()), now)
        for profile in profiles
    ]


def _card(
    workspace: Workspace, profile: Profile, identifiers: dict[str, tuple[str, ...]], facts: Facts, now: datetime
) -> ProfileCard:
    stage = lifecycle_stage(
        known=any(kind in identifiers for kind in KNOWN_BY),
        last_purchase_at=facts.last_purchase_at,
        now=now,
        churn_days=workspace.churn_days,
    )
    return ProfileCard(profile.pk, profile.attributes, identifiers, profile.created_at, stage, facts)


def lifecycle_stage(*, known: bool, last_purchase_at: datetime | None, now: datetime, churn_days: int) -> str:
    """anonymous → known → customer (bought once) → churned (nothing for `churn_days`)."""
    if last_purchase_at is not None:
        return "customer" if now - last_purchase_at <= timedelta(days=churn_days) else "churned"
    return "known" if known else "anonymous"


def _identifiers(keys: Iterable[int]) -> dict[int, dict[str, tuple[str, ...]]]:
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    rows = Identifier.objects.filter(profile_id__in=keys).order_by("created_at", "id")
    for profile, kind, value in rows.values_list("profile_id", "kind", "value"):
        kinds = found.setdefault(profile, {})
        kinds[kind] = (*kinds.get(kind, ()), value)
    return {profile: dict(sorted(kinds.items(), key=_weakness)) for profile, kinds in found.items()}


def _weakness(identifiers: tuple[str, tuple[str, ...]]) -> tuple[int, str]:
    """user_id, email, phone, external ids, anonymous_id."""
    kind = identifiers[0]
    place = KNOWN_BY.index(kind) if kind in KNOWN_BY else len(KNOWN_BY) + (kind == WEAKEST)
    return place, kind


def _facts(workspace: Workspace, keys: list[int], now: datetime) -> dict[int, Facts]:
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, {"workspace": workspace.pk, "keys": keys, "now": now, "purchase": PURCHASE})
        here = {owner: Facts(*rest) for owner, *rest in cursor.fetchall()}
    archive = raw_archive.archive_of(workspace.pk)
    return here if archive is None else _with_moved(archive, here, keys, now)


def _with_moved(
    archive: raw_archive.Archive, here: dict[int, Facts], keys: list[int], now: datetime
) -> dict[int, Facts]:
    merged = Profile.objects.filter(merged_into__in=keys).values_list("pk", "merged_into")
    owners = {**dict.fromkeys(keys), **dict(merged)}
    with answering():
        moved = raw_archive.facts(archive, list(owners), PURCHASE, now)
    found = dict(here)
    for profile, (events, purchases, last, last_purchase) in moved.items():
        owner = owners[profile] or profile
        known = found.get(owner, Facts())
        found[owner] = Facts(
            known.events + events,
            known.purchases + purchases,
            _later(known.last_seen_at, last),
            _later(known.last_purchase_at, last_purchase),
        )
    return found


def _later(known: datetime | None, micros: int) -> datetime | None:
    """`micros` 0 is never."""
    moved = clock.from_micros(micros) if micros else None
    return max(filter(None, (known, moved)), default=None)


# One walk along the index for each profile: joined, a database that has no statistics yet reads every event.
_FACTS = """
SELECT coalesce(p.merged_into, p.id), sum(e.happened)::bigint, sum(e.bought)::bigint, max(e.last), max(e.last_bought)
FROM (
    SELECT coalesce(max(before), '-infinity') AS before, coalesce(max(through), 0)::text::xid8 AS through
    FROM cdp_rawarchive WHERE workspace_id = %(workspace)s
) moved CROSS JOIN cdp_profile p CROSS JOIN LATERAL (
    SELECT count(*) AS happened, count(*) FILTER (WHERE e.name = %(purchase)s) AS bought,
        max(e.ts) AS last, max(e.ts) FILTER (WHERE e.name = %(purchase)s) AS last_bought
    FROM cdp_event e
    WHERE e.profile_id = p.id AND e.kind <= 2 AND e.ts <= %(now)s
        AND NOT (e.ts < moved.before AND e.xid <= moved.through)
        AND NOT EXISTS (SELECT FROM cdp_change c WHERE c.event_id = e.id AND c.kind = 'void')
) e
WHERE p.id = ANY(%(keys)s) OR p.merged_into = ANY(%(keys)s)
GROUP BY 1 HAVING sum(e.happened) > 0
"""


def names(workspace: Workspace, keys: Iterable[int]) -> dict[int, str]:
    """What to call these profiles, each under the number it was asked by; merged ones by their survivor's name."""
    asked = {profile.pk: profile for profile in Profile.objects.filter(workspace=workspace, pk__in=set(keys))}
    survivors = {profile.merged_into for profile in asked.values() if profile.merged_into} - asked.keys()
    everybody = asked | (Profile.objects.in_bulk(survivors) if survivors else {})
    identifiers = _identifiers(everybody)
    named = {
        pk: "Erased" if profile.erased_at else name_of(pk, profile.attributes, identifiers.get(pk, {}))
        for pk, profile in everybody.items()
    }
    return {pk: named[profile.merged_into or pk] for pk, profile in asked.items()}


# Finding


class Recent:
    """The numbers of all live profiles, those seen last first and those never seen last. Is cut like a list.

    Of half a million people the first page wants 25, so only as many are sorted as are asked for.
    """

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.workspace = workspace
        self.now = now
        self._sorted = NOBODY

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, part: slice) -> list[int]:
        start, stop, _ = part.indices(len(self))
        keys: list[int] = self._latest(stop)[start:stop].tolist()
        seen = len(self._activity.profile)
        if stop > seen:
            keys += self._idle[max(start - seen, 0) : stop - seen].tolist()
        return keys

    @cached_property
    def _count(self) -> int:
        return len(universe(self.workspace).profile)

    @cached_property
    def _activity(self) -> Activity:
        with answering():
            return fresh_engine(self.workspace).activity(clock.to_micros(self.now))

    def _latest(self, most: int) -> Ints:
        """At least so many of the active, as far as there are, those seen last first."""
        if len(self._sorted) < min(most, len(self._activity.profile)):
            self._sorted = self._sort(SORTED_AHEAD * most)
        return self._sorted

    def _sort(self, most: int) -> Ints:
        profile, last = self._activity.profile, self._activity.last_ts
        if most < len(last):
            chosen = np.flatnonzero(last >= np.partition(last, -most)[-most])
            profile, last = profile[chosen], last[chosen]
        return profile[np.lexsort((profile, -last))]

    @cached_property
    def _idle(self) -> Ints:
        """Those who never did anything that counts, newest first."""
        return np.setdiff1d(universe(self.workspace).profile, self._activity.profile)[::-1]


def listed(workspace: Workspace, words: str, *, now: datetime) -> Recent | list[int]:
    """The numbers of the profiles that `words` find, or of all of them, in the order of the list."""
    return search(workspace, words) if words.strip() else Recent(workspace, now)


def shown(workspace: Workspace, keys: Sequence[int], *, now: datetime) -> list[ProfileCard]:
    """The cards of these numbers, in their order; three queries."""
    found = live(workspace).in_bulk(keys)
    return cards(workspace, [found[key] for key in keys if key in found], now=now)


def search(workspace: Workspace, words: str, within: QuerySet[Profile] | None = None) -> list[int]:
    """Numbers of profiles: the one of that number, then identifiers equal to `words`, then those that start so; of
    everybody or of those `within`."""
    needle = words.strip()
    spellings = _spellings(workspace, needle)
    numbered, identifiers = _numbered(workspace, needle), Identifier.objects.filter(workspace=workspace)
    if within is not None:
        numbered = list(within.filter(pk__in=numbered).values_list("pk", flat=True))
        identifiers = identifiers.filter(profile_id__in=within.values("pk"))
    found = dict.fromkeys(numbered)
    found |= dict.fromkeys(identifiers.filter(value__in=spellings).values_list("profile_id", flat=True))
    for spelling in spellings:
        matches = identifiers.filter(value__startswith=spelling).order_by("value")
        found |= dict.fromkeys(matches.values_list("profile_id", flat=True)[: 2 * MOST_FOUND])
    return list(found)[:MOST_FOUND]


def _spellings(workspace: Workspace, needle: str) -> set[str]:
    """As typed, as an e-mail address is kept, and as a phone number is."""
    phone = read_phone(needle, workspace.default_country)
    return {needle, needle.lower()} | ({phone} if phone else set())


def _numbered(workspace: Workspace, needle: str) -> list[int]:
    if not (needle.isdecimal() and int(needle[:20]) <= LARGEST_ID):
        return []
    named = Profile.objects.filter(workspace=workspace, pk=int(needle[:20]), erased_at=None)
    return [merged_into or pk for pk, merged_into in named.values_list("pk", "merged_into")]


def matching(workspace: Workspace, identifiers: Mapping[str, str]) -> QuerySet[Profile]:
    """Live profiles that have all of these identifiers, given by kind."""
    found = live(workspace)
    for kind, value in identifiers.items():
        found = found.filter(pk__in=_owners(workspace, kind, value))
    return found


def look_up(workspace: Workspace, *, kind: str, value: str) -> Profile:
    """The profile behind an identifier, for personalisation."""
    owner = _owners(workspace, kind, value).first()
    if owner is None:
        raise Missing(f"Nobody in this workspace has the {kind} “{value[:100]}”.")
    return get(workspace, owner)


def _owners(workspace: Workspace, kind: str, value: str) -> "QuerySet[Identifier, int]":
    exact = value.strip()
    if kind == IdentifierKind.EMAIL:
        exact = exact.lower()
    elif kind == IdentifierKind.PHONE:
        exact = read_phone(exact, workspace.default_country) or exact
    return Identifier.objects.filter(workspace=workspace, kind=kind, value=exact).values_list("profile_id", flat=True)


# What they did


def events_of(profile: Profile) -> QuerySet[Event]:
    """Also those from before they were merged."""
    return Event.objects.filter(profile_id__in=cluster_of(profile))


def life_of(profile: Profile) -> "QuerySet[Event] | raw_archive.Life":
    """The same, to be paged, wherever they lie."""
    if not raw_archive.has_any(profile.workspace):
        return events_of(profile)
    return raw_archive.Life(list(raw_archive.whole_life(profile.workspace_id, cluster_of(profile))))


def cluster_of(profile: Profile) -> list[int]:
    """Its number and those of the profiles that were merged into it."""
    return [profile.pk, *Profile.objects.filter(merged_into=profile.pk).values_list("pk", flat=True)]


def timeline(
    profile: Profile, *, limit: int, before: tuple[datetime, int] | None = None
) -> tuple[list[TimelineItem], tuple[datetime, int] | None]:
    """Newest first, with the position to go on from, if there is more."""
    with answering():
        rows = raw_archive.timeline(profile.workspace_id, cluster_of(profile), limit + 1, before)
    more = (rows[limit - 1].ts, rows[limit - 1].pk) if len(rows) > limit else None
    return with_voids(rows[:limit]), more


def with_voids(events: Sequence[Event]) -> list[TimelineItem]:
    voids = Change.objects.filter(kind=Change.Kind.VOID, event_id__in=[event.pk for event in events])
    voided = set(voids.values_list("event_id", flat=True))
    return [TimelineItem(event, event.pk in voided) for event in events]


def merges(profile: Profile) -> list[Change]:
    """The merges that made this profile what it is and that can be split, the latest first; one per merged profile."""
    losers = Profile.objects.filter(merged_into=profile.pk).values("pk")
    found = Change.objects.filter(
        workspace=profile.workspace_id, kind=Change.Kind.MERGE, profile_id__in=losers, before__isnull=False
    )
    latest: dict[int | None, Change] = {}
    for change in found.order_by("-xid", "-id"):
        latest.setdefault(change.profile_id, change)
    return list(latest.values())
