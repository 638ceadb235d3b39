"""/dashboard/exports and /dashboard/settings/exports: have a table written, watch it, fetch it."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from stratum.lib import clock
from stratum.reports import queries, sheets
from stratum.reports.services import exports as services
from stratum.reports.sheets import Sheet
from stratum.reports.views.tabs import tabs
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.jobs import UNFINISHED

PER_PAGE = 25
OWN = ("format", "csrfmiddlewaretoken", "sent_from")  # what is no parameter of the exporter


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("export")
def new(request: MemberRequest, exporter: str) -> HttpResponseBase:
    """A small table comes at once. A large one is asked for by a button, written by a job and fetched later."""
    given = request.POST if request.method == "POST" else request.GET
    parameters = {name: str(value) for name, value in given.items() if name not in OWN}
    file_format = given.get("format", "csv")
    if request.method == "POST":
        export = services.start(
            workspace=request.workspace,
            by=request.actor,
            exporter=exporter,
            parameters=parameters,
            file_format=file_format,
            now=request.now,
        )
        messages.success(request, f"“{export.title}” is being written. It appears here when it is ready.")
        return redirect("settings_exports")
    sheet = services.prepare(
        workspace=request.workspace,
        by=request.actor,
        exporter=exporter,
        parameters=parameters,
        file_format=file_format,
        now=request.now,
    )
    if sheet.total > services.MOST_STREAMED:
        context = {"sheet": sheet, "parameters": parameters, "file_format": file_format}
        return render(request, "reports/exports/new.html", context)
    return _streamed(sheet, file_format)


@require_safe
@access.page("export")
def listed(request: MemberRequest) -> HttpResponse:
    page = Paginator(queries.export_list(request.workspace), PER_PAGE).get_page(request.GET.get("page"))
    lines = [(export, export.is_there(request.now)) for export in page.object_list]
    working = any(export.job.state in UNFINISHED for export, _ in lines)
    context = {
        "page": page,
        "lines": lines,
        "working": working,
        "kept_days": services.KEPT_FOR.days,
        "tabs": tabs("files"),
    }
    template = "reports/exports/list.html"
    return render(request, f"{template}#rows" if request.htmx else template, context)


@require_safe
@access.page("export")
def download(request: MemberRequest, export_id: UUID) -> HttpResponseBase:
    export = queries.export(request.workspace, export_id)
    file = queries.open_file(export, now=request.now)
    content_type = sheets.CONTENT_TYPES[export.format]
    return FileResponse(file, as_attachment=True, filename=export.filename, content_type=content_type)


@require_safe
@access.public
def linked(request: HttpRequest, token: str) -> HttpResponseBase:
    """The link of a delivery's mail is the right to its file, as the attachment would have been."""
    export = queries.export_of_link(token)
    file = queries.open_file(export, now=clock.now())
    content_type = sheets.CONTENT_TYPES[export.format]
    response = FileResponse(file, as_attachment=True, filename=export.filename, content_type=content_type)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@access.page("export")
def cancel(request: MemberRequest, export_id: UUID) -> HttpResponse:
    if services.cancel(workspace=request.workspace, by=request.actor, export_id=export_id, now=request.now):
        messages.success(request, "Cancelled.")
    else:
        messages.info(request, "It had ended before it could be cancelled.")
    return redirect("settings_exports")


@require_POST
@access.page("export")
def delete(request: MemberRequest, export_id: UUID) -> HttpResponse:
    services.delete(workspace=request.workspace, by=request.actor, export_id=export_id, now=request.now)
    messages.success(request, "The file is deleted.")
    return redirect("settings_exports")


def _streamed(sheet: Sheet, file_format: str) -> StreamingHttpResponse:
    lines = sheets.lines(sheet, file_format, lambda _: None)
    response = StreamingHttpResponse(lines, content_type=sheets.CONTENT_TYPES[file_format])
    response["Content-Disposition"] = f'attachment; filename="{sheet.name}.{file_format}"'
    return response
