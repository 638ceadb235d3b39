"""What the stored events say about their own quality, counted for the trust layer's signals."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max

from cdp.engine.base import Engine
from cdp.models import Event, RawArchive
from cdp.quality.match import LABELS, OPTIMISED, WEIGHTS, Presence
from cdp.quality.volume import ENOUGH, FEWEST_WEEKS, WEEKS, WIDTHS, Window, windows
from cdp.queries.engine import fresh_engine
from cdp.tracking.rules import DEFAULT_ALIASES
from stratum.lib import clock
from stratum.workspaces.models import Workspace

RECENT = timedelta(hours=48)
DAY = timedelta(hours=24)
PURCHASE = "purchase"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When the event arrived that was stored first, and when the latest one did. `median` and `p95`: seconds from an
    event to its arrival, None without one in a day. `imported` are left out."""

    first: datetime
    last: datetime
    events: int
    imported: int
    median: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders that servers told of within a day: stored, ignored as the second copy of an order, or refused."""

    accepted: int
    ignored: int
    refused: int

    @property
    def known(self) -> int:
        return self.accepted + self.ignored

    @property
    def told(self) -> int:
        return self.known + self.refused


@dataclass(frozen=True, slots=True)
class Pairs:
    """Events told by browser and server: recognised by one event id, or only by one order id and so counted twice."""

    shared: int
    apart: int

    @property
    def told(self) -> int:
        return self.shared + self.apart


def arrivals(workspace: Workspace, *, now: datetime) -> Arrivals | None:
    """None while nothing has ever arrived."""
    received = Event.objects.filter(workspace=workspace, received_at__lte=now)
    stored = received.order_by("xid", "id").values_list("received_at", flat=True)
    first, newest = stored.first(), stored.reverse().first()
    if first is None or newest is None:
        return None
    moved = RawArchive.objects.filter(workspace=workspace).values_list("first_received_at", flat=True).first()
    first = min(first, moved) if moved else first
    # What arrived last may have been stored a little before others.
    last = received.filter(received_at__gte=newest).aggregate(last=Max("received_at"))["last"]
    with connection.cursor() as cursor:
        cursor.execute(_DELAYS, [workspace.pk, now - DAY, now])
        events, imported, delays = cursor.fetchone()
    median, p95 = delays or (None, None)
    return Arrivals(first, last, events, imported, median, p95)


# What is older than a week when it arrives was not delayed: somebody sent history.
_DELAYS = """
    SELECT count(*) FILTER (WHERE delay <= '7 days'), count(*) FILTER (WHERE delay > '7 days'),
        percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY greatest(0, extract(epoch FROM delay)))
            FILTER (WHERE delay <= '7 days')
    FROM (
        SELECT received_at - ts AS delay FROM cdp_event
        WHERE workspace_id = %s AND received_at > %s AND received_at <= %s
    ) AS arrived
"""


def platforms_seen(workspace: Workspace, *, now: datetime) -> set[str]:
    """The platforms that we know weights for and that sent somebody in the last 48 hours."""
    seen = Event.objects.filter(
        workspace=workspace, received_at__gt=now - RECENT, received_at__lte=now, platform__in=list(WEIGHTS)
    )
    return {str(platform) for platform in seen.values_list("platform", flat=True).distinct()}


def presence(workspace: Workspace, *, now: datetime) -> list[Presence]:
    """For each optimisation event of the last 48 hours what it carries, itself or by its profile."""
    with connection.cursor() as cursor:
        cursor.execute(_PRESENCE, {"workspace": workspace.pk, "after": now - RECENT, "now": now, "names": [*OPTIMISED]})
        return [Presence(name, events, dict(zip(LABELS, counts, strict=True))) for name, events, *counts in cursor]


_CLICKED = """(coalesce(context->'page'->>'url', '') || coalesce(context->'page'->>'search', '')
    || coalesce(properties->>'url', '')) ~ '[?&]({parameter})='"""
# An identifier that one event of a profile brought is known for its others: clicks stand on the page where one landed.
_PRESENCE = f"""
WITH recent AS MATERIALIZED (
    SELECT e.name, coalesce(p.merged_into, p.id) AS who, e.properties, e.context
    FROM cdp_event e JOIN cdp_profile p ON p.id = e.profile_id
    WHERE e.workspace_id = %(workspace)s AND e.received_at > %(after)s AND e.received_at <= %(now)s
), asked AS (
    SELECT DISTINCT who FROM recent WHERE name = ANY(%(names)s)
), browsers AS (
    SELECT who,
        bool_or(coalesce(properties->>'fbc', context->>'fbc') IS NOT NULL OR {_CLICKED.format(parameter="fbclid")})
            AS fbc,
        bool_or(coalesce(properties->>'fbp', context->>'fbp') IS NOT NULL) AS fbp,
        bool_or(properties->>'gclid' IS NOT NULL OR {_CLICKED.format(parameter="gclid|gbraid|wbraid")}) AS gclid
    FROM recent JOIN asked USING (who) GROUP BY who
), people AS (
    SELECT asked.who, known.email, known.phone, known.external_id,
        a ->> 'fbc' IS NOT NULL AS fbc, a ->> 'fbp' IS NOT NULL AS fbp, a ->> 'gclid' IS NOT NULL AS gclid,
        coalesce(a->>'firstName', a->>'first_name') IS NOT NULL OR a->>'name' IS NOT NULL AS first_name,
        coalesce(a->>'lastName', a->>'last_name') IS NOT NULL OR a->>'name' ~ '\\S\\s+\\S' AS last_name,
        coalesce(a->'address'->>'postalCode', a->'address'->>'zip', a->>'postalCode', a->>'postal_code', a->>'zip')
            IS NOT NULL AS zip,
        coalesce(a->'address'->>'country', a->>'country') IS NOT NULL AS country
    FROM asked
    JOIN cdp_profile q ON q.id = asked.who
    CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(q.attributes) WHEN 'object' THEN q.attributes END AS a) attributes
    CROSS JOIN LATERAL (
        SELECT bool_or(kind = 'email') AS email, bool_or(kind = 'phone') AS phone,
            bool_or(kind = 'user_id' OR starts_with(kind, 'external:')) AS external_id
        FROM cdp_identifier WHERE profile_id = asked.who
    ) known
)
SELECT name, count(*),
    count(*) FILTER (WHERE people.email),
    count(*) FILTER (WHERE people.phone),
    count(*) FILTER (WHERE people.external_id),
    count(*) FILTER (WHERE browsers.fbc OR people.fbc),
    count(*) FILTER (WHERE browsers.fbp OR people.fbp),
    count(*) FILTER (WHERE browsers.gclid OR people.gclid),
    count(*) FILTER (WHERE people.first_name),
    count(*) FILTER (WHERE people.last_name),
    count(*) FILTER (WHERE context->>'ip' IS NOT NULL),
    count(*) FILTER (WHERE context->>'userAgent' IS NOT NULL),
    count(*) FILTER (WHERE people.zip),
    count(*) FILTER (WHERE people.country OR context->'location'->>'country' IS NOT NULL)
