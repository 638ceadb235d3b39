"""Calls a fake in this process the way stratum.lib.http calls a vendor."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from integrations.sandbox.wire import Reply, Request
from stratum.lib.http import Answer, Unreachable


class Headers(dict[str, str]):
    """Looked up in any case."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in given.items()})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())


class SandboxSession:
    def __init__(self, answer: Callable[[Request], Reply], *, headers: Mapping[str, str] | None = None) -> None:
        self._answer, self._headers = answer, dict(headers or {})

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
        body = orjson.dumps(json) if json is not None else urlencode(form or {}).encode()
        sent = Headers({**self._headers, **(headers or {})})
        told = {str(name): str(value) for name, value in dict(params or {}).items()}
        given = self._answer(Request(method, f"/{path.lstrip('/')}", told, sent, body))
        if given.drop:
            raise Unreachable("The connection to the sandbox broke.")
        return Answer(given.status, Headers(given.headers), given.body)
