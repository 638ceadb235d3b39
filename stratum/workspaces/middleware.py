"""What the API's answers carry beside their body: how much of the minute is left; and what is kept for repeats."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from stratum.workspaces import idempotency
from stratum.workspaces.throttle import Rate


class ApiAnswers:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        idempotency.keep(request, response)
        rate: Rate | None = getattr(request, "rate", None)
        if rate is not None:
            for name, value in rate.headers.items():
                response[name] = value
        return response