FROM recent JOIN people USING (who) JOIN browsers USING (who)
WHERE name = ANY(%(names)s) GROUP BY name ORDER BY 2 DESC, 1
"""


def orders(workspace: Workspace, *, now: datetime) -> Orders:
    """Within 24 hours; what was refused first and stored later counts as stored only."""
    own = workspace.event_aliases.values_list("original", "name")
    names = [PURCHASE, *(original for original, name in {**DEFAULT_ALIASES, **dict(own)}.items() if name == PURCHASE)]
    with connection.cursor() as cursor:
        cursor.execute(_ORDERS, {"workspace": workspace.pk, "after": now - DAY, "now": now, "names": names})
        return Orders(*cursor.fetchone())


_ORDERS = """
WITH servers AS (SELECT id FROM workspaces_writekey WHERE workspace_id = %(workspace)s AND NOT client_side)
SELECT
    (SELECT count(*) FROM cdp_event WHERE workspace_id = %(workspace)s AND received_at > %(after)s
        AND received_at <= %(now)s AND name = 'purchase' AND source_id IN (SELECT id FROM servers)),
    (SELECT count(*) FROM cdp_eventcopy WHERE workspace_id = %(workspace)s AND received_at > %(after)s
        AND received_at <= %(now)s AND starts_with(pair_key, E'purchase\\x1f')
        AND source_id IN (SELECT id FROM servers)),
    (SELECT count(DISTINCT coalesce(nullif(message_id, ''), id::text)) FROM cdp_rejecteditem item
        WHERE workspace_id = %(workspace)s AND received_at > %(after)s AND received_at <= %(now)s
        AND name = ANY(%(names)s) AND source_id IN (SELECT id FROM servers)
        AND NOT EXISTS (SELECT FROM cdp_event e
            WHERE e.message_id = item.message_id AND e.workspace_id + 0 = %(workspace)s))
"""


def pairs(workspace: Workspace, *, now: datetime) -> Pairs:
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, {"workspace": workspace.pk, "after": now - RECENT, "now": now})
        return Pairs(*cursor.fetchone())


_PAIRS = """
SELECT
    (SELECT count(*) FROM cdp_eventcopy copy
        JOIN LATERAL (SELECT source_id FROM cdp_event
            WHERE pair_key = copy.pair_key AND workspace_id + 0 = copy.workspace_id LIMIT 1) first ON true
        JOIN workspaces_writekey one ON one.id = copy.source_id
        JOIN workspaces_writekey other ON other.id = first.source_id
        WHERE copy.workspace_id = %(workspace)s AND copy.received_at > %(after)s AND copy.received_at <= %(now)s
        AND one.client_side <> other.client_side),
    (SELECT count(*) FROM (
        SELECT FROM cdp_event e JOIN workspaces_writekey source ON source.id = e.source_id
        WHERE e.workspace_id = %(workspace)s AND e.received_at > %(after)s AND e.received_at <= %(now)s
            AND e.name = 'purchase'
            AND coalesce(e.properties->>'order_id', e.properties->>'orderId', e.properties->>'transaction_id') <> ''
        GROUP BY coalesce(e.properties->>'order_id', e.properties->>'orderId', e.properties->>'transaction_id')
        HAVING bool_or(source.client_side) AND NOT bool_and(source.client_side)
    ) AS doubled)
"""


def volume(workspace: Workspace, *, since: datetime, now: datetime) -> tuple[Window, Window] | None:
    """The last two windows; None while the weeks since the first event are too few. Raises EngineError."""
    weeks = min(WEEKS, int((now - since) / timedelta(weeks=1)))
    if weeks < FEWEST_WEEKS:
        return None
    engine, zone = fresh_engine(workspace), ZoneInfo(workspace.time_zone)
    for width in WIDTHS:
        last, before = (_window(engine, spans, now) for spans in windows(now, width, zone, weeks))
        if min(last.expected, before.expected) >= ENOUGH:
            break
    return last, before


def _window(engine: Engine, spans: list[tuple[datetime, datetime]], now: datetime) -> Window:
    (start, end), *_ = spans
    count, *before = (_count(engine, *span, now) for span in spans)
    return Window(start, end, count, tuple(before))


def _count(engine: Engine, start: datetime, end: datetime, now: datetime) -> int:
    answer = engine.daily(clock.to_micros(start), clock.to_micros(end), clock.to_micros(now))
    return int(answer.events.sum())
