"""/api/v1/trust-layer: readings in, health and judgements out, and the policy between them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from stratum.workspaces.models import Workspace
from trustlayer.changes import change_words
from trustlayer.models import LedgerEntry, SignalReading
from trustlayer.services import history, readings
from trustlayer.services.readings import NewReading

ROOM = "/api/v1/trust-layer"
HOUR = 3_600.0
WELL = {
    "emq": 8.5,
    "freshness": HOUR,
    "volume": 0.5,
    "coverage": 0.99,
    "variance": 0.02,
    "api_health": 0.0,
    "dedup": 0.97,
}
# The manual's §4.4, and readings that lead there.
MANUAL: list[tuple[dict[str, float], dict[str, Any], dict[str, Any]]] = [
    (
        {"emq": 6.0, "freshness": 2 * HOUR, "coverage": 0.96},
        {
            "action": "budget_increase",
            "entity_ref": {"type": "Campaign", "name": "Summer Sale 2026", "platform": "meta"},
            "change_detail": {"field": "daily_budget", "before": 400, "after": 460, "currency": "USD"},
        },
        {
            "decision": "PASS",
            "signal_health": 85,
            "reason": "All signals healthy, automation approved",
            "action": "budget_increase",
            "entity": "Campaign: Summer Sale 2026",
            "change": "+15% budget",
        },
    ),
    (
        {"emq": 4.0, "freshness": 12 * HOUR, "coverage": 0.85, "dedup": 0.734},
        {
            "action": "pause_adset",
            "entity_ref": {"type": "Ad Set", "name": "Retargeting - Cart Abandoners", "platform": "meta"},
        },
        {
            "decision": "HOLD",
            "signal_health": 62,
            "reason": "Signal health below threshold (70), action queued for manual review",
            "action": "pause_adset",
            "entity": "Ad Set: Retargeting - Cart Abandoners",
        },
    ),
    (
        {
            "emq": 3.2,
            "freshness": 17 * HOUR,
            "volume": 0.001,
            "coverage": 0.85,
            "variance": 0.25,
            "api_health": 0.15,
            "dedup": 0.6,
        },
        {
            "action": "scale_budget",
            "entity_ref": {"type": "Campaign", "name": "Brand Awareness Q1", "platform": "meta"},
        },
        {
            "decision": "BLOCK",
            "signal_health": 35,
            "reason": "Critical signal degradation, automation blocked",
            "action": "scale_budget",
            "entity": "Campaign: Brand Awareness Q1",
            "blocked_reason": "EMQ score 3.2 (below 4.0 threshold)",
        },
    ),
]


def tell(api: APIClient, body: object) -> Any:
    return api.post(f"{ROOM}/readings", body, format="json")


def report(api: APIClient, now: datetime, **values: float) -> None:
    """Now, and ten days ago, so that nothing is learning."""
    body = [
        {"platform": "meta", "signal": name, "value": value, "source": "probe", "observed_at": at.isoformat()}
        for name, value in {**WELL, **values}.items()
        for at in (now - timedelta(days=10), now)
    ]
    assert tell(api, {"readings": body}).json() == {"accepted": 14, "repeated": 0}


@pytest.mark.parametrize(("values", "asked", "told"), MANUAL)
def test_the_manuals_decisions_word_for_word(
    api: APIClient, now: datetime, values: dict[str, float], asked: dict[str, Any], told: dict[str, Any]
) -> None:
    report(api, now, **values)
    answer = api.post(f"{ROOM}/judge", asked, format="json")
    assert answer.status_code == 201
    assert {name: answer.json()[name] for name in told} == told
    listed = api.get(f"{ROOM}/audit-logs").json()["results"][0]
    assert {name: listed[name] for name in told} == told


def test_a_dry_run_is_marked(api: APIClient, now: datetime) -> None:
    report(api, now)
    asked = MANUAL[0][1] | {"dry_run": True}
    assert api.post(f"{ROOM}/judge", asked, format="json").json()["is_dry_run"]
    assert api.get(f"{ROOM}/audit-logs").json()["count"] == 0
    assert api.get(f"{ROOM}/audit-logs?dry_run=true").json()["count"] == 1


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("400", "460.00", "+15% budget"),
        ("400", 300, "-25% budget"),
        ("0", "5", "daily budget 0 → 5"),
        ("NaN", "5", "daily budget NaN → 5"),
        (None, "5", "daily budget 5"),
    ],
)
def test_amounts_as_strings_are_told_as_the_manual_does(before: Any, after: Any, words: str) -> None:
    """Money is a decimal string everywhere in the API, also in what is to be judged."""
    told = change_words({"field": "daily_budget", "before": before, "after": after, "currency": "USD"})
    assert told == words.replace("daily budget", "budget")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"action": "fly"}, "/action"),
        ({"entity_ref": {"type": "Campaign", "platform": "orkut"}}, "/entity_ref/platform"),
        ({"entity_ref": {"type": "Campaign", "platform": "meta", "luck": 1}}, "/entity_ref/luck"),
        ({"entity_ref": {"type": "C" * 21, "platform": "meta"}}, "/entity_ref/type"),
        ({"luck": 1}, "/luck"),
        ({"change": "\0"}, "/change"),
    ],
)
def test_a_judgement_about_nonsense_is_refused(api: APIClient, change: dict[str, Any], pointer: str) -> None:
    answer = api.post(f"{ROOM}/judge", MANUAL[0][1] | change, format="json")
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert not LedgerEntry.objects.exists()


def test_a_single_reading_as_the_api_has_it(api: APIClient, now: datetime, workspace: Workspace) -> None:
    body = {"platform": "meta", "signal": "emq", "value": 7.6, "observed_at": now.isoformat(), "source": "crm"}
    answer = tell(api, body)
    assert (answer.status_code, answer.json()) == (201, {"accepted": 1, "repeated": 0})
    assert tell(api, body | {"value": 1}).json() == {"accepted": 0, "repeated": 1}
    stored = SignalReading.objects.get(workspace=workspace)
    assert (stored.value, stored.reported) == (7.6, True)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"value": 11}, "/value"),
        ({"value": "NaN"}, "/value"),
        ({"value": "Infinity"}, "/value"),
        ({"value": None}, "/value"),
        ({"signal": "luck"}, "/signal"),
        ({"platform": "orkut"}, "/platform"),
        ({"source": ""}, "/source"),
        ({"observed_at": "2199-01-01T00:00:00Z"}, "/observed_at"),
        ({"observed_at": "1999-01-01T00:00:00Z"}, "/observed_at"),
        ({"observed_at": "yesterday"}, "/observed_at"),
        ({"sentence": "x" * 301}, "/sentence"),
        ({"reported": True}, "/reported"),
    ],
)
def test_a_reading_out_of_range_is_refused(api: APIClient, change: dict[str, Any], pointer: str) -> None:
    answer = tell(api, {"platform": "meta", "signal": "emq", "value": 7.6, "source": "crm"} | change)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    batch = tell(api, {"readings": [{"signal": "emq", "value": 7.6, "source": "crm"} | change]})
    assert [fault["pointer"] for fault in batch.json()["errors"]] == [f"/readings/0{pointer}"]
    assert not SignalReading.objects.exists()


def test_a_late_reading_does_not_displace_a_newer_one(api: APIClient, now: datetime) -> None:
    for hours, value in ((0, 8.0), (5, 1.0)):
        at = (now - timedelta(hours=hours)).isoformat()
        tell(api, {"platform": "meta", "signal": "emq", "value": value, "source": "crm", "observed_at": at})
    found = api.get(f"{ROOM}/signal-health").json()["platforms"][0]["signals"][0]
    assert (found["name"], found["value"]) == ("emq", 8.0)


def test_signal_health_says_why(api: APIClient, now: datetime) -> None:
    report(api, now, emq=3.2)
    found = api.get(f"{ROOM}/signal-health").json()
    assert (found["score"], found["status"], found["worst_platform"], found["policy_version"]) == (
        39,
        "critical",
        "meta",
        1,
    )
    platform = found["platforms"][0]
    assert (platform["score"], platform["uncapped"]) == (39, 79)
    assert platform["caps"][0] == {
        "code": "critical",
        "signal": "emq",
        "most": 39,
        "sentence": "EMQ score 3.2 (below 4.0 threshold)",
    }
    assert api.get(f"{ROOM}/signal-health?platform=google").json()["platforms"] == []
    assert api.get(f"{ROOM}/signal-health?platform=orkut").status_code == 400
    assert api.get(f"{ROOM}/signal-health?colour=red").status_code == 400


def test_an_empty_workspace_knows_nothing(api: APIClient) -> None:
    found = api.get(f"{ROOM}/signal-health").json()
    assert (found["score"], found["status"], found["worst_platform"]) == (None, "unknown", None)
    assert {signal["status"] for signal in found["platforms"][0]["signals"]} == {"unknown"}


def test_the_history(api: APIClient, now: datetime, workspace: Workspace) -> None:
    for ago in (2, 1, 0):
        at = now - timedelta(days=ago)
        told = [NewReading("emq", 5.0 + ago, at, "probe", "meta", reported=True)]
        readings.report(workspace=workspace, readings=told, now=at)
        history.record(workspace=workspace, now=at)
    found = api.get(f"{ROOM}/signal-health/history?days=2").json()
    assert [(row["day"], row["platform"]) for row in found["results"]] == [
        ("2026-01-14", None),
        ("2026-01-14", "meta"),
        ("2026-01-15", None),
        ("2026-01-15", "meta"),
    ]
    assert found["results"][-1]["signals"]["emq"]["value"] == 5.0
    assert len(api.get(f"{ROOM}/signal-health/history?platform=meta").json()["results"]) == 3
    for days in ("0", "732", "-1", "x", "1e3", "٣"):
        assert api.get(f"{ROOM}/signal-health/history", {"days": days}).status_code == 400


def test_the_policy_goes_there_and_back(api: APIClient) -> None:
    usual = api.get(f"{ROOM}/policy").json()
    assert (usual["version"], usual["pass_at"], usual["emq_block"]) == (1, 70, 4.0)
    assert api.put(f"{ROOM}/policy", usual, format="json").json() == usual
    changed = api.put(f"{ROOM}/policy", usual | {"pass_at": 80, "resume_at": 85}, format="json").json()
    assert (changed["version"], changed["pass_at"]) == (2, 80)
    again = api.put(f"{ROOM}/policy", usual | {"pass_at": 60}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "policy_changed")
    assert LedgerEntry.objects.filter(kind="policy").count() == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"pass_at": 30}, "/block_below"),
        ({"pass_at": "70"}, "/pass_at"),
        ({"weights": {"luck": 1}}, "/weights/luck"),
        ({"weights": 5}, "/weights"),
        ({"required": [["emq"]]}, "/required"),
        ({"required": [{}]}, "/required"),
        ({"actions": {"bid_increase": {"pass_at": 10}}}, "/actions/bid_increase/block_below"),
        ({"hysteresis": 1}, "/hysteresis"),
        ({"colour": "red"}, "/colour"),
        ([], ""),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(api: APIClient, body: object, pointer: str) -> None:
    answer = api.put(f"{ROOM}/policy", body, format="json")
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_only_a_key_with_settings_reports_and_changes(api_with: Callable[..., APIClient]) -> None:
    writer = api_with("read", "write")
    assert tell(writer, {"signal": "emq", "value": 1, "source": "x"}).status_code == 403
    assert writer.put(f"{ROOM}/policy", {}, format="json").status_code == 403
    assert api_with("read").post(f"{ROOM}/judge", MANUAL[0][1], format="json").status_code == 403
    assert writer.post(f"{ROOM}/judge", MANUAL[0][1], format="json").status_code == 201


def test_it_checks_ownership(api: APIClient, stranger_api: APIClient, now: datetime) -> None:
    report(api, now)
    assert stranger_api.get(f"{ROOM}/signal-health").json()["score"] is None
    assert stranger_api.get(f"{ROOM}/policy").json()["version"] == 1
    judged = stranger_api.post(f"{ROOM}/judge", MANUAL[0][1], format="json").json()
    assert (judged["decision"], judged["seq"]) == ("BLOCK", 1)
