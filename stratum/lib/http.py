"""The only way out: sessions with time-outs, repeated reads, no secret in any log line, and no door to our own network.

What can go wrong is a tree, and each branch has a fate:

- `Unreachable`: no usable answer. Reads are repeated; a write that `may_have_arrived` is looked up, then repeated.
  - `Garbled`: an answer that is not what the vendor documents.
- `Throttled`: wait until `retry_at`.
- `Rejected`: the vendor refuses what was sent; repeating is useless, `faults` say why.
- `NotAuthorised`: the token is lost or lacks a right; a person has to connect again.
- `Gone`: the thing is not there (any more).
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any

import orjson
import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from stratum.lib.refusal import Fault

log = logging.getLogger(__name__)

CONNECT, READ = 5.0, 30.0  # seconds
MOST_BYTES = 64 * 1024 * 1024  # of an answer
PAUSES = (0.2, 0.8)  # seconds before a read is repeated
REPEATABLE = frozenset({"GET", "HEAD"})
OVERLOADED = frozenset({502, 503, 504})


class Failure(Exception):
    """The sentence is fit for a person and holds no secret. `request_id` is the vendor's, for their support."""

    def __init__(self, sentence: str, *, request_id: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.request_id = request_id


class Unreachable(Failure):
    """`may_have_arrived` is False only when the request certainly never reached the vendor."""

    def __init__(self, sentence: str, *, may_have_arrived: bool = True, request_id: str = "") -> None:
        super().__init__(sentence, request_id=request_id)
        self.may_have_arrived = may_have_arrived


class Garbled(Unreachable):
    pass


class Throttled(Failure):
    """`retry_at` is None where the vendor names no time."""

    def __init__(self, sentence: str, *, retry_at: datetime | None = None, request_id: str = "") -> None:
        super().__init__(sentence, request_id=request_id)
        self.retry_at = retry_at


class Rejected(Failure):
    def __init__(self, sentence: str, *, faults: Sequence[Fault] = (), code: str = "", request_id: str = "") -> None:
        super().__init__(sentence, request_id=request_id)
        self.faults = tuple(faults)
        self.code = code


class NotAuthorised(Failure):
    pass


class Gone(Failure):
    pass


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` are looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises Garbled."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Garbled(f"The answer (HTTP {self.status}) is not JSON.") from None


class Session:
    """Calls below one base URL. Any status is an answer; what it means is the client's business.

    Proxies of the environment and redirects are not followed: they could lead a token elsewhere.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        read_timeout: float = READ,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout = (CONNECT, read_timeout)
        self._sleep = sleep
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(headers or {})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, OutwardAdapter())

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
        """Raises Unreachable. Reads are repeated after lost connections and 502 to 504; writes never are."""
        body = None if json is None else orjson.dumps(json)
        kind = {"Content-Type": "application/json"} if json is not None else {}
        sent = {"params": params, "data": form if body is None else body, "headers": {**kind, **(headers or {})}}
        pauses = PAUSES if method in REPEATABLE else ()
        for pause in pauses:
            try:
                answer = self._once(method, path, sent)
            except Unreachable:
                self._sleep(pause)
                continue
            if answer.status not in OVERLOADED:
                return answer
            self._sleep(pause)
        return self._once(method, path, sent)

    def _once(self, method: str, path: str, sent: Mapping[str, Any]) -> Answer:
        began = time.monotonic()
        url = f"{self.base_url}/{path.lstrip('/')}" if path else self.base_url
        host = self.base_url.partition("://")[2].partition("/")[0]
        try:
            response = self._session.request(
                method, url, timeout=self._timeout, allow_redirects=False, stream=True, **sent
            )
            with response:
                answer = Answer(response.status_code, response.headers, _body(response))
        except Forbidden:
            raise Unreachable(f"{host} lies inside our own network.", may_have_arrived=False) from None
        except (requests.ConnectTimeout, requests.exceptions.SSLError):
            raise Unreachable(f"No connection to {host}.", may_have_arrived=False) from None
        except requests.Timeout:
            raise Unreachable(f"{host} did not answer in time.") from None
        except (requests.RequestException, HTTPError) as error:
            raise Unreachable(f"The connection to {host} broke.", may_have_arrived=_was_connected(error)) from None
        took = (time.monotonic() - began) * 1000
        log.info("%s %s/%s %d in %.0f ms", method, host, path.lstrip("/").partition("?")[0], answer.status, took)
        return answer


def _body(response: requests.Response) -> bytes:
    parts, size = [], 0
    for part in response.iter_content(65_536):
        size += len(part)
        if size > MOST_BYTES:
            raise Garbled(f"The answer is larger than {MOST_BYTES // 2**20} MB.")
        parts.append(part)
    return b"".join(parts)


def _was_connected(error: Exception) -> bool:
    """Whether the request may have left: only a connection that never came about is certain not to have carried it."""
    return "NewConnectionError" not in repr(error) and "NameResolutionError" not in repr(error)


class Forbidden(Exception):
    """An address that nobody outside may make us call."""


def _guarded(sock: Any) -> Any:
    """The address that was really reached is looked at, so no name can lead inside by resolving differently later."""
    peer = ip_address(sock.getpeername()[0].partition("%")[0])
    if peer.is_global or (peer.is_loopback and settings.MAY_CALL_LOOPBACK):
        return sock
    sock.close()
    raise Forbidden(str(peer))


class OutwardConnection(HTTPConnection):
    def _new_conn(self) -> Any:
        return _guarded(super()._new_conn())


class OutwardTlsConnection(HTTPSConnection):
    def _new_conn(self) -> Any:
        return _guarded(super()._new_conn())


class OutwardPool(HTTPConnectionPool):
    ConnectionCls = OutwardConnection


class OutwardTlsPool(HTTPSConnectionPool):
    ConnectionCls = OutwardTlsConnection


class OutwardAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": OutwardPool, "https": OutwardTlsPool}
