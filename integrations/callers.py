"""What a client calls through: a session of stratum.lib.http, or a fake in this process that answers like a vendor."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from stratum.lib.http import Answer


class Caller(Protocol):
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
        """Raises Unreachable. Any status is an answer."""
