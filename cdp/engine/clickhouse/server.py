"""The connection to ClickHouse: a server by HTTP, or ClickHouse inside this process for tests and trials."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import clickhouse_connect
import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse import migrations
from cdp.engine.clickhouse.bound import parted
from cdp.engine.clickhouse.failures import Silent, told
from cdp.engine.clickhouse.layout import Layout
from cdp.engine.errors import EngineRefused, EngineUnreachable

IN_PROCESS = "clickhouse:///"
# The background threads of a server: with chdb's own two, whoever deletes waits half a second until one looks for work.
AS_A_SERVER = "?background_pool_size=16"
# The driver tries to connect twice. The server gives a question up on its own, in words, a little before we do.
CONNECT_SECONDS, ANSWER_SECONDS, GRACE_SECONDS = 3, 60, 5
PROBE_SECONDS = 2
LONGEST_REST = 30.0  # seconds
# A question that would need more is refused by the server, which goes on for everybody else.
MOST_MEMORY = 8_000_000_000
SETTINGS = {
    "max_memory_usage": MOST_MEMORY,
    "join_use_nulls": 0,
    "precise_float_parsing": 1,
    "optimize_aggregation_in_order": 1,
}

Answer = TypeVar("Answer")
Number = TypeVar("Number", bound=np.integer[Any])


class Server:
    """Thread-safe. Connects, and brings the tables up to date, when first asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lock = threading.RLock()
        self.known: Client | None = None
        self.rests_until = 0.0  # monotonic seconds
        self.untold: list[Any] = []  # claims whose end could not be told
        self.in_process = url.startswith(IN_PROCESS)
        # Who is not there cannot give up: a process may be held for longer than a question may take.
        self.settings = SETTINGS if self.in_process else {**SETTINGS, "max_execution_time": ANSWER_SECONDS}
        self.layout = layout_of(url)
        self.settings = {**self.settings, **self.layout.settings}

    def client(self) -> Client:
        with self.lock:
            if self.known is None:
                self.require_hope()
                with self.counted(), told(ANSWER_SECONDS):
                    client = connect(self.url)
                    migrations.migrate(client, self.layout)
                    self.known = client
            return self.known

    def run(self, work: Callable[[Client], Answer]) -> Answer:
        self.require_hope()
        client = self.client()
        with self.counted(), told(ANSWER_SECONDS):
            if not self.in_process:
                return work(client)
            with self.lock:  # the embedded server answers one question at a time
                return work(client)

    def require_hope(self) -> None:
        """Who waited in vain spares others the wait for as long: they would hold up what needs no ClickHouse."""
        if time.monotonic() < self.rests_until:
            raise Silent("it did not a moment ago")

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A server that lost our tables gets them again when it is next asked."""
        begun = time.monotonic()
        try:
            yield
        except EngineUnreachable as error:
            self.known = None
            if isinstance(error, Silent):
                now = time.monotonic()
                self.rests_until = now + min(now - begun, LONGEST_REST)
            raise

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        sql, bound = parted(sql, parameters)
        return self.run(lambda client: client.query(sql, parameters=bound, settings=self.settings).result_rows)

    def table(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        sql, bound = parted(sql, parameters)
        return self.run(
            lambda client: client.query_arrow(sql, parameters=bound, settings=self.settings, use_strings=True)
        )

    def columns(self, sql: str, parameters: Mapping[str, Any]) -> list[Ints]:
        """All columns are whole numbers of 64 bits."""
        return [numbers_of(column) for column in self.table(sql, parameters).columns]

    def change(self, sql: str, parameters: Mapping[str, Any], token: str | None = None) -> None:
        """`token`: a change with the same one was made already when it is repeated.

        Goes as a raw query, whose values the driver sends in the body: an address holds only so much.
        """
        settings = {**self.settings, "insert_deduplication_token": token} if token else self.settings
        sql, bound = parted(sql, parameters)
        self.run(lambda client: client.raw_query(sql, parameters=bound, settings=settings))

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        """One block, which a repetition with the same token does not add again."""
        block = pa.table(dict(columns))
        settings = {"insert_deduplication_token": token, "max_insert_block_size": max(len(block), 1)}
        settings |= self.layout.settings
        self.run(lambda client: client.insert_arrow(table, block, settings=settings))


@lru_cache(maxsize=16)
def server_of(url: str) -> Server:
    """One per process."""
    return Server(url)


def version(url: str) -> str:
    """Of the server, which has to answer within moments. Raises EngineError."""
    with told(PROBE_SECONDS):
        client = connect(url, PROBE_SECONDS, PROBE_SECONDS)
        try:
            return str(client.server_version)
        finally:
            client.close()


def connect(url: str, connect_seconds: int = CONNECT_SECONDS, answer_seconds: int | None = None) -> Client:
    if url.startswith(IN_PROCESS):
        (path,) = parse_qs(urlsplit(url).query).get("path", [":memory:"])
        client = clickhouse_connect.get_client(interface="chdb", path=path + AS_A_SERVER)
    else:
        parts = urlsplit(url)
        secure = parts.scheme == "clickhouses" or parse_qs(parts.query).get("secure") == ["1"]
        client = clickhouse_connect.get_client(
            host=parts.hostname or "",
            port=parts.port or (8443 if secure else 8123),
            username=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=secure,
            connect_timeout=connect_seconds,
            send_receive_timeout=answer_seconds or ANSWER_SECONDS + GRACE_SECONDS,
            autogenerate_session_id=False,
            form_encode_query_params=True,
            query_limit=0,
        )
    return client


def layout_of(url: str) -> Layout:
    """`clickhouse://…/name` or, on a cluster, `clickhouse://…/name?cluster=its_name`."""
    parts = urlsplit(url)
    (cluster,) = parse_qs(parts.query).get("cluster", [""])
    for name, what in ((path_of(parts), "database"), (cluster or "none", "cluster")):
        if not name.isidentifier():
            raise EngineRefused(
                f"ENGINE_URL names {name!r}, which is no name of a {what}: clickhouse://user:password@host/name, or "
                "…/name?cluster=name."
            )
    return Layout(path_of(parts), cluster)


def path_of(parts: SplitResult) -> str:
    return parts.path.strip("/")


def numbers_of(column: pa.ChunkedArray) -> Ints:
    """Of a column of whole numbers of 64 bits."""
    return array_of(column, np.int64)


def array_of(column: pa.ChunkedArray, kind: type[Number]) -> NDArray[Number]:
    """Of a column of that very type."""
    size = np.dtype(kind).itemsize
    parts = [np.frombuffer(chunk.buffers()[1], kind, len(chunk), chunk.offset * size) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.empty(0, kind)
