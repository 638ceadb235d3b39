"""The connection to ClickHouse: a server by HTTP, or ClickHouse inside this process for tests and trials."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import clickhouse_connect
import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse import migrations
from cdp.engine.clickhouse.layout import Layout
from cdp.engine.errors import EngineBusy, EngineDamaged, EngineError, EngineUnwritable, NotSupported

IN_PROCESS = "clickhouse:///"
CONNECT_SECONDS, ANSWER_SECONDS = 5, 60
# A question that would need more is refused by the server, which goes on for everybody else.
MOST_MEMORY = 8_000_000_000
SETTINGS = {"max_memory_usage": MOST_MEMORY, "join_use_nulls": 0, "precise_float_parsing": 1}

Answer = TypeVar("Answer")
Number = TypeVar("Number", bound=np.integer[Any])

# Error codes of ClickHouse: 159 and 209 timeouts, 202 too many queries, 241 memory, 164 and 242 read-only,
# 243 no space, 252 too many parts, 160 too slow; of clusters 285, 286, 289 and 319: too few copies of a row so far.
# 40, 226, 228, 246 and 271: what is on disk cannot be what was written.
DAMAGED = {40, 226, 228, 246, 271}
BUSY, MEMORY, UNWRITABLE = {159, 160, 202, 209, 252, 285, 286, 289, 319}, {241}, {164, 242, 243}


class EngineUnreachable(EngineError):
    """No server answers: what was acknowledged waits in the database until one does."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The ClickHouse server does not answer ({reason}). Nothing is lost: events wait for it.")


class Server:
    """Thread-safe. Connects, and brings the tables up to date, when first asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lock = threading.RLock()
        self.known: Client | None = None
        self.in_process = url.startswith(IN_PROCESS)
        # Who is not there cannot give up: a process may be held for longer than a question may take.
        self.settings = SETTINGS if self.in_process else {**SETTINGS, "max_execution_time": ANSWER_SECONDS}
        self.layout = layout_of(url)
        self.settings = {**self.settings, **self.layout.settings}

    def client(self) -> Client:
        with self.lock:
            if self.known is None:
                with told():
                    client = connect(self.url)
                    migrations.migrate(client, self.layout)
                    self.known = client
            return self.known

    def run(self, work: Callable[[Client], Answer]) -> Answer:
        client = self.client()
        with told():
            if not self.in_process:
                return work(client)
            with self.lock:  # the embedded server answers one question at a time
                return work(client)

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        return self.run(
            lambda client: client.query(sql, parameters=dict(parameters), settings=self.settings).result_rows
        )

    def table(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        return self.run(
            lambda client: client.query_arrow(
                sql, parameters=dict(parameters), settings=self.settings, use_strings=True
            )
        )

    def columns(self, sql: str, parameters: Mapping[str, Any]) -> list[Ints]:
        """All columns are whole numbers of 64 bits."""
        return [numbers_of(column) for column in self.table(sql, parameters).columns]

    def change(self, sql: str, parameters: Mapping[str, Any], token: str | None = None) -> None:
        """`token`: a change with the same one was made already when it is repeated."""
        settings = {**self.settings, "insert_deduplication_token": token} if token else self.settings
        self.run(lambda client: client.command(sql, parameters=dict(parameters), settings=settings))

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


def connect(url: str) -> Client:
    if url.startswith(IN_PROCESS):
        (path,) = parse_qs(urlsplit(url).query).get("path", [":memory:"])
        client = clickhouse_connect.get_client(interface="chdb", path=path)
    else:
        parts = urlsplit(url)
        secure = parts.scheme == "clickhouses" or parse_qs(parts.query).get("secure") == ["1"]
        client = clickhouse_connect.get_client(
            host=parts.hostname or "",
            port=parts.port or (8443 if secure else 8123),
            username=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=secure,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=ANSWER_SECONDS,
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
            raise NotSupported(
                f"{name!r} is no name of a {what}: use clickhouse://user:password@host/name, or …/name?cluster=name."
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


@contextmanager
def told() -> Iterator[None]:
    """Whatever the driver raises, as a sentence of ours."""
    try:
        yield
    except ClickHouseError as error:
        raise meant(error) from error
    except OSError as error:
        raise EngineUnreachable(type(error).__name__) from error


def meant(error: ClickHouseError) -> EngineError:
    code = code_of(str(error))
    if code is None:
        return EngineUnreachable(type(error).__name__)
    if code in DAMAGED:
        return EngineDamaged("of a ClickHouse table", f"cannot be read (ClickHouse's error {code})")
    if code in MEMORY:
        return EngineError("This question needs more memory than ClickHouse may use for one. Ask about fewer days.")
    if code in UNWRITABLE:
        return EngineUnwritable(f"ClickHouse cannot store changes (its error {code}).")
    if code in BUSY:
        return EngineBusy(f"ClickHouse is too busy to answer in time (its error {code}).")
    return EngineError(f"ClickHouse refused a statement (its error {code}).")


def code_of(text: str) -> int | None:
    """The number in `Code: 241. DB::Exception: …`, or in `error code 241`."""
    _, found, rest = text.partition("Code: ")
    digits = rest.split(".", 1)[0] if found else ""
    return int(digits) if digits.isdigit() else None
