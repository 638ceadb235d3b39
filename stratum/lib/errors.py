"""One answer to every error, in the caller's own form: a page, a toast for htmx, problem+json for programs."""

import json

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from stratum.lib import problems
from stratum.lib.refusal import Missing, NotAllowed, Refusal

HEADINGS = {
    400: "That request makes no sense to us",
    401: "Please log in",
    403: "You may not do this",
    404: "There is nothing here",
    409: "That does not fit what is there",
    413: "That is too large",
    422: "Something has to be corrected",
    429: "Too many requests",
    500: "Something broke on our side",
    503: "This cannot be answered right now",
}


def answer(request: HttpRequest, refusal: Refusal, *, status: int | None = None) -> HttpResponse:
    response = answer_in_form(request, refusal, status or refusal.status)
    if refusal.wait is not None:
        response["Retry-After"] = str(refusal.wait)
    return response


def answer_in_form(request: HttpRequest, refusal: Refusal, status: int) -> HttpResponse:
    if wants_json(request):
        return problems.respond(request, status, refusal.code, refusal.sentence, refusal.faults)
    if "HX-Request" in request.headers:
        return toast(refusal.sentence, status)
    return page(request, status, refusal.sentence)


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/v1/")) or request.headers.get("Accept", "") == "application/json"


def toast(sentence: str, status: int) -> HttpResponse:
    """Swaps nothing: what the person sees stays, and a toast says why nothing happened."""
    response = HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
    response["HX-Reswap"] = "none"
    response["HX-Trigger"] = json.dumps({"toast": {"level": "error", "text": sentence}})
    return response


def page(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    context = {
        "status": status,
        "heading": HEADINGS.get(status, "That did not work"),
        "sentence": sentence,
        "request_id": problems.request_id(request),
    }
    return HttpResponse(render_to_string("errors/refusal.html", context, request), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return answer(request, problems.too_large())
    return answer(request, Refusal("bad_request", "The server could not read this request.", status=400))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, NotAllowed("not_allowed", "You may not do this."))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, Missing())


def server_error(request: HttpRequest) -> HttpResponse:
    """Touches neither session nor database: they may be what broke."""
    sentence = "The error was noted. Try again in a moment."
    if wants_json(request):
        return problems.respond(request, 500, "server_error", sentence)
    if "HX-Request" in request.headers:
        return toast(f"Something broke on our side. {sentence}", 500)
    context = {"heading": HEADINGS[500], "sentence": sentence, "request_id": problems.request_id(request)}
    return HttpResponse(render_to_string("errors/500.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    sentence = "This form was open for too long or its cookie is missing. Go back, reload the page and send it again."
    return answer(request, NotAllowed("csrf_failed", sentence))
