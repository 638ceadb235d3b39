"""Idempotency-Key: a POST that is repeated under one key does nothing twice and is answered as before.

The row is committed before the view begins, so of two at once one finds the other; it is kept for a day. A request that
broke on our side leaves none, so that it can be tried again.
"""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from stratum.lib.problems import Answered
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.seal import seal, unseal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import KeptAnswer, Workspace

HEADER = "Idempotency-Key"
LONGEST = 255
KEPT_FOR = timedelta(days=1)
IN_FLIGHT = timedelta(minutes=5)  # later its process must have died
LARGEST_KEPT = 1_000_000  # bytes; larger answers are files, and asking for one again does no harm


def begin(request: HttpRequest, workspace: Workspace, by: Actor, now: datetime) -> None:
    """Before a view's work. Raises Answered with what was answered before, or Refusal."""
    key = request.headers.get(HEADER, "")
    if request.method != "POST" or not key:
        return
    if len(key) > LONGEST or not key.isprintable():
        raise Invalid([Fault("", f"An {HEADER} has at most {LONGEST} printable characters.", "invalid_key")])
    row, is_new = _row(workspace, _caller(by), key, _fingerprint(request), now)
    if not is_new:
        _repeat(row, _fingerprint(request), now)
    request.kept_answer = row  # type: ignore[attr-defined]


def keep(request: HttpRequest, response: HttpResponseBase) -> None:
    """After the view: an answer is kept, one that broke is not."""
    row: KeptAnswer | None = getattr(request, "kept_answer", None)
    if row is None:
        return
    if isinstance(response, HttpResponse) and _is_kept(response):
        row.status, row.content_type = response.status_code, response.headers.get("Content-Type", "")[:100]
        row.sealed_body = seal(response.content.decode())
        row.save(update_fields=["status", "content_type", "sealed_body"])
    else:
        row.delete()


def _is_kept(response: HttpResponse) -> bool:
    lost = response.status_code >= 500 or response.status_code == 429
    return not lost and len(response.content) <= LARGEST_KEPT


def forget_old(*, now: datetime) -> int:
    return KeptAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]


def _row(workspace: Workspace, caller: str, key: str, fingerprint: str, now: datetime) -> tuple[KeptAnswer, bool]:
    KeptAnswer.objects.filter(workspace=workspace, caller=caller, key=key, created_at__lt=now - KEPT_FOR).delete()
    given = {"fingerprint": fingerprint, "created_at": now}
    return KeptAnswer.objects.get_or_create(workspace=workspace, caller=caller, key=key, defaults=given)


def _repeat(row: KeptAnswer, fingerprint: str, now: datetime) -> None:
    """Answers as before; returns when the earlier one died unanswered and this one takes its place."""
    if row.fingerprint != fingerprint:
        sentence = f"This {HEADER} was used for another request. Use a new one for each."
        raise Refusal("idempotency_key_reused", sentence, status=422)
    if row.status is not None:
        answer = HttpResponse(unseal(row.sealed_body), status=row.status, content_type=row.content_type)
        answer["Idempotency-Replayed"] = "true"
        raise Answered(answer)
    _take_over(row, now)


def _take_over(row: KeptAnswer, now: datetime) -> None:
    with transaction.atomic():
        dead = KeptAnswer.objects.filter(pk=row.pk, status=None, created_at__lte=now - IN_FLIGHT)
        if not dead.update(created_at=now):
            raise Refusal("in_flight", f"A request with this {HEADER} is being answered. Repeat it in a moment.")


def _caller(by: Actor) -> str:
    if by.api_key is not None:
        return f"key {by.api_key.pk}"
    return f"user {by.user.pk if by.user else 0}"


def _fingerprint(request: HttpRequest) -> str:
    asked = f"{request.method} {request.get_full_path()}\n".encode() + request.body
    return hashlib.sha256(asked).hexdigest()
