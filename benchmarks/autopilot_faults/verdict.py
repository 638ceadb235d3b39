"""What must hold when a run is over: nothing applied twice, nothing lost, and book, platform and page agree."""

from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from itertools import pairwise

from django.test import Client

from autopilot.models import Action
from autopilot.states import State
from benchmarks.autopilot_faults.scenario import ENDS, Run
from trustlayer.models import LedgerEntry
from trustlayer.services import verification


def differences(run: Run) -> list[str]:
    found = [f"{action.said} of {action.entity.name}: {one}" for action in run.actions for one in _of(run, action)]
    if verification.check(run.workspace).broken is not None:
        found.append("the chain of the book is broken")
    return [f"run {run.seed} ({run.fault.name}): {one}" for one in found]


def _of(run: Run, action: Action) -> Iterator[str]:
    entity = action.entity
    live, written, hands = run.platform("seen", action.account.platform, entity.external_id, action.field)
    if len(written) > 1:
        yield f"applied {len(written)} times"
    if action.state not in ENDS:
        yield f"lost in {action.state}: {action.why}"
    if any(not _same(action, value) for value in written):
        yield f"{written} was written, {action.target} was wanted"
    yield from _platform(action, live, written, hands)
    yield from _book(action)
    yield from _page(run, action)


def _platform(action: Action, live: str, written: list[str], hands: list[str]) -> Iterator[str]:
    if action.state == State.SUCCEEDED:
        if not written and not any(_same(action, value) for value in hands):
            yield "succeeded, and nobody set it"
        if not hands and not _same(action, live):
            yield f"succeeded, and the platform has {live}"
    elif written and not (action.state == State.STALE and hands):
        yield f"{action.state}, and the platform took it: {action.why}"


def _book(action: Action) -> Iterator[str]:
    entries = {str(one.pk): one for one in LedgerEntry.objects.filter(action_id=str(action.pk))}
    executed = [one for one in entries.values() if one.reason_code == "executed"]
    if len(executed) != (action.state == State.SUCCEEDED):
        yield f"{action.state}, and the book has {len(executed)} executions"
    moves = list(action.moves.order_by("pk"))
    if any(str(move.entry_id) not in entries for move in moves):
        yield "a move without its entry in the book"
    chain = [(one.before, one.after) for one in moves]
    if any(first[1] != second[0] for first, second in pairwise(chain)) or chain[-1][1] != action.state:
        yield f"its history has a gap: {chain}"


def _page(run: Run, action: Action) -> Iterator[str]:
    browser = Client(headers={"host": "localhost"})
    assert run.by.user is not None
    browser.force_login(run.by.user)
    page = browser.get(f"/dashboard/autopilot/actions/{action.pk}")
    if page.status_code != 200 or not action.why or action.why not in unescape(page.content.decode()):
        yield f"its page does not say why it is {action.state}"
    if "Something broke on our side" in page.content.decode():
        yield "something broke on our side"


def _same(action: Action, value: str) -> bool:
    return value == action.target if action.field == "status" else Decimal(value) == Decimal(action.target)
