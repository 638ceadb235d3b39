"""Rows of runs as pages and CSVs show them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.urls import reverse

from integrations.models import PipedriveRow
from integrations.queries.pipedrive_lists import RowCard, row_cards
from integrations.views import pipedrive_words as words
from integrations.views.pipedrive_words import Mark
from stratum.workspaces.models import Workspace

COLUMNS = (
    *("run", "at", "kind", "outcome", "state", "profile", "pipedrive_id", "title", "differences", "reason"),
    "response_code",
)


@dataclass(frozen=True, slots=True)
class ShownDifference:
    field: str
    before: str
    after: str
    to: str


@dataclass(frozen=True, slots=True)
class RowLine:
    row: PipedriveRow
    name: str
    record: str
    profile_url: str
    mark: Mark
    state_words: str
    differences: tuple[ShownDifference, ...]
    request: str


def row_lines(workspace: Workspace, rows: Sequence[PipedriveRow]) -> list[RowLine]:
    return [_line(card) for card in row_cards(workspace, rows)]


def _line(card: RowCard) -> RowLine:
    row = card.row
    return RowLine(
        row,
        card.name,
        words.record(row),
        reverse("profile_detail", args=[card.profile]) if card.profile is not None else "",
        words.ACTIONS.get(row.action, Mark(str(row.get_action_display()), "info-circle", "neutral")),
        words.ROW_STATES.get(row.state, ""),
        tuple(_differences(row)),
        card.request,
    )


def _differences(row: PipedriveRow) -> Iterator[ShownDifference]:
    for each in row.differences:
        before, after = words.value_words(each.get("before")), words.value_words(each.get("after"))
        side = words.WINNERS.get(str(each.get("to", "")), "")
        yield ShownDifference(str(each.get("label") or each.get("field", "")), before, after, side)


def row_sheet(rows: Iterable[PipedriveRow]) -> Iterator[Sequence[object]]:
    """For CSV: one line per row."""
    yield COLUMNS
    for row in rows:
        changes = "; ".join(f"{each.field}: {each.before} → {each.after}" for each in _differences(row))
        yield (
            *(str(row.run_id), row.at, row.kind, row.action, row.state),
            *(row.local_id, row.remote_id, row.title, changes, row.error, row.response_code),
        )
