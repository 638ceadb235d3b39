"""The HTTP interface: who asks, what, and what comes back."""

import base64
import hmac
import json
import os
import signal
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.clickhouse_server.asking import Asked, Refused, chunked, packed, read_asked, unpacked
from tests.clickhouse_server.database import Answer, Database
from tests.clickhouse_server.faults import Fault, Faults

FAULTS = "/faults"  # not ClickHouse's: POST switches one on, DELETE heals all
# As ClickHouse maps its errors; all others are 500.
STATUSES = {159: 408, 48: 501, 209: 503, 76: 503, 516: 403, 497: 403, 192: 403, 193: 403, 194: 401, 223: 413}
STATUSES |= dict.fromkeys((36, 53, 62, 117, 6, 27, 41, 72, 26, 44, 8, 168, 427), 400)
STATUSES |= dict.fromkeys((60, 46, 47, 50, 56, 81, 115, 63, 73), 404)


class Gone(Exception):
    """The connection breaks here, without an answer."""


@dataclass
class Service:
    database: Database
    user: str
    password: str
    faults: Faults = field(default_factory=Faults)

    def knows(self, authorization: str) -> bool:
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return hmac.compare_digest(authorization.encode(), f"Basic {expected}".encode())

    def answer(self, asked: Asked) -> Answer:
        """Raises Refused, or Gone."""
        faults = self.faults.of(asked.statement)
        for fault in faults:
            before(fault, asked)
        answer = self.database.run(asked)
        for fault in faults:
            after(fault)
        return answer


def before(fault: Fault, asked: Asked) -> None:
    match fault.kind:
        case "slow":
            time.sleep(fault.seconds)
        case "error":
            raise Refused(fault.code, fault.text)
        case "read-only":
            asked.settings["readonly"] = "2"
        case "memory":
            asked.settings |= {"max_untracked_memory": "0", "max_memory_usage": str(fault.bytes)}
        case "drop before":
            raise Gone
        case "die before":
            os.kill(os.getpid(), signal.SIGKILL)


def after(fault: Fault) -> None:
    match fault.kind:
        case "drop after":
            raise Gone
        case "die after":
            os.kill(os.getpid(), signal.SIGKILL)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body of an answer waits for the client to acknowledge its head
    server: "Front"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/ping" or not parts.query:
            self.reply(200, b"Ok.\n", {})
        else:
            self.question(parts.query, b"")

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        try:
            body = self.body()
        except EOFError:
            self.close_connection = True
            return
        if parts.path == FAULTS:
            self.server.service.faults.add(Fault(**json.loads(body)))
            self.reply(200, b"", {})
        else:
            self.question(parts.query, body)

    def do_DELETE(self) -> None:
        self.server.service.faults.heal()
        self.reply(200, b"", {})

    def body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return chunked(self.rfile)  # type: ignore[arg-type]
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise EOFError
        return body

    def question(self, address: str, body: bytes) -> None:
        service = self.server.service
        headers = {"X-ClickHouse-Query-Id": str(uuid.uuid4()), "X-ClickHouse-Timezone": "UTC"}
        try:
            if not service.knows(self.headers.get("Authorization", "")):
                raise Refused(516, f"{service.user}: Authentication failed. (AUTHENTICATION_FAILED)")
            plain = unpacked(body, self.headers.get("Content-Encoding", ""))
            answer = service.answer(read_asked(address, self.headers.get("Content-Type", ""), plain))
        except Gone:
            self.close_connection = True
        except Refused as refused:
            headers["X-ClickHouse-Exception-Code"] = str(refused.code)
            self.reply(STATUSES.get(refused.code, 500), f"{refused}\n".encode(), headers)
        else:
            if answer.format:
                headers["X-ClickHouse-Format"] = answer.format
            headers["X-ClickHouse-Summary"] = json.dumps(answer.summary)
            is_packed = "enable_http_compression=1" in address
            content, encoding = packed(answer.body, self.headers.get("Accept-Encoding", "") if is_packed else "")
            self.reply(200, content, headers | ({"Content-Encoding": encoding} if encoding else {}))

    def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


class Front(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, service: Service) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.service = service

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave are nobody's business."""
