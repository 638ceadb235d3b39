"""Pages of the API: `{next, previous, results}`, at most 200 rows, found again by a cursor that never shifts."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as BadValue
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
LIMIT = {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT}


class CursorPages(CursorPagination):
    """Give `ordering` for what is listed; it must end in a unique column."""

    page_size = DEFAULT_LIMIT
    max_page_size = LARGEST_LIMIT
    page_size_query_param = "limit"
    invalid_cursor_message = "This cursor is none of ours. Start again without one."

    def __init__(self, ordering: str | tuple[str, ...] = "-id") -> None:
        self.ordering = (ordering,) if isinstance(ordering, str) else ordering

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> tuple[str, ...]:
        return tuple(self.ordering)

    def get_page_size(self, request: Request) -> int:
        return limit_of(request)

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> Any:
        """A cursor that can be read may still hold what is no place in this list."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, BadValue) as error:
            raise ValidationError({"cursor": self.invalid_cursor_message}) from error

    def decode_cursor(self, request: Request) -> Any:
        """A stranger's cursor is a mistake in the query, not a missing page."""
        try:
            return super().decode_cursor(request)
        except Exception as error:
            raise ValidationError({"cursor": self.invalid_cursor_message}) from error


def paged(
    view: APIView,
    request: Request,
    rows: QuerySet[Any],
    ordering: str | tuple[str, ...],
    told: Callable[[list[Any]], Any],
) -> Response:
    """The answer of a list: the rows of one page in this order, as `told` puts them."""
    pages = CursorPages(ordering)
    page = pages.paginate_queryset(rows, request, view) or []
    return pages.get_paginated_response(told(list(page)))


def limit_of(request: Request) -> int:
    """`?limit=`, 50 without one; more than 200 is read as 200."""
    given = request.query_params.get("limit", "")
    if not given:
        return DEFAULT_LIMIT
    if not (given.isascii() and given.isdigit() and int(given[:6]) > 0):
        raise ValidationError({"limit": "Write a whole number from 1 to 200."})
    return min(int(given[:6]), LARGEST_LIMIT)


def refuse_unknown_filters(request: Request, *known: str) -> None:
    """A filter that nothing reads would silently answer another question."""
    allowed = {"cursor", "limit", *known}
    unknown = {name: f"There is no filter “{name[:80]}” here." for name in request.query_params if name not in allowed}
    if unknown:
        raise ValidationError(unknown)
