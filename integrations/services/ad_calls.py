"""Every call to an ad platform is noted: for API health, for a lost login, and for how long we were asked to wait."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from integrations.callers import Caller
from integrations.google_ads import errors as google_errors
from integrations.meta import errors as meta_errors
from integrations.models import AdConnection
from stratum.lib.http import Answer, Failure, Gone, NotAuthorised, Rejected, Throttled, Unreachable
from trustlayer.services import calls
from trustlayer.services.calls import Outcome

FAILURES: Mapping[str, Callable[..., Failure]] = {"meta": meta_errors.failure_of, "google": google_errors.failure_of}


class WatchedCaller:
    def __init__(self, inner: Caller, connection: AdConnection, *, now: Callable[[], datetime]) -> None:
        self._inner, self._connection, self._now = inner, connection, now

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        try:
            answer = self._inner.call(method, path, params=params, json=json, form=form, headers=headers)
        except Unreachable:
            self._note(Outcome.FAILED)
            raise
        self._note(self._outcome(answer))
        return answer

    def _outcome(self, answer: Answer) -> Outcome:
        """An access token of Google's that ran out (401) is renewed by the client, so it is no lost login yet."""
        if answer.status == 200:
            return Outcome.ANSWERED
        failure = FAILURES[self._connection.platform](answer, now=self._now())
        if isinstance(failure, Throttled):
            AdConnection.objects.filter(pk=self._connection.pk).update(waits_until=failure.retry_at)
        if isinstance(failure, NotAuthorised):
            return Outcome.REJECTED if answer.status == 401 else Outcome.LOGGED_OUT
        return Outcome.REJECTED if isinstance(failure, Rejected | Gone) else Outcome.FAILED

    def _note(self, outcome: Outcome) -> None:
        calls.note(
            workspace=self._connection.workspace,
            platform=self._connection.platform,
            connection=label(self._connection),
            outcome=outcome,
            now=self._now(),
        )


def label(connection: AdConnection) -> str:
    """What the trust layer calls it; the number keeps two connections of one name apart."""
    return f"{connection.name[:60]} (#{connection.pk})"
