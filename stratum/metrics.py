"""`/metrics`: what a monitoring system watches, in Prometheus' text format (version 0.0.4).

Everything is read from the database at the moment of asking, so that any process gives the same answer. Times and
rates of requests are the proxy's and gunicorn's to tell.
"""

import hmac
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from stratum import health
from stratum.home import pulse
from stratum.lib import clock
from stratum.lib.refusal import Missing
from stratum.workspaces import access, registry
from stratum.workspaces.models import Job, Workspace
from stratum.workspaces.registry import Measure, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@access.public
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Whoever lacks METRICS_TOKEN is told that there is nothing here."""
    if not _is_allowed(request.headers.get("Authorization", "")):
        raise Missing
    return HttpResponse("".join(_lines(clock.now())), content_type=CONTENT_TYPE)


def _is_allowed(authorization: str) -> bool:
    token = settings.METRICS_TOKEN
    return bool(token) and hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def _lines(now: datetime) -> Iterator[str]:
    for measure in (*OWN, *registry.measures.values()):
        yield f"# HELP {measure.name} {measure.sentence}\n# TYPE {measure.name} gauge\n"
        for sample in measure.samples(now):
            yield f"{measure.name}{_labels(sample)} {sample.value:g}\n"


def _labels(sample: Sample) -> str:
    written = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
    return f"{{{written}}}" if written else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _parts(now: datetime) -> Iterator[Sample]:
    for name, part in health.look(now).items():
        yield Sample(float(part.ok), {"part": name})


def _silence(now: datetime) -> Iterator[Sample]:
    if last := pulse.latest():
        yield Sample((now - last).total_seconds())


def _jobs(now: datetime) -> Iterator[Sample]:
    counted = dict(Job.objects.values_list("state").annotate(Count("pk")))
    for state in Job.State.values:
        yield Sample(counted.get(state, 0), {"state": state})


def _oldest_job(now: datetime) -> Iterator[Sample]:
    oldest = Job.objects.filter(state=Job.State.QUEUED).aggregate(at=Min("created_at"))["at"]
    yield Sample((now - oldest).total_seconds() if oldest else 0)


def _workspaces(now: datetime) -> Iterator[Sample]:
    for plan, number in Workspace.objects.values_list("plan").annotate(Count("pk")).order_by("plan"):
        yield Sample(number, {"plan": plan})


OWN = (
    Measure("stratum_part_works", "1 for each part of /healthz that works.", _parts),
    Measure("stratum_worker_silence_seconds", "Since the last sign of life of a worker.", _silence),
    Measure("stratum_jobs", "Jobs by state.", _jobs),
    Measure("stratum_oldest_queued_job_seconds", "Age of the job that waits longest.", _oldest_job),
    Measure("stratum_workspaces", "Workspaces by plan.", _workspaces),
)
