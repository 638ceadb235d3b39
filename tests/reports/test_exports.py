"""Exports: small tables at once, large ones by a job into a file that goes after a week."""

import json
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client

from stratum.lib.refusal import NotAllowed
from stratum.reports import queries
from stratum.reports.models import Export
from stratum.reports.services import exports
from stratum.workspaces import jobs
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Member, Workspace
from stratum.workspaces.tasks import tick

URL = "/dashboard/exports/numbers"
LIST = "/dashboard/settings/exports"


@pytest.fixture
def ask(workspace: Workspace, by_alice: Actor, now: datetime, django_capture_on_commit_callbacks):
    """`ask(3)`: a written export of three numbers; `run=False` leaves its job in the queue."""

    def asked(count: int = 3, *, file_format: str = "csv", run: bool = True) -> Export:
        with django_capture_on_commit_callbacks(execute=run):
            export = exports.start(
                workspace=workspace,
                by=by_alice,
                exporter="numbers",
                parameters={"count": str(count)},
                file_format=file_format,
                now=now,
            )
        return queries.export(workspace, export.pk)

    return asked


def text_of(answer) -> str:
    return b"".join(answer.streaming_content).decode()


class TestSmall:
    def test_it_streams(self, as_bob: Client) -> None:
        answer = as_bob.get(URL, {"count": 2})
        assert answer["Content-Disposition"] == 'attachment; filename="numbers.csv"'
        assert text_of(answer) == "number,text\r\n0,'=0\r\n1,'=1\r\n"
        assert not Export.objects.exists()

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_as_json_nothing_is_changed(self, as_bob: Client, count: int) -> None:
        answer = as_bob.get(URL, {"count": count, "format": "json"})
        assert json.loads(text_of(answer)) == [{"number": each, "text": f"={each}"} for each in range(count)]

    def test_what_the_exporter_refuses_is_said(self, as_bob: Client) -> None:
        answer = as_bob.get(URL)
        assert answer.status_code == 422
        assert "Say how many numbers." in answer.content.decode()

    def test_unknown_formats_and_exporters(self, as_bob: Client) -> None:
        assert as_bob.get(URL, {"count": 2, "format": "xlsx"}).status_code == 422
        assert as_bob.get("/dashboard/exports/letters").status_code == 404

    def test_it_needs_the_right_to_export(self, as_role, workspace: Workspace, now: datetime) -> None:
        assert as_role("viewer").get(URL, {"count": 2}).status_code == 403
        with pytest.raises(NotAllowed):
            exports.prepare(
                workspace=workspace,
                by=Actor("Viewer", rights=frozenset({"view"})),
                exporter="numbers",
                parameters={"count": "1"},
                file_format="csv",
                now=now,
            )


class TestLarge:
    def test_it_asks_first_and_then_writes(self, as_bob: Client, django_capture_on_commit_callbacks) -> None:
        count = exports.MOST_STREAMED + 1
        asked = as_bob.get(URL, {"count": count})
        assert "10,001 rows" in asked.content.decode()
        assert not Export.objects.exists()
        with django_capture_on_commit_callbacks(execute=True):
            assert as_bob.post(URL, {"count": count, "format": "csv"})["Location"] == LIST
        export = Export.objects.get()
        assert (export.rows, export.job.state, export.job.done) == (count, "succeeded", count)
        page = as_bob.get(LIST).content.decode()
        assert "All numbers" in page and "10,001" in page
        downloaded = as_bob.get(f"{LIST}/{export.pk}/download")
        content = text_of(downloaded)
        assert len(content.encode()) == export.size
        assert content.endswith("10000,'=10000\r\n")

    def test_the_list_asks_again_until_all_is_written(self, as_bob: Client, ask) -> None:
        ask(run=False)
        fragment = as_bob.get(LIST, headers={"HX-Request": "true"}).content.decode()
        assert "hx-trigger" in fragment and "<html" not in fragment
        jobs.cancel(
            workspace=Export.objects.get().workspace,
            job_id=Export.objects.get().job_id,
            by=Actor("Bob"),
            now=Export.objects.get().created_at,
        )
        assert "hx-trigger" not in as_bob.get(LIST, headers={"HX-Request": "true"}).content.decode()

    def test_it_checks_ownership(self, as_charlie: Client, ask) -> None:
        export = ask()
        assert "All numbers" not in as_charlie.get(LIST).content.decode()
        for method, action in (("get", "download"), ("post", "cancel"), ("post", "delete")):
            assert getattr(as_charlie, method)(f"{LIST}/{export.pk}/{action}").status_code == 404
        assert as_charlie.get(f"{LIST}/{uuid4()}/download").status_code == 404
        assert queries.file_of(export).exists()

    def test_a_cancelled_one_leaves_nothing(self, as_bob: Client, ask, django_capture_on_commit_callbacks) -> None:
        export = ask(run=False)
        as_bob.post(f"{LIST}/{export.pk}/cancel")
        with jobs.running(export.job_id) as run:
            assert run is None
        assert not queries.file_of(export).exists()
        assert as_bob.get(f"{LIST}/{export.pk}/download").status_code == 410

    def test_one_cancelled_while_it_is_written_leaves_nothing(
        self, workspace: Workspace, by_alice: Actor, now: datetime, ask
    ) -> None:
        export = ask(2_500, run=False)
        with jobs.running(export.job_id) as run:
            assert run is not None
            exports.cancel(workspace=workspace, by=by_alice, export_id=export.pk, now=now)
            exports.run(run)
        assert list(queries.file_of(export).parent.glob(f"{export.pk}*")) == []

    def test_who_left_the_team_gets_nothing(self, workspace: Workspace, alice, ask) -> None:
        export = ask(run=False)
        Member.objects.filter(workspace=workspace, user=alice).delete()
        with jobs.running(export.job_id) as run:
            assert run is not None
            exports.run(run)
        export.job.refresh_from_db()
        assert (export.job.state, queries.file_of(export).exists()) == ("failed", False)


class TestGoing:
    def test_after_a_week(
        self, as_bob: Client, ask, now: datetime, move_clock, django_capture_on_commit_callbacks
    ) -> None:
        export = ask()
        move_clock(now + timedelta(days=6, hours=23))
        assert text_of(as_bob.get(f"{LIST}/{export.pk}/download"))
        move_clock(now + timedelta(days=7))
        assert as_bob.get(f"{LIST}/{export.pk}/download").status_code == 410
        with django_capture_on_commit_callbacks(execute=True):
            tick()
        assert not Export.objects.exists()
        assert not queries.file_of(export).exists()

    def test_when_somebody_is_erased(
        self, workspace: Workspace, ask, now: datetime, django_capture_on_commit_callbacks
    ) -> None:
        export = ask()
        with django_capture_on_commit_callbacks(execute=True):
            exports.forget_personal(workspace, [1], now)
        assert not Export.objects.exists()
        assert not queries.file_of(export).exists()

    def test_with_its_workspace(self, workspace: Workspace, ask, django_capture_on_commit_callbacks) -> None:
        export = ask()
        with django_capture_on_commit_callbacks(execute=True):
            workspace.delete()
        assert not queries.file_of(export).exists()

    def test_by_hand(self, as_bob: Client, ask, django_capture_on_commit_callbacks) -> None:
        export = ask()
        with django_capture_on_commit_callbacks(execute=True):
            as_bob.post(f"{LIST}/{export.pk}/delete")
        assert not Export.objects.exists()
        assert not queries.file_of(export).exists()
