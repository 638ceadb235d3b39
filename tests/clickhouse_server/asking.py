"""What a client asks, as ClickHouse reads it from address, headers and body."""

import re
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import parse_qsl

import pyarrow as pa

# ClickHouse's own limits and their settings: http_max_uri_size, http_max_field_value_size (as it was sent).
LONGEST_ADDRESS, LONGEST_VALUE = 1_048_576, 131_072

# What the front of ClickHouse takes for itself; everything else is a setting of the statement.
TRANSPORT = frozenset({
    "query", "database", "default_format", "user", "password", "quota_key", "query_id", "role", "session_id",
    "session_timeout", "session_check", "compress", "decompress", "buffer_size", "wait_end_of_query",
    "client_protocol_version", "send_progress_in_http_headers", "enable_http_compression",
    "http_headers_progress_interval_ms",
})  # fmt: skip
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
INSERT = re.compile(rb"\s*INSERT\s+INTO\s.*?\bFORMAT\s+(\w+)[ \t]*(?:\r?\n|;|$)", re.IGNORECASE | re.DOTALL)


class Refused(Exception):
    """As ClickHouse words it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")
        self.code = code


@dataclass
class Asked:
    """`data`: what an INSERT … FORMAT brings along."""

    statement: str
    database: str | None = None
    bound: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    data: bytes | None = None

    @property
    def format(self) -> str | None:
        found = FORMAT.search(self.statement)
        return found.group(1) if found else None


def read_asked(address: str, kind: str, body: bytes) -> Asked:
    """`address`: what follows the question mark; `kind`: the content type. Raises Refused."""
    if len(address) > LONGEST_ADDRESS:
        raise Refused(1000, "Too long URI. (POCO_EXCEPTION)")
    for part in address.split("&"):
        allow(part.partition("=")[2].encode())
    given = dict(parse_qsl(address, keep_blank_values=True))
    if kind.startswith("multipart/form-data"):
        given |= form(kind, body)
        body = b""
    statement, data = parted(given.get("query", ""), body)
    return Asked(
        statement,
        given.get("database"),
        {name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")},
        {name: value for name, value in given.items() if name not in TRANSPORT and not name.startswith("param_")},
        data,
    )


def parted(query: str, body: bytes) -> tuple[str, bytes | None]:
    """Statement and data. ClickHouse reads one after the other, whichever came in the address."""
    text = f"{query}\n".encode() + body if query else body
    if found := INSERT.match(text):
        return text[: found.end()].decode().rstrip(" \r\n;"), text[found.end() :]
    return text.decode().strip(), None


def form(kind: str, body: bytes) -> dict[str, str]:
    """The fields of a multipart form without files."""
    boundary = kind.partition("boundary=")[2].strip('"').encode()
    fields = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if name is None:
            raise Refused(1000, "A field of the form has no name. (POCO_EXCEPTION)")
        value = value.removesuffix(b"\r\n")
        allow(value)
        fields[name.group(1).decode()] = value.decode()
    return fields


def allow(value: bytes) -> None:
    if len(value) > LONGEST_VALUE:
        raise Refused(1000, "HTML Form Exception: Field value too long. (POCO_EXCEPTION)")


CODECS = {"lz4": "lz4", "zstd": "zstd", "gzip": "gzip"}


def unpacked(body: bytes, encoding: str) -> bytes:
    """Raises Refused for an encoding that is not spoken here."""
    if not encoding or encoding == "identity":
        return body
    codec = CODECS.get(encoding)
    if codec is None:
        raise Refused(48, f"Unknown compression method: {encoding}. (NOT_IMPLEMENTED)")
    with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
        data: bytes = stream.read()
        return data


def packed(answer: bytes, accepted: str) -> tuple[bytes, str]:
    """The answer in the first encoding of `accepted` that is spoken here, and its name."""
    wanted = [one.partition(";")[0].strip() for one in accepted.split(",")]
    encoding = next((one for one in wanted if one in CODECS), "")
    if not encoding:
        return answer, ""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, CODECS[encoding]) as stream:
        stream.write(answer)
    return sink.getvalue().to_pybytes(), encoding


def chunked(stream: BinaryIO) -> bytes:
    """A body that comes in pieces. Raises EOFError when the client leaves."""
    pieces = []
    while size := int(read_line(stream).split(b";")[0], 16):
        piece = stream.read(size)
        if len(piece) < size:
            raise EOFError
        pieces.append(piece)
        read_line(stream)
    read_line(stream)
    return b"".join(pieces)


def read_line(stream: BinaryIO) -> bytes:
    line = stream.readline()
    if not line:
        raise EOFError
    return line.strip()
