"""The server for tests does what a ClickHouse server does, as its official client sees it."""

import threading
from collections.abc import Callable
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from tests.clickhouse_server.asking import LONGEST_VALUE, Refused, packed, read_asked, unpacked
from tests.clickhouse_server.process import ClickHouseProcess

Connect = Callable[..., Client]


@pytest.fixture
def connect(clickhouse: ClickHouseProcess) -> Connect:
    def connected(**more: Any) -> Client:
        settings = {"username": clickhouse.user, "password": clickhouse.password, "form_encode_query_params": True}
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=clickhouse.port, autogenerate_session_id=False, **settings | more
        )

    return connected


@pytest.fixture
def client(connect: Connect) -> Client:
    client = connect()
    client.command("CREATE OR REPLACE TABLE number (n Int64) ENGINE = MergeTree ORDER BY n "
                   "SETTINGS non_replicated_deduplication_window = 100")  # fmt: skip
    return client


def put(client: Client, *numbers: int, token: str = "") -> None:
    client.insert_arrow("number", pa.table({"n": numbers}), settings={"insert_deduplication_token": token})


def held(client: Client) -> list[int]:
    return [n for (n,) in client.query("SELECT n FROM number ORDER BY n").result_rows]


def test_values_go_there_and_back(client: Client) -> None:
    odd = "é 🎈 '\\\n\t"
    bound = client.query("SELECT {a:String}, {b:Array(String)}", parameters={"a": odd, "b": [odd, ""]})
    assert bound.result_rows == [(odd, [odd, ""])]
    client.insert("number", [[-(2**63)], [2**63 - 1]], column_names=["n"])
    put(client, 7)
    assert held(client) == [-(2**63), 7, 2**63 - 1]
    assert client.query_arrow("SELECT n FROM number ORDER BY n")["n"].to_pylist() == held(client)
    assert client.command("SELECT count() FROM number") == 3
    assert client.command("SELECT n FROM number WHERE n = 1") == ""
    assert client.query("SELECT n FROM number WHERE n = 1").result_rows == []
    assert client.ping() and client.server_version.startswith("2")


@pytest.mark.parametrize("compress", [False, "lz4", "gzip"])
def test_answers_and_inserts_may_be_compressed(connect: Connect, client: Client, compress: Any) -> None:
    packing = connect(compress=compress)
    packing.insert("number", [[n] for n in range(1_000)], column_names=["n"])
    assert held(packing) == list(range(1_000))


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "lz4"])
def test_what_is_packed_is_unpacked(encoding: str) -> None:
    content, said = packed(b"x" * 100_000, f"br, {encoding};q=1")
    assert said == encoding and len(content) < 10_000
    assert unpacked(content, encoding) == b"x" * 100_000


def test_settings_are_those_of_one_statement(client: Client) -> None:
    asked = "SELECT getSetting('max_result_rows')"
    assert client.query(asked, settings={"max_result_rows": 5}).result_rows == [(5,)]
    assert client.query(asked).result_rows == [(0,)]


def test_a_token_counts_once_over_restarts(clickhouse: ClickHouseProcess, client: Client) -> None:
    put(client, 1, token="a")
    put(client, 2, token="a")
    clickhouse.restart()
    put(client, 3, token="a")
    put(client, 4, token="b")
    assert held(client) == [1, 4]


def test_several_clients_share_it(connect: Connect, client: Client) -> None:
    clients = [connect() for _ in range(4)]
    threads = [threading.Thread(target=put, args=(one, place)) for place, one in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held(client) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("statement", "code"),
    [("SELECT * FROM nowhere", 60), ("SELECT FROM WHERE", 62), ("SELECT 1 FROM elsewhere.number", 81)],
)
def test_errors_have_numbers(client: Client, statement: str, code: int) -> None:
    with pytest.raises(DatabaseError) as refused:
        client.query(statement)
    assert refused.value.code == code


def test_strangers_are_refused(connect: Connect) -> None:
    with pytest.raises(DatabaseError) as refused:
        connect(password="wrong")
    assert refused.value.code == 516


def test_a_value_has_the_length_that_servers_allow() -> None:
    form = 'multipart/form-data; boundary="b"'
    body = b'--b\r\nContent-Disposition: form-data; name="param_p"\r\n\r\n%s\r\n--b--\r\n'
    assert read_asked("query=SELECT+1", form, body % (b"x" * LONGEST_VALUE)).bound["p"] == "x" * LONGEST_VALUE
    with pytest.raises(Refused, match="Field value too long"):
        read_asked("query=SELECT+1", form, body % (b"x" * (LONGEST_VALUE + 1)))
    with pytest.raises(Refused, match="Field value too long"):
        read_asked("param_p=" + "x" * (LONGEST_VALUE + 1), "", b"SELECT 1")


class TestFaults:
    def test_memory(self, clickhouse: ClickHouseProcess, client: Client) -> None:
        clickhouse.fault("memory", "FROM numbers", bytes=1_000_000)
        with pytest.raises(DatabaseError) as refused:
            client.query("SELECT groupArray(number) FROM numbers(1000000)")
        assert refused.value.code == 241
        assert held(client) == []

    def test_read_only(self, clickhouse: ClickHouseProcess, client: Client) -> None:
        put(client, 1)
        clickhouse.fault("read-only")
        with pytest.raises(DatabaseError) as refused:
            put(client, 2)
        assert refused.value.code == 164
        assert held(client) == [1]

    def test_a_server_says_what_it_is_told_to(self, clickhouse: ClickHouseProcess, client: Client) -> None:
        clickhouse.fault("error", "SELECT 1", times=1, code=202, text="Too many simultaneous queries.")
        with pytest.raises(DatabaseError) as refused:
            client.command("SELECT 1")
        assert refused.value.code == 202
        assert client.command("SELECT 1") == 1

    def test_slow(self, clickhouse: ClickHouseProcess, connect: Connect) -> None:
        hasty = connect(send_receive_timeout=1)
        clickhouse.fault("slow", "SELECT 1", times=1, seconds=30)
        with pytest.raises(OperationalError, match="timed out"):
            hasty.command("SELECT 1")

    @pytest.mark.parametrize(("kind", "left"), [("drop before", []), ("drop after", [1])])
    def test_the_connection_breaks(
        self, clickhouse: ClickHouseProcess, client: Client, kind: str, left: list[int]
    ) -> None:
        clickhouse.fault(kind, "INSERT INTO `?number", times=1)
        with pytest.raises(OperationalError):
            put(client, 1)
        assert held(client) == left

    @pytest.mark.parametrize(("kind", "left"), [("die before", []), ("die after", [1])])
    def test_it_dies_of_an_insert(
        self, clickhouse: ClickHouseProcess, client: Client, kind: str, left: list[int]
    ) -> None:
        clickhouse.fault(kind, "INSERT INTO `?number", times=1)
        with pytest.raises(OperationalError):
            put(client, 1)
        clickhouse.gone()
        assert not clickhouse.answers()
        clickhouse.start()
        assert held(client) == left
