"""What the filters of the audit log leave, and what is counted of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from stratum.lib.refusal import Invalid, NotAllowed
from stratum.workspaces.models import Workspace
from tests.trustlayer.conftest import BRAND, CARTS, DECIDED, SUMMER, Write
from trustlayer import asked
from trustlayer.columns import shape_of
from trustlayer.models import LedgerEntry
from trustlayer.queries import audit
from trustlayer.queries.audit import Found
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft

BERLIN = ZoneInfo("Europe/Berlin")


def ask(workspace: Workspace, now: datetime, **filters: str) -> Found:
    given = {name.rstrip("_"): value for name, value in filters.items()}
    return audit.find(workspace, asked.parse(given, now=now, zone=BERLIN))


@pytest.mark.parametrize(
    ("filters", "seqs"),
    [
        ({}, [1, 2, 3, 4, 7]),
        ({"range": "7d"}, [4, 7]),
        ({"range": "30d"}, [2, 3, 4, 7]),
        ({"from_": "2026-01-05", "to": "2026-01-10"}, [3, 4]),
        ({"from_": "2026-01-05T12:00:00.000001Z"}, [4, 7]),
        ({"to": "2025-12-26"}, [1, 2]),
        ({"decision": "HOLD,BLOCK"}, [2, 3, 4]),
        ({"decision": "pass"}, [1, 7]),
        ({"action_type": "budget"}, [1, 3, 4]),
        ({"action_type": "pause_adset,bid"}, [2, 7]),
        ({"entity_type": "ad set"}, [2]),
        ({"entity": "summer"}, [1]),
        ({"entity": "9"}, [3, 4, 7]),
        ({"entity": "ad set: retargeting"}, [2]),
        ({"platform": "google"}, [3, 4, 7]),
        ({"health_max": "69"}, [2, 3, 4]),
        ({"health_min": "36", "health_max": "62"}, [2]),
        ({"actor": "user"}, [2]),
        ({"actor": "bob"}, [2]),
        ({"actor": "system"}, [1, 3, 4, 7]),
        ({"dry_run": "true"}, [5]),
        ({"dry_run": "all"}, [1, 2, 3, 4, 5, 7]),
        ({"kind": "policy"}, [6]),
        ({"kind": "all"}, [1, 2, 3, 4, 6, 7]),
        ({"block_reason": "EMQ score … (below 4.0 threshold)"}, [3, 4]),
        ({"q": "cart ABANDONERS"}, [2]),
        ({"q": "emq score 2.9"}, [4]),
        ({"q": "bob"}, [2]),
        ({"q": "nothing like this"}, []),
    ],
)
def test_each_filter(
    workspace: Workspace, book: list[LedgerEntry], now: datetime, filters: Mapping[str, str], seqs: list[int]
) -> None:
    assert ask(workspace, now, **filters).seqs.tolist() == seqs


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"range": "7"}, "/range"),
        ({"range": "0d"}, "/range"),
        ({"range": "99999d"}, "/range"),
        ({"range": "7d", "from": "2026-01-01"}, "/range"),
        ({"from": "yesterday"}, "/from"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "/to"),
        ({"decision": "MAYBE"}, "/decision"),
        ({"action_type": "budget,dance"}, "/action_type"),
        ({"health_min": "101"}, "/health_min"),
        ({"health_max": "-1"}, "/health_max"),
        ({"health_min": "70", "health_max": "69"}, "/health_max"),
        ({"dry_run": "perhaps"}, "/dry_run"),
        ({"kind": "gossip"}, "/kind"),
        ({"q": "x" * 201}, "/q"),
        ({"entity": "a\0b"}, "/entity"),
    ],
)
def test_nonsense_is_refused_at_its_place(now: datetime, given: dict[str, str], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        asked.parse(given, now=now, zone=BERLIN)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_a_plan_without_audit_logs_has_none(workspace: Workspace, now: datetime) -> None:
    workspace.plan = "starter"
    with pytest.raises(NotAllowed, match="Trust Gate Audit Logs"):
        ask(workspace, now)


def test_another_workspace_is_another_book(
    workspace: Workspace, other_workspace: Workspace, book: list[LedgerEntry], write: Write, now: datetime
) -> None:
    theirs = write("HOLD", into=other_workspace)
    found = ask(other_workspace, now)
    assert [entry.pk for entry in audit.page(found).entries] == [theirs.pk]
    assert audit.analytics(found).decisions == (0, 1, 0)
    assert audit.analytics(ask(workspace, now)).decisions == (2, 1, 2)


class TestPages:
    def test_they_never_shift(self, workspace: Workspace, write: Write, now: datetime) -> None:
        for _ in range(7):
            write()
        first = audit.page(ask(workspace, now), limit=3)
        assert [entry.seq for entry in first.entries] == [7, 6, 5]
        write()
        second = audit.page(ask(workspace, now), before=first.older, limit=3)
        assert [entry.seq for entry in second.entries] == [4, 3, 2]
        third = audit.page(ask(workspace, now), before=second.older, limit=3)
        assert ([entry.seq for entry in third.entries], third.older) == ([1], None)
        back = audit.page(ask(workspace, now), after=third.newer, limit=3)
        assert [entry.seq for entry in back.entries] == [4, 3, 2]

    def test_what_came_since_is_counted(self, workspace: Workspace, write: Write, now: datetime) -> None:
        seen = write().seq
        assert audit.count_newer(ask(workspace, now), seen) == 0
        write("HOLD")
        write("PASS")
        assert audit.count_newer(ask(workspace, now, decision="HOLD"), seen) == 1


class TestAnalytics:
    def test_all_of_it(self, workspace: Workspace, book: list[LedgerEntry], now: datetime) -> None:
        found = audit.analytics(ask(workspace, now, range="30d"))
        assert (found.total, found.decisions, found.per) == (4, (1, 1, 2), "day")
        assert len(found.trend) == 30
        assert {str(one.first): one.counts for one in found.trend if any(one.counts)} == {
            "2025-12-26": (0, 1, 0),
            "2026-01-05": (0, 0, 1),
            "2026-01-10": (0, 0, 1),
            "2026-01-14": (1, 0, 0),
        }
        assert found.block_reasons == (("EMQ score … (below 4.0 threshold)", 2),)
        assert found.entity_types == (("Campaign", (1, 0, 2)), ("Ad Set", (0, 1, 0)))

    def test_policy_changes_are_no_decisions(
        self, workspace: Workspace, book: list[LedgerEntry], now: datetime
    ) -> None:
        assert audit.analytics(ask(workspace, now, kind="all")).total == 5

    def test_a_day_is_a_day_of_the_workspace(self, workspace: Workspace, write: Write, now: datetime) -> None:
        write(days=0.52)  # 2026-01-14 23:31 UTC is the 15th in Berlin
        found = audit.analytics(ask(workspace, now))
        assert [str(one.first) for one in found.trend] == ["2026-01-15"]

    @pytest.mark.parametrize(("days", "per", "buckets"), [(91, "day", 92), (200, "week", 30), (800, "month", 27)])
    def test_long_trends_are_coarser(
        self, workspace: Workspace, write: Write, now: datetime, days: int, per: str, buckets: int
    ) -> None:
        write(days=days)
        write()
        found = audit.analytics(ask(workspace, now))
        assert (found.per, len(found.trend)) == (per, buckets)
        assert sum(sum(one.counts) for one in found.trend) == 2

    def test_nothing_is_nothing(self, workspace: Workspace, now: datetime) -> None:
        found = audit.analytics(ask(workspace, now))
        assert (found.total, found.trend, found.block_reasons, found.entity_types) == (0, (), (), ())

    def test_a_chip_counts_what_it_would_leave(
        self, workspace: Workspace, book: list[LedgerEntry], now: datetime
    ) -> None:
        counts = audit.facets(ask(workspace, now, decision="HOLD"))
        assert counts["decision"] == {"PASS": 2, "HOLD": 1, "BLOCK": 2}
        assert counts["action_type"] == {"pause": 1}
        assert counts["platform"] == {"meta": 1}


@pytest.mark.parametrize(
    ("sentence", "shape"),
    [
        ("EMQ score 3.2 (below 4.0 threshold)", "EMQ score … (below 4.0 threshold)"),
        ("Signal health 35 (below 40 threshold)", "Signal health … (below 40 threshold)"),
        ("Freshness 25 h (critical: at least 24 h)", "Freshness … h (critical: at least 24 h)"),
        ("No signal has been measured", "No signal has been measured"),
    ],
)
def test_reasons_that_differ_in_what_was_measured_are_one(sentence: str, shape: str) -> None:
    assert shape_of("ignored", sentence) == shape


def test_columns_agree_with_the_table(workspace: Workspace, now: datetime) -> None:
    """Four hundred random entries, in two parts; every question is asked of the database too."""
    random = Random(7)
    for part in range(2):
        drafts = [_random_draft(random) for _ in range(200)]
        for start in range(0, 200, 20):
            at = now - timedelta(days=60 - 25 * part, hours=random.randrange(200))
            ledger.append(workspace=workspace, drafts=drafts[start : start + 20], now=at)
        for _ in range(40):
            _compare(workspace, now, random)


def _random_draft(random: Random) -> Draft:
    usual: dict[str, Any] = dict(DECIDED[random.choice(list(DECIDED))])
    usual["entity"] = random.choice([SUMMER, CARTS, BRAND])
    usual["signal_health"] = random.choice([None, *range(20, 100, 7)])
    usual["is_dry_run"] = random.random() < 0.2
    return Draft(**usual)


def _compare(workspace: Workspace, now: datetime, random: Random) -> None:
    given: dict[str, str] = {}
    rows = LedgerEntry.objects.filter(workspace=workspace, kind="decision", is_dry_run=False)
    if random.random() < 0.5:
        given["decision"] = random.choice(["PASS", "HOLD", "BLOCK"])
        rows = rows.filter(decision=given["decision"])
    if random.random() < 0.5:
        given["platform"] = random.choice(["meta", "google", "tiktok"])
        rows = rows.filter(entity_type__isnull=False, platform=given["platform"])
    if random.random() < 0.5:
        low = random.randrange(100)
        given["health_min"] = str(low)
        rows = rows.filter(signal_health__gte=low)
    if random.random() < 0.5:
        given["range"] = f"{random.randrange(1, 70)}d"
        period = asked.parse(given, now=now, zone=BERLIN).period
        assert period is not None
        rows = rows.filter(timestamp__gte=period.start, timestamp__lt=period.end)
    found = audit.find(workspace, asked.parse(given, now=now, zone=BERLIN))
    assert found.seqs.tolist() == list(rows.order_by("seq").values_list("seq", flat=True)), given
    told = audit.analytics(found)
    assert told.decisions == tuple(rows.filter(decision=name).count() for name in asked.DECISIONS), given
    assert sum(sum(one.counts) for one in told.trend) == told.total == rows.count()
