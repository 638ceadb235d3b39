"""Routes that answer with and without a trailing slash, POST included."""

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.urls.resolvers import RoutePattern


class TolerantPattern(RoutePattern):
    """Matches as written, else with the one trailing slash added or taken away. Reverses as written."""

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        return super().match(path) or super().match(self._other_form(path))

    def _other_form(self, path: str) -> str:
        if str(self).endswith("/"):
            return path if path.endswith("/") else f"{path}/"
        return path.removesuffix("/")


def route(address: str, view: Callable[..., HttpResponseBase], name: str | None = None) -> URLPattern:
    return URLPattern(TolerantPattern(address, name=name, is_endpoint=True), view, None, name)
