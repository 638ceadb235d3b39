"""Every call to an ad platform is noted: for API health, for a lost login, and for how long we were asked to wait."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from integrations.callers import Caller
from integrations.google_ads import errors as google_errors
from integrations.meta import errors as meta_errors
from integrations.models import AdConnection
from stratum.lib.http import Answer, Failure, Gone, NotAuthorised, Rejected, Throttled, Unreachable
from trustlayer.services import calls
from trustlayer.services.calls import Outcome

FAILURES: Mapping[str, Callable[..., Failure]] = {"meta": meta_errors.failure_of, "google": google_errors.failure_of}
GATHERED = 25  # calls that were answered are noted together: so many, or those of this time
FOR = timedelta(seconds=10)


class Gathered:
    """Answered calls of this process that are not noted yet, by connection. A failure takes them along at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[int, tuple[int, datetime]] = {}  # how many, and when some were last noted

    def due(self, connection: int, outcome: Outcome, now: datetime) -> list[Outcome]:
        """What is to be noted now."""
        with self._lock:
            count, noted = self._known.get(connection, (0, None))
            count += outcome is Outcome.ANSWERED
            fresh = noted is not None and now - FOR < noted <= now
            if noted is not None and fresh and outcome is Outcome.ANSWERED and count < GATHERED:
                self._known[connection] = count, noted
                return []
            self._known[connection] = 0, now
        return [Outcome.ANSWERED] * count + ([] if outcome is Outcome.ANSWERED else [outcome])


GATHERING = Gathered()


class WatchedCaller:
    """`failure_of` says what an answer that is no success means, where it is not the platform's API that answers."""

    def __init__(
        self,
        inner: Caller,
        connection: AdConnection,
        *,
        now: Callable[[], datetime],
        failure_of: Callable[..., Failure] | None = None,
    ) -> None:
        self._inner, self._connection, self._now = inner, connection, now
        self._failure_of = failure_of or FAILURES[connection.platform]
        self._renews = failure_of is None and connection.platform == "google"

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
        failure = self._failure_of(answer, now=self._now())
        if isinstance(failure, Throttled):
            AdConnection.objects.filter(pk=self._connection.pk).update(waits_until=failure.retry_at)
        if isinstance(failure, NotAuthorised):
            return Outcome.REJECTED if self._renews and answer.status == 401 else Outcome.LOGGED_OUT
        return Outcome.REJECTED if isinstance(failure, Rejected | Gone) else Outcome.FAILED

    def _note(self, outcome: Outcome) -> None:
        now = self._now()
        outcomes = GATHERING.due(self._connection.pk, outcome, now)
        if outcomes:
            calls.note(
                workspace=self._connection.workspace,
                platform=self._connection.platform,
                connection=label(self._connection),
                outcomes=outcomes,
                now=now,
            )


def label(connection: AdConnection) -> str:
    """What the trust layer calls it; the number keeps two connections of one name apart."""
    return f"{connection.name[:60]} (#{connection.pk})"
