"""Django admin: everything to be seen, no secret in clear, nothing to be changed but by services."""

from datetime import datetime

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from integrations.models import PipedriveConnection, PipedriveRun
from stratum.lib.seal import unseal
from stratum.workspaces.models import User
from tests.integrations.pipedrive.company import TOKEN, connection, pipedrive

__all__ = ["connection", "pipedrive"]
NAMES = ("connection", "run", "row", "link", "outbox", "conflict", "duplicate", "deal")


@pytest.fixture
def staff(alice: User, as_alice: Client) -> Client:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    return as_alice


@pytest.fixture
def run(connection: PipedriveConnection, now: datetime) -> PipedriveRun:
    return PipedriveRun.objects.create(
        workspace=connection.workspace,
        connection=connection,
        mode="full",
        trigger="manual",
        started_by="Alice",
        created_at=now,
    )


@pytest.mark.parametrize("name", NAMES)
def test_lists_open_and_nothing_is_added(staff: Client, run: PipedriveRun, name: str) -> None:
    assert staff.get(reverse(f"admin:integrations_pipedrive{name}_changelist")).status_code == 200
    assert staff.get(reverse(f"admin:integrations_pipedrive{name}_add")).status_code == 403


def test_no_secret_is_shown(staff: Client, connection: PipedriveConnection) -> None:
    page = staff.get(reverse("admin:integrations_pipedriveconnection_change", args=[connection.pk])).content.decode()
    assert "Acme Sales" in page and connection.token_hint in page
    for secret in (TOKEN, unseal(connection.token), connection.token, connection.webhook_secret):
        assert secret not in page


def test_nothing_is_deleted(staff: Client, connection: PipedriveConnection, run: PipedriveRun) -> None:
    for one in (connection, run):
        address = reverse(f"admin:{one._meta.app_label}_{one._meta.model_name}_delete", args=[one.pk])
        assert staff.post(address, {"post": "yes"}).status_code == 403


def test_actions_go_through_the_services(staff: Client, connection: PipedriveConnection, run: PipedriveRun) -> None:
    address = reverse("admin:integrations_pipedriveconnection_changelist")
    for act, state in (("pause", "paused"), ("resume", "connected"), ("disconnect", "disconnected")):
        staff.post(address, {"action": act, "_selected_action": connection.pk})
        connection.refresh_from_db()
        assert connection.state == state
    again = staff.post(address, {"action": "pause", "_selected_action": connection.pk}, follow=True)
    assert "not connected" in again.content.decode()
    staff.post(reverse("admin:integrations_pipedriverun_changelist"), {"action": "cancel", "_selected_action": run.pk})
    run.refresh_from_db()
    assert run.state == "stopped"


def test_every_model_of_people_is_there() -> None:
    assert {f"pipedrive{name}" for name in NAMES} <= {model._meta.model_name for model in admin.site._registry}
