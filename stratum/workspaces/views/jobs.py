"""A job's own page: progress, result, cancel."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from stratum.workspaces import access, jobs, queries
from stratum.workspaces.access import MemberRequest


@access.page("view")
def detail(request: MemberRequest, job_id: UUID) -> HttpResponse:
    """As a fragment the progress bar alone, which asks again until the job has ended."""
    job = queries.job(request.workspace, job_id)
    template = "workspaces/jobs/detail.html"
    context = {"job": job, "may_cancel": request.actor.may("build")}
    return render(request, f"{template}#progress" if request.htmx else template, context)


@access.page("build")
@require_POST
def cancel(request: MemberRequest, job_id: UUID) -> HttpResponse:
    job = queries.job(request.workspace, job_id)
    if jobs.cancel(workspace=request.workspace, job_id=job.pk, by=request.actor, now=request.now):
        messages.success(request, "Cancelled.")
    else:
        messages.info(request, "It had ended before it could be cancelled.")
    return redirect("job_detail", job_id)
