"""From events to insights: complete days only, unique users, segments, links that show the same numbers."""

from datetime import date, datetime
from urllib.parse import parse_qs

import numpy as np
import pytest

from cdp.definitions.funnel_questions import Question, parse_question
from cdp.models import Funnel, Profile
from cdp.queries import funnels
from cdp.queries import insights as queries
from cdp.queries.insights import Insights
from cdp.services import segments
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.insights.conftest import MakeFunnel


def ask(workspace: Workspace, funnel: Funnel, now: datetime, **fields: str) -> Insights:
    definition = funnels.definition_of(funnel, workspace)
    return queries.insights(workspace, definition, question=question(workspace, now, **fields), now=now)


def question(workspace: Workspace, now: datetime, **fields: str) -> Question:
    return parse_question(fields, now=now, zone=funnels.zone_of(workspace))


@pytest.mark.usefixtures("shop")
def test_phones_convert_worse(workspace: Workspace, funnel: Funnel, now: datetime) -> None:
    found = ask(workspace, funnel, now)
    (phones, desktops) = sorted(found.verdict.findings, key=lambda one: one.direction, reverse=True)
    assert (phones.by, phones.value, phones.direction) == ("device", "mobile", "worse")
    assert (desktops.by, desktops.value, desktops.direction) == ("device", "desktop", "better")
    evidence = phones.evidence
    assert (evidence.observed.count, evidence.observed.of) == (28 * 3, 28 * 18)
    assert (evidence.usual.count, evidence.usual.of) == (28 * 9, 28 * 18)
    # Steady days leave nothing for steps and days to find; all of them were tested.
    assert found.verdict.tested == 1 + 28 + 2


@pytest.mark.usefixtures("shop")
def test_the_link_shows_the_same_numbers(workspace: Workspace, funnel: Funnel, now: datetime) -> None:
    found = ask(workspace, funnel, now)
    for finding in found.verdict.findings:
        asked = {name: values[0] for name, values in parse_qs(found.query(finding.link)).items() if name != "tab"}
        result = funnels.analyze_saved(workspace, funnel, question=question(workspace, now, **asked), now=now)
        assert result.breakdown is not None
        (cell,) = (each for each in result.breakdown.values if each.value == finding.value)
        assert (cell.entered, cell.converted) == (finding.evidence.observed.of, finding.evidence.observed.count)


@pytest.mark.usefixtures("shop")
def test_days_with_an_open_window_are_left_out(workspace: Workspace, funnel: Funnel, now: datetime) -> None:
    """At noon of the 15th, with a window of a day, the last complete day is the 13th; of a week, the 7th."""
    judged = ask(workspace, funnel, now).judged
    assert judged == queries.Judged(date(2025, 12, 17), date(2026, 1, 13))
    wider = ask(workspace, funnel, now, window="P7D")
    assert wider.judged == queries.Judged(date(2025, 12, 17), date(2026, 1, 7))
    assert wider.query("tab=trend") == "tab=trend&window=P7D"


def test_no_complete_day_is_said(workspace: Workspace, funnel: Funnel, now: datetime) -> None:
    found = ask(workspace, funnel, now, window="P60D")
    assert found.judged is None
    assert not found.verdict.tested
    assert "Choose a range of at least 7 days that ends by Sat 15 Nov 2025." in queries.incomplete(found)


def test_an_empty_workspace_has_not_enough(workspace: Workspace, funnel: Funnel, now: datetime) -> None:
    found = ask(workspace, funnel, now)
    assert not found.verdict.findings
    assert {each.kind for each in found.verdict.shortages} == {"step", "period", "group"}


def test_part_of_a_day_is_no_day(workspace: Workspace, funnel: Funnel, now: datetime) -> None:
    found = ask(workspace, funnel, now, **{"from": "2026-01-01T12:00:00Z", "to": "2026-01-05T12:00:00Z"})
    assert found.judged == queries.Judged(date(2026, 1, 2), date(2026, 1, 4))


@pytest.mark.usefixtures("shop")
def test_attempts_are_judged_as_users(workspace: Workspace, make_funnel: MakeFunnel, now: datetime) -> None:
    found = ask(workspace, make_funnel(counting="totals"), now)
    assert found.query("tab=trend") == "tab=trend&counting=unique"
    assert {one.value for one in found.verdict.findings} == {"mobile", "desktop"}


@pytest.mark.usefixtures("shop")
def test_any_order_is_judged_too(workspace: Workspace, make_funnel: MakeFunnel, now: datetime) -> None:
    found = ask(workspace, make_funnel(mode="any_order"), now)
    assert {one.value for one in found.verdict.findings} == {"mobile", "desktop"}
    assert all("attribution=first_touch" in one.link for one in found.verdict.findings)


@pytest.mark.usefixtures("shop")
def test_a_segment_is_compared_and_can_be_asked_alone(
    workspace: Workspace, funnel: Funnel, by_alice: Actor, now: datetime
) -> None:
    buyers = [f"u{day}-{who}" for day in range(100) for who in range(18) if who < 6 or who % 2]
    chosen = Profile.objects.filter(workspace=workspace, identifiers__value__in=buyers).values_list("pk", flat=True)
    profiles = np.unique(np.fromiter(chosen, np.int64))
    segment = segments.create_static(
        workspace=workspace, by=by_alice, name="Buyers", description="", profiles=profiles, now=now
    )
    (found,) = (one for one in ask(workspace, funnel, now).verdict.findings if one.by == f"segment:{segment.pk}")
    assert found.sentence.startswith("Segment “Buyers” converts better than the rest: 100.0% against 0.0%")
    alone = ask(workspace, funnel, now, segment=str(segment.pk))
    assert not [one for one in alone.verdict.findings if one.kind == "group"]
    assert alone.query("tab=trend") == f"tab=trend&segment={segment.pk}"


@pytest.mark.usefixtures("shop")
def test_what_is_stored_comes_back(workspace: Workspace, funnel: Funnel, now: datetime) -> None:
    found = ask(workspace, funnel, now)
    assert queries.from_json(queries.as_json(found)) == found
