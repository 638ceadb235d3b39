"""What every request passes: whose address it has, a request id, the content security policy, and refusals turned into
answers.
"""

import ipaddress
import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

from stratum.lib import errors, logs
from stratum.lib.refusal import Fault, Invalid, refusal_of

GetResponse = Callable[[HttpRequest], HttpResponseBase]

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)

COMPRESSED = re.compile(r"text/html|application/(problem\+)?json")

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class RequestId:
    """Takes a proxy's X-Request-ID when it is harmless to print, else makes one; the answer carries it back."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        token = logs.request_id.set(request.request_id)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
        finally:
            logs.request_id.reset(token)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


class ClientAddress:
    """Behind proxies, REMOTE_ADDR becomes the address of whoever asked the outermost of them.

    Each proxy appends whom it heard, so only the last `PROXIES` entries are theirs; what stands before them anybody
    can write. Where an entry is missing or no address, the proxy's own stays.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.PROXIES:
            heard = request.headers.get("X-Forwarded-For", "").split(",")[-settings.PROXIES :]
            address = _address(heard[0]) if len(heard) == settings.PROXIES else None
            request.META["REMOTE_ADDR"] = address or request.META.get("REMOTE_ADDR", "")
        return self.get_response(request)


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


class ContentSecurityPolicy:
    """Nothing inline, nothing from elsewhere. An HTML answer also says that a fragment is not its page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", POLICY)
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["HX-Request"])
            if "HX-Request" in request.headers:
                response["Cache-Control"] = "no-store"
        return response


class CompressedPages(GZipMiddleware):
    """Pages and the API's answers, for browsers behind a proxy that does not compress. Downloads go as they are."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not COMPRESSED.match(response.get("Content-Type", "")) or response.streaming:
            return response
        return super().process_response(request, response)


class Refusals:
    """An anticipated refusal of a view becomes an error page, a toast or problem+json.

    PostgreSQL stores no NUL; one in an address is refused here, before a query meets it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.path_info:
            return errors.answer(request, Invalid([Fault("", "The address contains a NUL character.")]), status=400)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        refusal = refusal_of(exception)
        return errors.answer(request, refusal) if refusal else None
