"""Settings > Trust Gate: read by all, changed by admins, every version kept."""

from typing import Any

from django.test import Client

from stratum.workspaces.models import Workspace
from trustlayer.actions import ACTIONS
from trustlayer.models import LedgerEntry
from trustlayer.policy import Policy, Thresholds
from trustlayer.services import policies
from trustlayer.signals import SIGNALS

PAGE = "/dashboard/settings/trust"


def typed(**changes: Any) -> dict[str, Any]:
    """The form as it stands at first."""
    return {
        "pass_at": "70",
        "block_below": "40",
        "emq_block": "4.0",
        "resume_at": "75",
        "required": ["emq", "freshness", "api_health"],
        **{f"weight-{name}": str(signal.weight) for name, signal in SIGNALS.items()},
        **{f"{kind}-{name}": "" for kind in ACTIONS for name in ("pass_at", "block_below")},
        **changes,
    }


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_it_works(as_alice: Client, workspace: Workspace) -> None:
    answer = as_alice.post(PAGE, typed(pass_at="75", hysteresis="on", resume_at="80"), follow=True)
    assert "Version 2 of the policy is in force." in text(answer)
    assert "pass_at: 70 → 75" in text(answer)
    assert "hysteresis: off → on" in text(answer)
    assert "Save as version 3" in text(answer)
    policy = policies.current(workspace)
    assert (policy.thresholds, policy.hysteresis, policy.resume_at) == (Thresholds(75, 40), True, 80)
    entry = LedgerEntry.objects.get(workspace=workspace)
    assert (entry.kind, entry.user, entry.policy_version) == ("policy", "Alice", 2)


def test_what_stands_there_already_is_no_new_version(as_alice: Client, workspace: Workspace) -> None:
    as_alice.post(PAGE, typed())
    assert policies.current(workspace) == Policy()
    assert not LedgerEntry.objects.exists()


def test_weights_required_signals_and_single_actions(as_alice: Client, workspace: Workspace) -> None:
    changed = {"weight-dedup": "0", "required": ["emq"], "budget_increase-pass_at": "85", "emq_block": "5"}
    as_alice.post(PAGE, typed(**changed))
    policy = policies.current(workspace)
    assert (policy.weights["dedup"], policy.required, policy.emq_block) == (0, ("emq",), 5.0)
    assert policy.actions == {"budget_increase": Thresholds(85, 40)}
    assert 'name="budget_increase-pass_at" value="85"' in text(as_alice.get(PAGE))


def test_thresholds_that_cross_are_refused_beside_the_field(as_alice: Client, workspace: Workspace) -> None:
    answer = as_alice.post(PAGE, typed(pass_at="30"))
    assert answer.status_code == 422
    assert "Blocking below 40 and passing from 30 cross: block below 30 at most." in text(answer)
    assert 'name="pass_at" value="30"' in text(answer)
    assert policies.current(workspace).version == 1


def test_every_nonsense_has_its_sentence(as_alice: Client) -> None:
    answer = as_alice.post(
        PAGE,
        typed(
            pass_at="<b>high</b>",
            emq_block="11",
            **{"weight-emq": "-1", "bid_increase-block_below": "90"},
            resume_at="1",
        ),
    )
    shown = text(answer)
    assert answer.status_code == 422
    assert shown.count("Give a whole number from 0 to 100.") == 2
    assert "Give a number from 0 to 10." in shown
    assert "Blocking below 90 and passing from 70 cross" in shown
    assert "<b>high</b>" not in shown


def test_only_admins_change_it(as_bob: Client, workspace: Workspace) -> None:
    assert "Admins and owners change the policy." in text(as_bob.get(PAGE))
    assert as_bob.post(PAGE, typed(pass_at="1")).status_code == 403
    assert policies.current(workspace).version == 1


def test_versions_of_another_workspace_stay_there(as_alice: Client, as_charlie: Client) -> None:
    as_alice.post(PAGE, typed(pass_at="75"))
    assert "Nobody has changed the usual policy" in text(as_charlie.get(PAGE))
